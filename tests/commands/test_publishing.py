"""`report --format html --public --into`: a folder that any web server serves, and nothing in it that is not public."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from commands import Refused, report
from config.loading import load
from retabli.model.record import Entry, Event
from retabli.store import Store
from tests.commands.test_report import given
from tests.entrance import HOME
from tests.store.making import commit, sql

NINE = 1688367600.0
FILES = {
    *("index.html", "index.fr.html", "index.en.html", "feed.atom", "feed.fr.atom", "feed.en.atom"),
    *("badge.svg", "badge.fr.svg", "badge.en.svg", "public.css", "arrived.js", "public.js", "icon.svg"),
}


def publish(config: Path, folder: Path) -> None:
    assert report.main(given(config=config, into=folder, format="html", public=True)) == 0


@pytest.fixture
async def example(tmp_path: Path) -> Path:
    """The shipped example over a state in which its flows have all moved."""
    text = (HOME / "config/example.yaml").read_text()
    text = text.replace("state: state.db", f"state: {tmp_path / 'state.db'}").replace(
        "example/", f"{HOME / 'config/example'}/"
    )
    path = tmp_path / "retabli.yaml"
    path.write_text(text)
    store = Store.open(tmp_path / "state.db")
    why = {"probe": "relay", "stage": "connect", "cause": "refused", "side": "partner_down", "detail": "10.0.0.25:25"}
    entries = [Entry(NINE, Event.START, None, {})]
    for id_, flow in load(path).flows.items():
        closed = flow.intent.value == "closed"
        entries.append(Entry(NINE, Event.CONFIG, id_, {"change": "added", "intent": flow.intent.value}))
        moves = ("contained", "breached") if closed else ("recovering", "restored", "dropped")
        for place, (was, now) in enumerate(zip(("unknown", *moves), moves, strict=False), 1):
            entries.append(Entry(NINE + 60 * place, Event.STATE, id_, {"was": was, "now": now, **why}))
    await commit(store, entries=entries)
    await store.close()
    sql(tmp_path / "state.db", "UPDATE facts SET value = unixepoch() WHERE name = 'last_seen'")
    return path


def test_every_file_is_there_whole_and_readable_by_another_user(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(example, folder)
    assert {each.name for each in folder.iterdir()} == FILES
    for each in folder.iterdir():
        assert each.stat().st_mode & 0o777 == 0o644, each.name
    assert (folder / "index.html").read_bytes() == (folder / "index.fr.html").read_bytes()
    for name in ("index.fr.html", "index.en.html"):
        page = (folder / name).read_text()
        for link in re.findall(r'(?:src|href)="([^"#][^"]*)"', page):
            assert link in FILES, f"{name} leads to {link}, which is not there"
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=", page)
    for name in FILES:
        if name.endswith((".atom", ".svg")):
            ElementTree.fromstring((folder / name).read_bytes())  # noqa: S314 - ours


def test_no_host_owner_cause_probe_standpoint_or_private_flow_is_in_any_file(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(example, folder)
    configuration = load(example)
    text = "\n".join((folder / name).read_text() for name in sorted(FILES) if not name.startswith(("public.", "icon")))
    assert "Messagerie\u00a0: réception" in text
    hidden = {"10.0.0.25", "connexion", "refusé", "refused", "partenaire", "inside", "intérieur", "rompu", "breach"}
    hidden |= {"contained", "isolé", "/flows/", "Retabli lui-même"}
    for flow in configuration.flows.values():
        hidden |= {flow.owner, flow.runbook} - {""}
        if not flow.public:
            hidden |= {flow.title["fr"], flow.title["en"]}
    hidden |= {host for host in _hosts(yaml.safe_load(example.read_text())) if len(host) > 3}
    public_words = " ".join(
        f"{flow.title['fr']} {flow.title['en']}" for flow in configuration.flows.values() if flow.public
    )
    for secret in hidden:
        if secret not in public_words:
            assert secret not in text, secret


def _hosts(value: object) -> set[str]:
    """Every word of the file that is a host or an address of one."""
    if isinstance(value, dict):
        return set().union(*map(_hosts, value.values()))
    if isinstance(value, list):
        return set().union(*map(_hosts, value))
    return set(re.findall(r"[\w.-]+\.example|\d+\.\d+\.\d+\.\d+", str(value)))


def test_what_is_written_again_replaces_only_what_is_ours(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(example, folder)
    (folder / "photo.jpg").write_text("theirs")
    before = (folder / "index.html").stat().st_ino
    publish(example, folder)
    assert (folder / "index.html").stat().st_ino != before, "another file took its place in one go"
    assert (folder / "photo.jpg").read_text() == "theirs"
    assert {each.name for each in folder.iterdir()} == {*FILES, "photo.jpg"}, "and nothing half-written is left"


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_of_somebody_else_is_left_alone_and_nothing_is_written(example: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / name).write_text("the hospital's own")
    with pytest.raises(Refused, match=f"{re.escape(name)} is there and was not written by Retabli"):
        publish(example, folder)
    assert [each.name for each in folder.iterdir()] == [name]
    assert (folder / name).read_text() == "the hospital's own"


def test_a_daemon_that_is_silent_leaves_nothing_green_outside_either(example: Path, tmp_path: Path) -> None:
    sql(tmp_path / "state.db", "UPDATE facts SET value = 1688368000 WHERE name = 'last_seen'")
    publish(example, tmp_path / "site")
    page = (tmp_path / "site" / "index.en.html").read_text()
    assert "Nothing has been measured since" in page
    assert 'data-state="restored"' not in page
    assert "#17754a" not in (tmp_path / "site" / "badge.svg").read_text()


def test_what_goes_with_it_and_what_does_not_is_told(example: Path, tmp_path: Path) -> None:
    for keys in ({"format": "md"}, {"public": False}, {"at": "2h"}, {"lang": "en"}):
        with pytest.raises(Refused, match="--into writes"):
            report.main(given(config=example, into=tmp_path / "x", **{"format": "html", "public": True, **keys}))
    with pytest.raises(Refused, match="which --url does not read: name the configuration by --config"):
        url = "http://127.0.0.1:1"
        report.main(given(url=url, into=tmp_path / "x", format="html", public=True))
    with pytest.raises(Refused, match="cannot be written"):
        publish(example, tmp_path / "no" / "such" / "folder")


def test_a_daemon_that_was_last_seen_in_the_future_is_silent_too(example: Path, tmp_path: Path) -> None:
    sql(tmp_path / "state.db", "UPDATE facts SET value = unixepoch() + 3600 WHERE name = 'last_seen'")
    publish(example, tmp_path / "www")
    page = (tmp_path / "www/index.en.html").read_text()
    assert 'data-state="unknown"' in page
    assert 'data-state="restored"' not in page
    assert 'data-state="dropped"' not in page
