"""Every target of fuzzing, one file a family."""

from tests.fuzz.target import Target
from tests.fuzz.targets import mail, ours, papers, served, web, wire

FAMILIES = (mail, web, wire, papers, ours, served)
TARGETS: tuple[Target, ...] = tuple(target for family in FAMILIES for target in family.TARGETS)
BY_NAME = {target.name: target for target in TARGETS}
