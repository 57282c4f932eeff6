"""A configuration with all that is made of it: whatever may fail is done before any of it is taken up."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from commands._alerting import Roads
from config.configuration import Configuration, fingerprint
from config.faults import Fault
from retabli.model import causes
from retabli.model.flow import Flow, Policy, UnitName
from retabli.model.ladder import cause_of
from retabli.model.probe import Probe
from retabli.net.descriptors import require
from retabli.web.access.certificate import ends_at

Units = Mapping[UnitName, tuple[Probe, Policy]]

OPEN_AT_ONCE = 4  # more files than the loading of a configuration has open at a time

log = logging.getLogger("retabli")


@dataclass(frozen=True, slots=True)
class Successor:
    """`flows` are those of the configuration and what is built in; `certificate_ends` as Unix time, if there is one.

    `way_back` are roads of the configuration of before: those that were in use may be closed once others took over.
    """

    configuration: Configuration
    flows: Mapping[str, Flow]
    fingerprints: Mapping[str, str]
    units: Units
    roads: Roads
    way_back: Roads
    hosts: list[str]
    certificate_ends: float | None


def fingerprints_of(flows: Mapping[str, Flow]) -> dict[str, str]:
    return {id_: fingerprint(flow) for id_, flow in flows.items()}


def units_of(flows: Mapping[str, Flow]) -> Units:
    return {name: (probe, flow.policy) for flow in flows.values() for name, probe in flow.units()}


def certificate_end(configuration: Configuration) -> float | None:
    tls = configuration.web.tls
    return ends_at(tls.cert) if tls is not None else None


def hosts_of(configuration: Configuration) -> list[str]:
    """The name by which people reach the pages, where the configuration says it."""
    name = urlsplit(configuration.url or "").hostname
    return [name] if name else []


def warn_of_what_needs_a_restart(before: Configuration, after: Configuration) -> None:
    fixed = ("site", "standpoint", "state", "listen")
    changed = [name for name in fixed if getattr(before, name) != getattr(after, name)]
    if before.copies.folder != after.copies.folder:
        changed.append("copies.folder")
    if (before.tls is None) is not (after.tls is None):
        changed.append("web.tls")  # another certificate is taken up; whether there is any, is not
    for name in changed:
        log.warning("%s changed: that needs a restart, everything else is taken up now", name)


def is_shortage(error: BaseException) -> bool:
    """Whether our own machine lacked something: open files, threads, memory."""
    return cause_of(error) is causes.LOCAL_RESOURCES


def lack_of_files() -> OSError | None:
    """Why not even the files of a configuration can be opened now, or None: they can."""
    try:
        require(OPEN_AT_ONCE)
    except OSError as error:
        return OSError(error.errno, error.strerror)  # what was opened for a trial is none of the configuration's
    return None


def why_not(error: Exception) -> Fault:
    """That a configuration could not be taken up, for a reason that is no fault of its own."""
    if isinstance(error, OSError):
        said = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    else:
        said = str(error)
    if is_shortage(error):
        return Fault("", 0, "", f"our own machine lacks something ({said or 'no memory is left'}): reload again")
    if isinstance(error, OSError):
        return Fault("", 0, "", said)
    return Fault("", 0, "", f"a defect of Retabli ({type(error).__name__}: {said})")
