"""`report`: from a state file, at any moment, or from a running daemon."""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import pytest

from commands import Refused, report
from retabli.model.record import Entry, Event
from retabli.report import body, compose, from_view, written
from retabli.store import Store, StoreError
from retabli.web.seams import ReportWriter
from tests.store.making import commit, sql
from tests.view.pictures import NOW
from tests.web.hospital import outlets
from tests.web.serving import serving

NINE = 1688367600.0  # 3 July 2023, 9:00 in Rennes
CONFIGURATION = """
site: {name: CHU, timezone: Europe/Paris, language: fr}
flows:
  mail:
    title: {fr: Messagerie, en: Mail}
    intent: open
    notice: {fr: Téléphoner., en: Telephone.}
    probes: {p: {kind: tcp, host: h.example, port: 25}}
"""
ENTRIES = [
    Entry(NINE, Event.START, None, {}),
    Entry(NINE, Event.CONFIG, "mail", {"change": "added", "intent": "open"}),
    Entry(NINE + 60, Event.STATE, "mail", {"was": "unknown", "now": "down", "stage": "connect", "cause": "refused"}),
    Entry(NINE + 120, Event.STATE, "mail", {"was": "recovering", "now": "restored"}),
]


def given(**keys: Any) -> argparse.Namespace:
    return argparse.Namespace(
        user=None,
        password_file=None,
        ca=None,
        **{
            "url": None,
            "lang": None,
            "format": "txt",
            "at": None,
            "since": None,
            "public": False,
            "into": None,
            **keys,
        },
    )


def spaced(text: str) -> str:
    """With plain spaces."""
    return text.replace("\u00a0", " ")


@pytest.fixture
async def configuration(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "state.db")
    await commit(store, entries=ENTRIES)
    await store.close()
    path = tmp_path / "retabli.yaml"
    path.write_text(CONFIGURATION + "state: state.db\n")
    return path


def test_at_a_moment_of_the_past_it_says_what_was_so_then(
    configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main(given(config=configuration, at="2023-07-03T09:01:30")) == 0
    said = spaced(capsys.readouterr().out)
    assert "lundi 3 juillet 2023 à 9 h 01" in said
    assert "- Messagerie — Ne fonctionne pas encore. Cause : connexion refusée" in said
    assert "- Messagerie — Téléphoner." in said
    report.main(given(config=configuration, at="2023-07-03T09:03", lang="en"))
    assert "Mail — Works since 3 July at 09:02." in capsys.readouterr().out


def test_what_has_changed_since_a_moment_comes_first(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report.main(given(config=configuration, at="2023-07-03T09:03", since="2023-07-03T09:01:30"))
    said = spaced(capsys.readouterr().out)
    assert "Ce qui a changé depuis le 3 juillet à 9 h 01\n" in said
    assert "- Fonctionne maintenant — Messagerie." in said
    for since in ("2023-07-03T09:03", "2999-01-01"):
        with pytest.raises(Refused, match="--since"):
            report.main(given(config=configuration, at="2023-07-03T09:03", since=since))


def test_a_daemon_that_is_silent_leaves_nothing_green(configuration: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = configuration.with_name("state.db")
    sql(state, "UPDATE facts SET value = value - 1000 WHERE name = 'last_seen'")
    report.main(given(config=configuration))
    said = " ".join(spaced(capsys.readouterr().out).split())
    assert "plus personne ne surveille" in said
    assert "rien ne permet de dire en ce moment si cela fonctionne (à la dernière mesure, cela fonctionnait)" in said


def test_what_cannot_be_answered_is_refused_with_a_sentence(configuration: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--at later: write"):
        report.main(given(config=configuration, at="later"))
    with pytest.raises(Refused, match="in the future"):
        report.main(given(config=configuration, at="2999-01-01"))
    with pytest.raises(Refused, match="cannot be reached"):
        report.main(given(url="http://127.0.0.1:1"))


def of_view() -> tuple[ReportWriter, list[Any]]:
    asked: list[Any] = []

    async def write(*, language: str, form: str, public: bool, at: float | None, since: float | None = None) -> str:
        asked.append((form, public, at))
        composed = compose(from_view(outlets()[0]), language, public=public)
        return str(body(composed)) if form == "body" else written(composed, form)

    return write, asked


async def test_a_running_daemon_is_asked_in_each_form_and_its_page_leads_there() -> None:
    write, asked = of_view()
    async with serving(report=write) as served:
        page = await served.client.get("/report?lang=en")
        assert '<a href="/report?lang=en" aria-current="page">' in page.text
        assert "<h3>Stays suspended, on purpose</h3>" in page.text
        assert 'href="/report"' in (await served.client.get("/")).text
        url = str(served.client.base_url)
        text = await asyncio.to_thread(report.asked, given(url=url, lang="fr", public=True))
        assert text.startswith("CHU de Rennes\u00a0: point de situation")
        assert asked[-1] == ("txt", True, None)
        kept = await served.client.get("/report?format=html&at=2023-07-03T09:00")
        assert kept.headers["content-disposition"].startswith("attachment")
        assert asked[-1] == ("html", False, NINE)
        assert (await served.client.get("/report?format=pdf")).status_code == 400
        assert (await served.client.get("/report?at=soon")).status_code == 400
        await served.client.get("/report?format=md&at=24h")
        assert asked[-1] == ("md", False, NOW - 86_400), "how long ago, as the command takes it too"
        page = await served.client.get("/report?at=2023-07-02T09:00&since=2023-07-01T09:00&public=1")
        assert 'name="at" value="2023-07-02T09:00"' in page.text
        assert 'name="since" value="2023-07-01T09:00"' in page.text
        for link in ("at=2023-07-02T10%3A00", "since=2023-07-02T10%3A00", "format=md"):
            assert link in page.text, link


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (LookupError("that is in the future"), 404, "That moment is yet to come"),
        (StoreError("/var/lib: damaged"), 503, "The log could not be read"),
        (TimeoutError(), 503, "The log could not be read"),
    ],
)
async def test_a_page_without_its_report_is_whole_and_says_why(fault: Exception, status: int, said: str) -> None:
    async def write(**_: Any) -> str:
        raise fault

    async with serving(report=write) as served:
        page = await served.client.get("/report?lang=en&at=2023-07-02T09:00")
        assert page.status_code == status
        assert said in page.text
        assert 'name="at" value="2023-07-02T09:00"' in page.text
        assert "/var/lib" not in page.text
        assert (await served.client.get("/report?format=txt")).status_code == status
        assert (await served.client.get("/report?at=%3Cscript%3E")).text.count("<script>") == 0
