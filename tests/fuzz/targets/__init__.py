"""Every target of fuzzing, one file a family."""

from tests.fuzz.target import Target
from tests.fuzz.targets import mail, papers, web, wire

TARGETS: tuple[Target, ...] = (*mail.TARGETS, *web.TARGETS, *wire.TARGETS, *papers.TARGETS)
BY_NAME = {target.name: target for target in TARGETS}
