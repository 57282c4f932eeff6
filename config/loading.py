"""Loads a configuration: finds its files, reads them, checks everything, and refuses with every fault at once."""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from yaml.nodes import MappingNode

from config.checks import check, written_parents
from config.configuration import Configuration
from config.draft import Draft, Drafting
from config.faults import ConfigurationFault, Fault, Findings, in_order
from config.files import ALL, Look, check_files
from config.joining import join
from config.plain_values import Reading, budget
from config.sections import FlowSettings, parse_listen, policy
from config.web_access import context_of, exposure, policy_of
from config.web_settings import Web
from config.yaml_lines import Lines, Place, Steps, Unreadable, compose, read
from retabli.model.flow import Flow, Require
from retabli.model.states import Criticality, Intent
from retabli.model.words import Words
from retabli.web.access.policy import Policy

VARIABLE = "RETABLI_CONFIG"
USUAL = Path("/etc/retabli")


def load(path: Path | None = None, look: Look = ALL) -> Configuration:
    """The configuration in a file or in a directory of `*.yaml`; None looks where the operator said, or usually has it.

    `look`: which of the secrets, certificates and keys that it names are read; only after all of them it may be run.

    Raises:
        ConfigurationFault: with every fault; nothing of it may be used.
    """
    found = chosen(path)
    findings = Findings()
    files = files_of(found, findings)
    root, nodes = _read(files, findings)
    tree = _tree(root, nodes, findings)
    findings.lines = Lines(root)
    folder = (found if found.is_dir() else found.parent).absolute()
    draft = Drafting(tree, folder, findings).read()
    check(draft, tree, findings)
    check_files(draft, findings, look)
    serving = _serving(draft.web, findings, look)
    findings.check_empty()
    findings.refuse()
    return _configuration(draft, tree, files, findings, serving)


def chosen(path: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the configuration is: as said, else $RETABLI_CONFIG, else /etc/retabli.

    Raises:
        ConfigurationFault: in none of the three.
    """
    if path is not None:
        return path
    if environment.get(VARIABLE):
        return Path(environment[VARIABLE])
    if USUAL.exists():
        return USUAL
    said = f"no configuration is named: give --config PATH, or set ${VARIABLE}, or put one into {USUAL}"
    raise ConfigurationFault([Fault("", 0, "", said)])


def files_of(path: Path, findings: Findings) -> tuple[Path, ...]:
    """The file, or a directory's `*.yaml` in the order of their names.

    Raises:
        ConfigurationFault: there is nothing to read.
    """
    try:
        if not path.is_dir():
            path.stat()
            return (path,)
        inside = sorted(path.iterdir())
    except OSError as error:
        raise ConfigurationFault([Fault(str(path), 0, "", f"cannot be read: {error.strerror}")]) from error
    files = tuple(each for each in inside if each.suffix == ".yaml" and not each.name.startswith("."))
    if not files:
        raise ConfigurationFault([Fault(str(path), 0, "", "there is no *.yaml file in this directory")])
    for each in inside:
        if each.suffix.lower() in (".yml", ".yaml") and each not in files and not each.name.startswith("."):
            findings.warnings.append(Fault(str(each), 0, "", "is not read: only names that end in .yaml are"))
    return files


def _read(files: tuple[Path, ...], findings: Findings) -> tuple[MappingNode, int]:
    """One root of all files, and how many nodes they have. A file that is no YAML leaves nothing to check."""
    roots: list[MappingNode] = []
    nodes = 0
    for file in files:
        try:
            root, count = compose(read(file, str(file)), str(file))
        except Unreadable as error:
            findings.faults.append(Fault(error.file, error.line, "", error.sentence))
            continue
        if root is not None:
            roots.append(root)
            nodes += count
    if not roots and not findings.faults:
        findings.faults.append(Fault(str(files[0]), 0, "", "nothing is written here: there is nothing to watch"))
    findings.refuse()
    wrong: list[tuple[Place, Steps, str]] = []
    joined = join(roots, wrong)
    _note(wrong, findings)
    return joined, nodes


def _tree(root: MappingNode, nodes: int, findings: Findings) -> dict[str, Any]:
    reading = Reading(budget(nodes))
    try:
        tree: dict[str, Any] = reading.value(root)
    except Unreadable as error:
        findings.faults.append(Fault(error.file, error.line, "", error.sentence))
        findings.refuse()
        raise
    _note(reading.wrong, findings)
    findings.void = reading.void
    findings.empty = reading.empty
    return tree


def _note(wrong: list[tuple[Place, Steps, str]], findings: Findings) -> None:
    for place, steps, sentence in wrong:
        findings.fault(steps, sentence, place)


def _serving(web: Web | None, findings: Findings, look: Look) -> tuple[Policy, ssl.SSLContext | None]:
    """Who is let in, and by which certificate."""
    if web is None or look.at is not None:
        return Policy(), None
    for key, said in exposure(web, parse_listen(web.listen)):
        findings.warn(("web", key), said)
    return policy_of(web, findings, look), context_of(web.tls, findings, look) if web.tls is not None else None


def _configuration(
    draft: Draft,
    tree: Mapping[str, Any],
    files: tuple[Path, ...],
    findings: Findings,
    serving: tuple[Policy, ssl.SSLContext | None],
) -> Configuration:
    site, place, web, keep, copies = draft.site, draft.place, draft.web, draft.keep, draft.copies
    if site is None or place is None or web is None or keep is None or copies is None:
        raise ValueError("a draft with faults is no configuration")
    parents = written_parents(tree)
    flows = {name: _flow(name, flow, draft, parents.get(name, ())) for name, flow in draft.flows.items()}
    return Configuration(
        site=site,
        standpoint=place.standpoint,
        state=place.state,
        copies=copies,
        listen=parse_listen(web.listen),
        url=web.url,
        web=web,
        access=serving[0],
        tls=serving[1],
        resolver=draft.resolver,
        defaults=draft.defaults,
        keep=keep,
        proxies=MappingProxyType(draft.proxies),
        mailboxes=MappingProxyType(draft.mailboxes),
        channels=MappingProxyType(draft.channels),
        routes=draft.routes,
        flows=MappingProxyType(flows),
        warnings=in_order(findings.warnings),
        files=files,
        heartbeat=draft.heartbeat,
    )


def _flow(name: str, settings: FlowSettings, draft: Draft, parents: tuple[str, ...]) -> Flow:
    return Flow(
        id=name,
        title=settings.title or Words.same(name),
        intent=Intent(settings.intent),
        probes=MappingProxyType(draft.probes[name]),
        policy=policy(settings, draft.defaults),
        require=Require(settings.require),
        group=settings.group,
        criticality=Criticality(settings.criticality),
        owner=settings.owner,
        runbook=settings.runbook,
        notice=settings.notice,
        declared_since=settings.declared_since,
        parents=tuple(dict.fromkeys(parents)),
        public=settings.public,
    )
