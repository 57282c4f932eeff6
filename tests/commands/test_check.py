"""`check`: what would be watched, and what is wrong with it."""

from pathlib import Path

import pytest

from tests.commands.terminal import run, typed
from tests.entrance import HOME

SOUND = """
site: {name: CHU de Rennes, timezone: Europe/Paris}
standpoint: dmz
resolver: {nameservers: [10.0.0.53]}
alerts: {channels: {duty: {kind: webhook, url: "https://oncall.example/hook", key: {env: PATH}}}}
mailboxes: {witness: {imap: imap.outside.example, user: u, password: {env: PATH}}}
flows:
  mail-out:
    title: {fr: Émission, en: Outbound}
    intent: open
    criticality: vital
    depends_on: [resolver]
    probes:
      relay: {kind: smtp, host: relay.example, tls: {mode: starttls}, mail_from: a@b.example, rcpt_to: c@d.example}
      box: {kind: imap, mailbox: witness, counts: false}
      again: {kind: imap, mailbox: witness, every: 5m}
  resolver:
    intent: open
    probes: {p: {kind: tcp, host: 10.0.0.53, port: 53}}
"""


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "retabli.yaml"
    path.write_text(SOUND)
    return path


RELEASE = (
    *("mail-out", "mail-in", "rubis", "efs", "mssante", "apicrypt", "speech", "reports", "websites", "internet"),
    *("card-payment", "appointments"),
)


def test_the_example_has_every_flow_of_a_university_hospital_and_no_fault() -> None:
    ended = typed("check", "--config", HOME / "config" / "example.yaml")
    assert ended.code == 0, ended.err
    for flow in RELEASE:
        assert f"\n{flow}  " in ended.out
    assert "(47 targets)" in ended.out
    warnings = [line for line in ended.lines if line.startswith("warning: ")]
    here = ("may read this secret", "send-sms: No such file")  # a checkout's modes, and a program of the site's
    assert all(any(said in line for said in here) for line in warnings)


def test_a_sound_configuration_is_printed_flow_by_flow_with_the_rungs_of_each_probe(sound: Path) -> None:
    ended = typed("check", "--config", sound)
    assert (ended.code, ended.err) == (0, "")
    assert ended.lines == [
        "CHU de Rennes (Europe/Paris), standpoint dmz",
        "",
        "mail-out  Émission",
        "  open, vital, 2 of 2 units needed, depends on resolver",
        "  relay  smtp  30s  resolve › connect › greeting › ehlo › starttls › tls ›",
        "                    envelope",
        "  box    imap  30s  resolve › connect › tls › greeting › auth › mailbox (shown,",
        "                    not judged)",
        "  again  imap   5m  resolve › connect › tls › greeting › auth › mailbox",
        "  on call  dropped, unknown: every channel",
        "",
        "resolver  resolver",
        "  open, normal, 1 of 1 unit needed",
        "  p  tcp  30s  resolve › connect",
        "  on call  dropped: every channel",
        "",
        "2 flows, 4 probes, 4 units, 0 warnings. Nothing was sent.",
    ]
    assert max(map(len, ended.lines)) <= 80


ON_CALL = """
site: {name: CHU de Rennes}
alerts:
  channels:
    duty: {kind: webhook, url: "https://oncall.example/hook", key: {env: PATH}}
    sms: {kind: exec, command: [/bin/true, "{summary}"]}
    spare: {kind: exec, command: [/bin/true, "{summary}"]}
  routes:
    - {states: [dropped, breached], to: [duty], remind: 30m, escalate: {after: 15m, to: [sms]}}
    - {states: [dropped], side: [content, ours], hours: ["mon-fri 08:00-18:00"], to: [sms]}
    - {states: [unknown], owner: [Network team], hours: ["sat-sun"], to: [sms]}
    - {states: [degraded], owner: [Netwrok team], to: [sms]}
  heartbeat: {every: 60s, to: duty}
flows:
  link:
    intent: open
    criticality: high
    owner: Network team
    probes: {p: {kind: tcp, host: 10.0.0.53, port: 53}}
  internet:
    intent: closed
    probes: {p: {kind: tcp, host: 10.0.0.53, port: 80}}
"""


def test_a_title_leads_no_terminal(sound: Path) -> None:
    sound.write_text(SOUND.replace("Émission", '"Émi\\e[31m\\nssion\\u202e"'))
    printed = typed("check", "--config", sound).out
    assert "mail-out  Émi [31m ssion\n" in printed


def test_who_is_told_what_stands_with_each_flow(tmp_path: Path) -> None:
    path = tmp_path / "retabli.yaml"
    path.write_text(ON_CALL)
    ended = typed("check", "--config", path)
    assert (ended.code, ended.err) == (0, "")
    link = ended.lines.index("link  link")
    assert ended.lines[link + 3 : link + 8] == [
        "  on call  dropped: duty, again every 30m, after 15m also sms",
        "           dropped: sms (side content or ours, mon-fri 08:00-18:00)",
        "           unknown: sms (sat-sun)",
        "           unknown: every channel otherwise",
        "",
    ]
    internet = ended.lines.index("internet  internet")
    assert ended.lines[internet + 3 : internet + 6] == [
        "  on call  breached: duty, again every 30m, after 15m also sms",
        "           unknown: every channel",
        "",
    ]
    assert "heartbeat every 1m to duty" in ended.lines


def test_a_route_that_takes_nothing_and_a_channel_that_no_route_names_are_told(tmp_path: Path) -> None:
    path = tmp_path / "retabli.yaml"
    path.write_text(ON_CALL)
    warned = [line for line in typed("check", "--config", path).lines if line.startswith("warning: ")]
    assert any("alerts.channels.spare: no route names it" in line for line in warned)
    said = 'alerts.routes[3].owner[0]: no flow has the owner "Netwrok team" (did you mean "Network team"?)'
    assert any(said in line for line in warned)
    assert not any("alerts.channels.sms" in line or "routes[2]" in line for line in warned)


def test_a_text_where_a_list_is_wanted_is_shown_as_one(tmp_path: Path) -> None:
    path = tmp_path / "retabli.yaml"
    path.write_text(ON_CALL.replace("to: [duty], remind", "to: duty, remind"))
    assert "alerts.routes[0].to: a list is wanted here: write [duty]" in typed("check", "--config", path).err


def test_the_openings_are_listed_once_each_with_all_that_need_them(sound: Path) -> None:
    ended = typed("check", "--config", sound, "--openings")
    assert (ended.code, ended.err) == (0, "")
    assert [line.split(maxsplit=4) for line in ended.lines] == [
        ["source", "destination", "port", "protocol", "why"],
        ["dmz", "10.0.0.53", "53", "tcp", "resolver/p, resolver"],
        ["dmz", "10.0.0.53", "53", "udp", "resolver"],
        ["dmz", "imap.outside.example", "993", "tcp", "mail-out/box, mail-out/again"],
        ["dmz", "oncall.example", "443", "tcp", "channel duty"],
        ["dmz", "relay.example", "25", "tcp", "mail-out/relay"],
    ]


def test_every_fault_is_a_line_on_stderr_and_nothing_else_is_printed(sound: Path) -> None:
    sound.write_text(SOUND.replace("kind: tcp", "kind: tpc").replace("intent: open", "intent: opne", 1) + "foo: 1\n")
    ended = typed("check", "--config", sound)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        f'{sound}:10: flows.mail-out.intent: must be one of open, closed (did you mean "open"?)',
        f'{sound}:19: flows.resolver.probes.p.kind: there is no kind "tpc" (did you mean "tcp"?)',
        f"{sound}:20: foo: unknown key",
    ]


def test_warnings_are_told_and_do_no_harm(sound: Path) -> None:
    sound.write_text(SOUND.replace(", key: {env: PATH}", "").replace("https://", "http://"))
    ended = typed("check", "--config", sound)
    assert ended.code == 0
    warned = [line for line in ended.lines if line.startswith("warning: ")]
    assert len(warned) == 1
    assert f"{sound}:5: alerts.channels.duty: pages travel in clear and unsigned" in warned[0]
    assert ended.lines[-1].endswith("1 warning. Nothing was sent.")


def test_the_shipped_first_configuration_is_sound() -> None:
    ended = typed("check", "--config", HOME / "config" / "minimal.yaml")
    assert (ended.code, ended.err) == (0, "")


def test_piped_output_is_plain_and_a_fault_exits_with_2(sound: Path) -> None:
    ended = run("check", "--config", sound)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert run("check", "--config", sound.parent / "nowhere").returncode == 2
