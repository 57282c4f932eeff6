"""What of the configuration is sound by itself: each part is checked alone, so that one fault hides no other."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

import probes
from config.faults import Findings
from config.sections import (
    NAME,
    OWN_LINK,
    USUAL,
    Copies,
    Defaults,
    FlowSettings,
    Keep,
    Place,
    Routes,
    Site,
    written_from,
)
from config.sentences import MAPPING, sentences
from config.web_settings import Web
from config.yaml_lines import Steps
from retabli.alerts.channels import CHANNELS
from retabli.alerts.channels.channel import ChannelSettings
from retabli.alerts.heartbeat import Heartbeat
from retabli.alerts.routes import Route
from retabli.model.probe import Probe
from retabli.model.settings import Mailbox, Proxy, Resolver, Secret, did_you_mean, parse_duration

M = TypeVar("M", bound=BaseModel)
SECTIONS = (
    *("site", "standpoint", "state", "web", "resolver", "defaults", "keep", "copies"),
    *("proxies", "mailboxes", "alerts", "flows"),
)
ALERTS = ("channels", "routes", "heartbeat")


@dataclass(slots=True)
class Draft:
    """The parts that are sound. A part with a fault is missing here, but for proxies and mailboxes, which leave a
    stand-in (in `stand_ins`, by identity): whoever names one is not wrong for that."""

    site: Site | None = None
    place: Place | None = None
    web: Web | None = None
    keep: Keep | None = None
    copies: Copies | None = None
    resolver: Resolver | None = None
    defaults: Defaults = field(default_factory=Defaults)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    channels: dict[str, ChannelSettings] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    heartbeat: Heartbeat | None = None
    flows: dict[str, FlowSettings] = field(default_factory=dict)
    probes: dict[str, dict[str, Probe]] = field(default_factory=dict)
    stand_ins: set[int] = field(default_factory=set)

    @property
    def named(self) -> set[int]:
        """The identities of proxies and mailboxes: they are checked where they are described, not where named."""
        return {id(each) for each in (*self.proxies.values(), *self.mailboxes.values())}


@dataclass(slots=True)
class Drafting:
    """Reads the plain tree into a draft. Relative paths are relative to `folder`; those to what the daemon writes, to
    `written_from(folder)`."""

    tree: dict[str, Any]
    folder: Path
    findings: Findings
    draft: Draft = field(default_factory=Draft)

    def read(self) -> Draft:
        draft, tree = self.draft, self.tree
        for key in tree:
            if key not in SECTIONS:
                self.findings.fault((key,), f"unknown key{did_you_mean(key, SECTIONS)}")
        draft.site = self._part(Site, ("site",), tree.get("site", {}))
        draft.place = self._place()
        draft.web = self._part(Web, ("web",), tree.get("web", {}))
        draft.keep = self._part(Keep, ("keep",), tree.get("keep", {}))
        draft.copies = self._part(Copies, ("copies",), tree.get("copies", {}), written_from(self.folder))
        draft.defaults = self._part(Defaults, ("defaults",), tree.get("defaults", {})) or Defaults()
        if "resolver" in tree:
            draft.resolver = self._part(Resolver, ("resolver",), tree["resolver"])
        self._read_proxies()
        self._read_mailboxes()
        self._read_alerts()
        self._read_flows()
        return draft

    # sections -----------------------------------------------------------------------------------------------------

    def _place(self) -> Place | None:
        given = {key: self.tree[key] for key in ("standpoint", "state") if key in self.tree}
        place = self._part(Place, (), given, written_from(self.folder))
        if place is not None:
            self._look_for_another(given.get("state"), place.state)
        return place

    def _look_for_another(self, written: object, state: Path) -> None:
        """A state that somebody's daemon made beside the configuration is not forgotten without a word."""
        if not isinstance(written, str) or written_from(self.folder) == self.folder:
            return
        beside = self.folder / written
        with suppress(OSError):  # whoever may not look there
            if Path(written).is_absolute() or not beside.is_file():
                return
            said = f"{beside} is not read: of a configuration in {USUAL} the state is {state}; move it there, or away"
            self.findings.warn(("state",), said)

    def _read_proxies(self) -> None:
        for name, steps, value in self._named(("proxies",)):
            proxy = self._part(Proxy, steps, self._with_name(steps, value))
            if proxy is None:
                proxy = Proxy.model_construct(name=name, url="http://unknown:3128")
                self.draft.stand_ins.add(id(proxy))
            self.draft.proxies[name] = proxy

    def _read_mailboxes(self) -> None:
        for name, steps, value in self._named(("mailboxes",)):
            mailbox = self._part(Mailbox, steps, self._with_name(steps, value))
            if mailbox is None:
                mailbox = Mailbox.model_construct(name=name, imap="unknown", user="", password=Secret())
                self.draft.stand_ins.add(id(mailbox))
            self.draft.mailboxes[name] = mailbox

    def _with_name(self, steps: Steps, value: object) -> object:
        """A proxy or a mailbox knows what it is called, from its key and from nowhere else."""
        if not isinstance(value, dict):
            return value
        if "name" in value:
            self.findings.fault((*steps, "name"), "unknown key: its name is the key that it stands under")
        return {**value, "name": steps[-1]}

    def _read_alerts(self) -> None:
        alerts = self._mapping(("alerts",), self.tree.get("alerts", {}))
        for key in alerts:
            if key not in ALERTS:
                self.findings.fault(("alerts", key), f"unknown key{did_you_mean(key, ALERTS)}")
        for name, steps, value in self._named(("alerts", "channels")):
            given = self._mapping(steps, value)
            if given is not value:
                continue
            model = self._kind(steps, given, tuple(CHANNELS), "channel")
            channel = self._part(CHANNELS[model], steps, given) if model is not None else None
            if channel is not None:
                self.draft.channels[name] = channel
        if "heartbeat" in alerts:
            self.draft.heartbeat = self._part(Heartbeat, ("alerts", "heartbeat"), alerts["heartbeat"])
        if "routes" in alerts:
            self._read_routes(alerts["routes"])

    def _read_routes(self, written: object) -> None:
        if not isinstance(written, list):
            self._part(Routes, ("alerts",), {"routes": written})  # which says what is wanted
            return
        found = (self._part(Route, ("alerts", "routes", number), each) for number, each in enumerate(written))
        self.draft.routes = tuple(route for route in found if route is not None)

    # flows --------------------------------------------------------------------------------------------------------

    def _read_flows(self) -> None:
        if not self.tree.get("flows", {}):
            self.findings.fault(("flows",), "no flow is described: there is nothing to watch")
            return
        for name, steps, value in self._named(("flows",)):
            if name == OWN_LINK:
                self.findings.fault(steps, "this name is taken by the built-in parent of every flow: choose another")
            given = self._mapping(steps, value)
            if given is not value:
                continue
            flow = self._part(FlowSettings, steps, {**given, "probes": {}})
            if flow is not None:
                self.draft.flows[name] = flow
            self._read_probes(name, (*steps, "probes"), given, flow)

    def _read_probes(self, flow_name: str, steps: Steps, given: Mapping[str, Any], flow: FlowSettings | None) -> None:
        written = given.get("probes")
        if not written and (written is None or isinstance(written, dict)):
            self.findings.fault(steps if "probes" in given else steps[:-1], "a flow without probes shows nothing")
            return
        sound = self.draft.probes.setdefault(flow_name, {})
        for name, at, value in self._named(steps, written):
            settings = self._mapping(at, value)
            if settings is not value:
                continue
            probe = self._probe(at, settings, flow)
            if probe is not None:
                sound[name] = probe

    def _probe(self, steps: Steps, settings: dict[str, Any], flow: FlowSettings | None) -> Probe | None:
        kind = self._kind(steps, settings, probes.kinds(), "kind")
        if kind is None:
            return None
        try:
            model = probes.kind(kind)
        except (ImportError, AttributeError, TypeError) as error:  # a kind of somebody else's, or a library it lacks
            self.findings.fault((*steps, "kind"), f'the kind "{kind}" cannot be used here: {error}')
            return None
        filled = self._filled(model, settings, flow)
        probe = self._part(model, steps, filled)
        if probe is None:
            self._check_deadline(steps, filled)
        return probe

    def _check_deadline(self, steps: Steps, settings: Mapping[str, Any]) -> None:
        """What the kind would have said of it, had the rest been sound."""
        try:
            every, timeout = parse_duration(settings.get("every")), parse_duration(settings.get("timeout"))
        except ValueError:
            return
        if timeout > every:
            self.findings.fault(steps, f"timeout ({timeout:g}s) is longer than every ({every:g}s)")

    def _filled(self, model: type[Probe], settings: dict[str, Any], flow: FlowSettings | None) -> dict[str, Any]:
        """The settings with what the flow and the site say for all; a kind's own rhythm goes before the site's."""
        filled = dict(settings)
        for key in ("every", "timeout"):
            if key in settings:
                continue
            of_flow = getattr(flow, key) if flow is not None else None
            if of_flow is not None:
                filled[key] = of_flow
            elif key == "every" and model.EVERY is not None:
                filled[key] = model.EVERY
            elif model.model_fields[key].default == Probe.model_fields[key].default:
                filled[key] = getattr(self.draft.defaults, key)
        if "resolver" not in settings and self.draft.resolver is not None:
            filled["resolver"] = self.draft.resolver
        return filled

    # what all parts need ------------------------------------------------------------------------------------------

    def _part(self, model: type[M], steps: Steps, value: object, folder: Path | None = None) -> M | None:
        try:
            return model.model_validate(value, context={**self._context, "folder": folder or self.folder})
        except ValidationError as error:
            for inner, sentence in sentences(error, model, value):
                self.findings.fault((*steps, *inner), sentence)
            return None

    @property
    def _context(self) -> dict[str, Any]:
        return {
            "proxies": self.draft.proxies,
            "mailboxes": self.draft.mailboxes,
            "resolver": self.draft.resolver,
            "timezone": self.draft.site.zone if self.draft.site is not None else None,
        }

    def _kind(self, steps: Steps, settings: Mapping[str, Any], known: tuple[str, ...], word: str) -> str | None:
        kind = settings.get("kind")
        if kind in known and isinstance(kind, str):
            return kind
        if kind is None:
            self.findings.fault((*steps, "kind"), f"is required, and missing: one of {', '.join(known)}")
        else:
            said = f'"{kind}"' if isinstance(kind, str) else "this"
            hint = did_you_mean(kind, known) if isinstance(kind, str) else ""
            what = "there is no kind" if word == "kind" else "there is no kind of channel"
            self.findings.fault((*steps, "kind"), f"{what} {said}{hint or ': it is one of ' + ', '.join(known)}")
        return None

    def _named(self, steps: Steps, value: object = None) -> Iterator[tuple[str, Steps, Any]]:
        """(name, path, value) of each entry of a mapping whose keys are names."""
        if value is None:
            value = self.tree
            for step in steps:
                value = value.get(step, {}) if isinstance(value, dict) else {}
        for name, entry in self._mapping(steps, value).items():
            if not re.fullmatch(NAME, name):
                wanted = "a name is lower-case letters, digits, - and _, and begins with a letter or a digit"
                self.findings.fault((*steps, name), wanted)
            yield name, (*steps, name), entry

    def _mapping(self, steps: Steps, value: object) -> dict[str, Any]:
        """The value if it is a mapping; else a fault, and an empty one."""
        if isinstance(value, dict):
            return value
        self.findings.fault(steps, f"nothing is written here; {MAPPING}" if value is None else MAPPING)
        return {}
