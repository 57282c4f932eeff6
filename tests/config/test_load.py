"""A sound configuration: what is made of it, from one file or from several."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

import probes
from config import Configuration, ConfigurationFault, fingerprint, load
from config.loading import chosen
from config.sections import STATE
from retabli.model import stages
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.settings import Proxy, ProxyRef
from retabli.model.stages import Stage
from retabli.model.states import Criticality, Intent

SMALL = """
site: {name: CHU, timezone: Europe/Paris, language: fr, cut_at: 2023-06-21T16:00:00+02:00}
flows:
  mail-out:
    title: {fr: Émission, en: Outbound}
    intent: open
    probes: {p: {kind: tcp, host: relay.example, port: 25}}
"""
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def made(text: str = SMALL, name: str = "retabli.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return made


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigurationFault) as caught:
        load(path)
    return [str(fault).removeprefix(f"{path.parent if path.is_file() else path}/") for fault in caught.value.faults]


def warnings(configuration: Configuration) -> list[str]:
    return [f"{fault.line}: {fault.path}: {fault.sentence}" for fault in configuration.warnings]


# what is made ------------------------------------------------------------------------------------------------------


def test_a_flow_becomes_what_the_engine_watches(write: Write) -> None:
    configuration = load(
        write(
            SMALL.rstrip()
            + """
    group: mail
    criticality: vital
    owner: Équipe
    notice: Téléphoner
    declared_since: 2023-07-03T09:00:00+02:00
    depends_on: [resolver]
    require: 100%
    public: true
    rise: 5
    confirm: 500ms
  resolver:
    intent: closed
    probes: {p: {kind: tcp, host: 10.0.0.53, port: 53, counts: true}}
"""
        )
    )
    flow = configuration.flows["mail-out"]
    assert (flow.title.fr, flow.title.en, flow.notice and flow.notice["en"]) == ("Émission", "Outbound", "Téléphoner")
    assert (flow.intent, flow.criticality, flow.group, flow.owner) == (Intent.OPEN, Criticality.VITAL, "mail", "Équipe")
    assert flow.declared_since == datetime(2023, 7, 3, 7, tzinfo=UTC).timestamp()
    assert (flow.parents, flow.needed, flow.public) == (("resolver",), 1, True)
    assert (flow.policy.rise, flow.policy.confirm, flow.policy.fall, flow.policy.soak) == (5, 0.5, 3, 120.0)
    assert configuration.flows["resolver"].title.fr == "resolver"
    assert configuration.site.cut_at == datetime(2023, 6, 21, 14, tzinfo=UTC).timestamp()


def test_what_is_not_said_has_its_default(write: Write) -> None:
    configuration = load(write())
    assert configuration.listen == ("127.0.0.1", 9877)
    assert configuration.state == Path("/var/lib/retabli/state.db")
    assert (configuration.standpoint, configuration.url, configuration.resolver) == ("inside", None, None)
    assert (configuration.keep.results, configuration.keep.per_unit) == (30 * 86400.0, 2000)


def test_the_rhythm_is_the_probes_own_else_its_flows_else_its_kinds_else_the_sites(write: Write) -> None:
    text = (
        SMALL.partition("flows:")[0]
        + """
defaults: {every: 45s, timeout: 7s}
flows:
  a:
    intent: open
    probes:
      own: {kind: tcp, host: h, port: 1, every: 20s, timeout: 3s}
      site: {kind: tcp, host: h, port: 1}
      kind: {kind: ntp, host: h}
  b:
    intent: open
    every: 33s
    timeout: 4s
    probes:
      flow: {kind: tcp, host: h, port: 1}
      flow_before_kind: {kind: ntp, host: h}
"""
    )
    flows = load(write(text)).flows
    rhythm = {name: (each.every, each.timeout) for flow in flows.values() for name, each in flow.probes.items()}
    assert rhythm == {
        "own": (20.0, 3.0),
        "site": (45.0, 7.0),
        "kind": (60.0, 7.0),
        "flow": (33.0, 4.0),
        "flow_before_kind": (33.0, 4.0),
    }


def test_the_sites_resolver_is_every_probes_that_names_none(write: Write) -> None:
    text = SMALL + "      \nresolver: {nameservers: [10.0.0.53]}\n"
    text = text.replace(
        "port: 25}}", "port: 25}, own: {kind: tcp, host: h, port: 1, resolver: {nameservers: [10.9.9.9]}}}"
    )
    probed = load(write(text)).flows["mail-out"].probes
    found = [each.resolver and each.resolver.nameservers for each in probed.values()]
    assert found == [("10.0.0.53",), ("10.9.9.9",)]


def test_paths_are_relative_to_the_file_they_stand_in(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(SMALL + "state: var/state.db\n", "deep/retabli.yaml")
    monkeypatch.chdir(path.parent.parent)
    assert load(Path("deep/retabli.yaml")).state == path.parent / "var/state.db"


def test_mailboxes_and_proxies_know_their_name(write: Write) -> None:
    extra = "mailboxes: {witness: {imap: i.example, user: u, password: {env: PATH}}}\n"
    extra += "proxies: {main: {url: 'http://proxy.example:3128'}}\n"
    configuration = load(write(SMALL + extra))
    assert configuration.mailboxes["witness"].name == "witness"
    assert configuration.proxies["main"].name == "main"


def test_an_anchor_may_be_used_again_and_merged(write: Write) -> None:
    text = (
        SMALL
        + """
  b:
    <<: &usual {intent: open, owner: network, criticality: high}
    criticality: vital
    probes: {p: {kind: tcp, host: h, port: 1}}
  c:
    <<: *usual
    probes: {p: {kind: tcp, host: h, port: 1}}
"""
    )
    flows = load(write(text)).flows
    assert [(flows[name].owner, flows[name].criticality.value) for name in "bc"] == [
        ("network", "vital"),
        ("network", "high"),
    ]


def test_plain_words_dates_and_times_stay_what_they_look_like(write: Write) -> None:
    text = SMALL + "    owner: no\n    group: 22:30\n    runbook: 2023-07-03\n"
    flow = load(write(text)).flows["mail-out"]
    assert (flow.owner, flow.group, flow.runbook) == ("no", "22:30", "2023-07-03")


# several files -----------------------------------------------------------------------------------------------------


def test_the_files_of_a_directory_are_one_configuration(write: Write, tmp_path: Path) -> None:
    write("site: {name: CHU}\n", "conf/00-site.yaml")
    write("flows: {a: {intent: open, probes: {p: {kind: tcp, host: h, port: 1}}}}", "conf/10-a.yaml")
    write("flows: {b: {intent: open, depends_on: [a], probes: {p: {kind: tcp, host: h, port: 1}}}}", "conf/20-b.yaml")
    write("", "conf/30-empty.yaml")
    write("nonsense: [", "conf/.40-editor.yaml")
    write("nonsense: [", "conf/50-old.yml")
    configuration = load(tmp_path / "conf")
    assert list(configuration.flows) == ["a", "b"]
    assert [file.name for file in configuration.files] == ["00-site.yaml", "10-a.yaml", "20-b.yaml", "30-empty.yaml"]
    assert "50-old.yml: is not read: only names that end in .yaml are" in str(configuration.warnings[-1])


def test_what_two_files_set_is_a_fault_of_the_second(write: Write, tmp_path: Path) -> None:
    write("site: {name: CHU}\nstate: a.db\nweb: {listen: ':1'}\n", "conf/1.yaml")
    write("flows: &f {a: {intent: open, probes: {p: {kind: tcp, host: h, port: 1}}}}\n", "conf/2.yaml")
    write(
        "site: {name: CHU, language: en}\nstate: b.db\nweb: {url: 'https://r.example', listen: ':2'}\n"
        "flows:\n  a: {intent: open, probes: {p: {kind: tcp, host: h, port: 1}}}\n",
        "conf/3.yaml",
    )
    folder = tmp_path / "conf"
    assert faults(folder) == [
        f"3.yaml:2: state: is already set, otherwise, in {folder}/1.yaml:2",
        f"3.yaml:3: web.listen: is already set, otherwise, in {folder}/1.yaml:3",
        f"3.yaml:5: flows.a: is already described in {folder}/2.yaml:1",
    ]


def test_a_mapping_may_be_spread_over_files(write: Write, tmp_path: Path) -> None:
    write(SMALL + "web: {listen: ':1'}\n", "conf/1.yaml")
    write("site: {name: CHU}\nweb: {url: 'https://r.example'}\n", "conf/2.yaml")
    configuration = load(tmp_path / "conf")
    assert (configuration.listen, configuration.url) == (("0.0.0.0", 1), "https://r.example")  # noqa: S104


@pytest.mark.parametrize("url", ["https://r.exa]ple", "https://[::1", "http://:80"])
def test_an_address_of_the_pages_that_is_none_is_a_fault(write: Write, url: str) -> None:
    assert faults(write(SMALL + f"web: {{url: '{url}'}}\n")) == [
        f'retabli.yaml:{SMALL.count(chr(10)) + 1}: web.url: "{url}" is no address: write https://retabli.example'
    ]


@pytest.mark.parametrize("url", ["https://h.exa]ple", "ftp://h.example", "https://"])
def test_an_address_of_a_channel_that_is_none_is_a_fault(write: Write, url: str) -> None:
    hook = f"alerts: {{channels: {{duty: {{kind: webhook, url: '{url}'}}}}}}\n"
    where = f"retabli.yaml:{SMALL.count(chr(10)) + 1}: alerts.channels.duty.url"
    assert faults(write(SMALL + hook)) == [f"{where}: {url!r} is no address: write http://… or https://…"]


def test_the_faults_of_all_files_are_told_at_once(write: Write, tmp_path: Path) -> None:
    write("site: {name: 3, foo: 1}\nflows: {a: {intent: x, probes: {p: {kind: y}, q: {kind: tcp}}}}\n", "conf/1.yaml")
    write("flows: {b: {intent: open, depends_on: [c], probes: {}}}\nbar: 1\n", "conf/2.yaml")
    told = [fault.partition(": ")[0] + " " + fault.split(": ")[1] for fault in faults(tmp_path / "conf")]
    assert told == [
        "1.yaml:1 site.foo",
        "1.yaml:1 site.name",
        "1.yaml:2 flows.a.intent",
        "1.yaml:2 flows.a.probes.p.kind",
        "1.yaml:2 flows.a.probes.q.host",
        "1.yaml:2 flows.a.probes.q.port",
        "2.yaml:1 flows.b.depends_on[0]",
        "2.yaml:1 flows.b.probes",
        "2.yaml:2 bar",
    ]


def test_every_file_that_is_no_yaml_is_told(write: Write, tmp_path: Path) -> None:
    write("a: [", "conf/1.yaml")
    write("a: 'x", "conf/2.yaml")
    assert [fault.split(":")[0] for fault in faults(tmp_path / "conf")] == ["1.yaml", "2.yaml"]


# where it is ------------------------------------------------------------------------------------------------------


def test_without_a_path_the_environment_names_it(write: Write) -> None:
    assert chosen(None, {"RETABLI_CONFIG": "/x"}) == Path("/x")
    assert chosen(Path("/y"), {"RETABLI_CONFIG": "/x"}) == Path("/y")


def test_without_any_the_three_places_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("config.loading.USUAL", tmp_path / "etc")
    with pytest.raises(ConfigurationFault, match=r"--config PATH, or set \$RETABLI_CONFIG, or put one into .*/etc"):
        chosen(None, {})
    (tmp_path / "etc").mkdir()
    assert chosen(None, {"RETABLI_CONFIG": ""}) == tmp_path / "etc"


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere.yaml", "No such file or directory"), ("empty", "there is no *.yaml file")]
)
def test_a_path_without_a_configuration_is_told(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationFault) as caught:
        load(tmp_path / name)
    assert len(caught.value.faults) == 1
    assert said in str(caught.value)


# what it writes ---------------------------------------------------------------------------------------------------


def test_what_a_service_may_not_write_is_warned_of(write: Write) -> None:
    found = warnings(load(write(f"state: /etc/own/state.db\ncopies: {{folder: /etc/copies}}\n{SMALL}")))
    said = f"1: state: /etc/own/state.db: a service may write nothing below /etc; leave this out, and it is {STATE}"
    assert said in found
    assert any(each.startswith("2: copies.folder: /etc/copies: a service may write nothing") for each in found)


# warnings ---------------------------------------------------------------------------------------------------------


class Gate(Probe):
    """Proves a flow closed."""

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.CONNECT,)
    PROVES_CLOSURE: ClassVar[bool] = True

    kind: Literal["gate"]

    async def run(self, ladder: Ladder) -> None: ...


class Through(Probe):
    """Several targets through a proxy."""

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.CONNECT,)

    kind: Literal["through"]
    proxy: ProxyRef
    targets: tuple[str, ...] = Field(default=("a", "b"), strict=False)

    def targets_of(self) -> tuple[str | None, ...]:
        return self.targets

    async def run(self, ladder: Ladder) -> None: ...


@pytest.fixture
def more_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds whose like need a proxy or a firewall to be of use."""
    more: Mapping[str, type[Probe]] = {"gate": Gate, "through": Through}
    kinds, kind = probes.kinds(), probes.kind
    monkeypatch.setattr(probes, "kinds", lambda: (*kinds, *more))
    monkeypatch.setattr(probes, "kind", lambda name: more.get(name) or kind(name))


HOOK = "alerts: {channels: {duty: {kind: webhook, url: 'https://h.example'}}}\n"


def test_a_configuration_that_tells_nobody_is_warned_of(write: Write) -> None:
    assert warnings(load(write())) == [
        "2: alerts: no channel is described: a flow that drops is shown, and nobody is told"
    ]
    assert warnings(load(write(SMALL + HOOK))) == []


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o604, True), (0o644, True), (0o400, False)])
def test_a_secret_that_others_may_read_is_warned_of_once(write: Write, mode: int, warned: bool) -> None:
    secret = write("s3cret\n", "secrets/hook")
    secret.chmod(mode)
    text = (
        SMALL
        + HOOK.replace("'}", "', key: {file: secrets/hook}}").replace("channels: {", "channels: {")
        + ("mailboxes: {w: {imap: i, user: u, password: {file: secrets/hook}}}\n")
    )
    found = warnings(load(write(text)))
    assert len(found) == warned
    assert not warned or "everybody on this machine may read this secret" in found[0]


def test_a_closed_flow_without_controls_can_only_stay_unknown(write: Write, more_kinds: None) -> None:
    closed = SMALL.replace("intent: open", "intent: closed") + HOOK
    assert "never proves that it is closed: it stays unknown" in warnings(load(write(closed)))[0]
    assert warnings(load(write(closed.replace("kind: tcp, host: relay.example, port: 25", "kind: gate")))) == []


def test_what_proves_a_flow_closed_cannot_restore_an_open_one(write: Write, more_kinds: None) -> None:
    opened = SMALL.replace("kind: tcp, host: relay.example, port: 25", "kind: gate")
    said = "a probe of kind gate proves a flow closed: in an open flow it would restore what is cut"
    assert faults(write(opened)) == [f"retabli.yaml:7: flows.mail-out.probes.p: {said}"]


def test_a_proxy_that_no_parent_watches_is_warned_of(write: Write, more_kinds: None) -> None:
    text = SMALL + HOOK + "proxies: {main: {url: 'http://proxy.example:3128'}}\n"
    text = text.replace("kind: tcp, host: relay.example, port: 25", "kind: through, proxy: main")
    found = warnings(load(write(text)))
    assert len(found) == 1
    assert found[0].startswith('7: flows.mail-out.probes.p.proxy: no flow it depends on watches the proxy "main"')
    watched = text.replace("    intent: open\n", "    intent: open\n    depends_on: [near]\n", 1).replace(
        "alerts:",
        "  near: {intent: open, depends_on: [proxy], probes: {p: {kind: tcp, host: h, port: 1}}}\n"
        "  proxy: {intent: open, probes: {p: {kind: tcp, host: proxy.example, port: 3128}}}\nalerts:",
    )
    assert warnings(load(write(watched))) == []


def test_each_target_is_a_unit_that_require_counts(write: Write, more_kinds: None) -> None:
    text = SMALL + "    require: 1/2\nproxies: {main: {url: 'http://proxy.example:3128'}}\n"
    text = text.replace("kind: tcp, host: relay.example, port: 25", "kind: through, proxy: main")
    assert load(write(text)).flows["mail-out"].needed == 1
    assert "speaks of 3 units, but the flow has 2" in faults(write(text.replace("1/2", "1/3")))[0]


# pages that would travel on what they tell of ----------------------------------------------------------------------


CARRIED = (
    SMALL
    + """
    depends_on: [resolver]
  resolver: {intent: open, probes: {p: {kind: tcp, host: h, port: 53}}}
  other: {intent: open, probes: {p: {kind: tcp, host: h, port: 1}}}
alerts:
  channels:
    mail: {kind: webhook, url: "https://h.example", travels_on: [mail-out]}
"""
)
BESIDE = CARRIED + '    duty: {kind: webhook, url: "https://d.example"}\n'


def test_a_page_that_would_travel_on_its_own_flow_is_a_fault(write: Write) -> None:
    alone = faults(write(CARRIED))
    assert [each.split(": ")[0] for each in alone] == ["retabli.yaml:4", "retabli.yaml:10"]
    assert 'its only page would travel on this very flow: by the channel "mail"' in alone[0]
    assert warnings(load(write(BESIDE))) == []
    assert len(faults(write(BESIDE + "  routes: [{states: [dropped], to: [mail]}]\n"))) == 2
    assert (
        'no flow is called "mail-ou" (did you mean "mail-out"?)'
        in faults(write(BESIDE.replace("[mail-out]", "[mail-ou]")))[0]
    )


def test_so_it_is_if_that_is_only_the_page_for_blindness_or_for_a_breach(write: Write) -> None:
    routes = "  routes: [{states: [dropped], to: [duty]}, {states: [unknown, breached], to: [mail]}]\n"
    assert warnings(load(write(BESIDE + routes))) == []
    vital = BESIDE.replace("    intent: open", "    intent: open\n    criticality: vital", 1)
    assert vital != BESIDE
    assert len(faults(write(vital + routes))) == 1


@pytest.mark.parametrize("when", ["side: [content]", 'hours: ["mon-fri 18:00-08:00"]'])
def test_so_it_is_if_that_is_only_at_some_hours_or_for_some_causes(write: Write, when: str) -> None:
    text = BESIDE + f"  routes: [{{states: [dropped], to: [mail], {when}}}, {{states: [breached], to: [duty]}}]\n"
    assert len(faults(write(text))) == 2
    everyone = text.replace("routes: [", "routes: [{states: [dropped], to: [duty]}, ")
    assert warnings(load(write(everyone))) == []


def test_a_route_that_calls_a_channel_which_is_not_there_is_a_fault(write: Write) -> None:
    route = "{states: [dropped], to: [dury], escalate: {after: 15m, to: [duty, mial]}}"
    found = faults(write(BESIDE + f"  routes: [{route}]\n"))
    assert len(found) == 2
    assert any('alerts.routes[0].to[0]: no channel is called "dury" (did you mean "duty"?)' in each for each in found)
    assert any('routes[0].escalate.to[1]: no channel is called "mial" (did you mean "mail"?)' in each for each in found)


def test_a_reminder_every_second_is_a_fault(write: Write) -> None:
    found = faults(write(BESIDE + "  routes: [{states: [dropped], to: [duty], remind: 1s}]\n"))
    assert found[0].endswith("remind: at least 1m: whoever is on call must have the time to do something")


def test_whoever_is_called_next_is_somebody_else(write: Write) -> None:
    route = "{states: [dropped], to: [duty], escalate: {after: 15m, to: [duty]}}"
    said = warnings(load(write(BESIDE + f"  routes: [{route}]\n")))
    assert any("calls nobody new" in each for each in said)


# fingerprints ------------------------------------------------------------------------------------------------------


def test_a_fingerprint_changes_with_the_probes_and_with_nothing_else(write: Write) -> None:
    def of(text: str) -> str:
        return fingerprint(load(write(text)).flows["mail-out"])

    first = of(SMALL)
    assert of(SMALL + "    owner: someone\n    rise: 7\n") == first
    assert of(SMALL.replace("port: 25", "port: 26")) != first
    assert of(SMALL.replace("port: 25", "port: 25, every: 31s")) != first
    assert of(SMALL.replace("{p:", "{q:")) != first
    assert of(SMALL + "resolver: {nameservers: [10.0.0.53]}\n") != first


def test_a_fingerprint_changes_with_what_the_probe_refers_to(write: Write, more_kinds: None) -> None:
    text = SMALL + "proxies: {main: {url: 'http://proxy.example:3128'}}\n"
    text = text.replace("kind: tcp, host: relay.example, port: 25", "kind: through, proxy: main")
    first = fingerprint(load(write(text)).flows["mail-out"])
    assert fingerprint(load(write(text.replace("3128", "3129"))).flows["mail-out"]) != first


def test_a_proxy_is_its_kinds_own(write: Write, more_kinds: None) -> None:
    text = SMALL + "proxies: {main: {url: 'http://proxy.example'}}\n"
    text = text.replace("kind: tcp, host: relay.example, port: 25", "kind: through, proxy: main")
    proxy: Any = getattr(load(write(text)).flows["mail-out"].probes["p"], "proxy", None)
    assert isinstance(proxy, Proxy)
    assert (proxy.host, proxy.port) == ("proxy.example", 3128)
