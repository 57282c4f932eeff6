"""What reports say while the disk takes nothing, and a flow drops that only the daemon's memory knows of."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands import report
from commands._records import Records
from commands._situations import situation
from config.loading import load
from retabli.model.record import Entry, Event
from retabli.model.states import State
from retabli.report import Situation
from retabli.store import Store
from tests.commands.test_report import CONFIGURATION, given
from tests.store.making import commit, sql
from tests.store.test_trouble import no_room, until_written
from tests.view.pictures import Smtp, flow
from tests.web.hospital import SITE, outlets

FLOWS = {"mail": flow("mail", probes={"p": Smtp()})}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Restored an hour ago, as the disk knows."""
    opened = Store.open(tmp_path / "state.db")
    began = time.time() - 3600
    moved = {"was": "recovering", "now": "restored"}
    await commit(opened, entries=[Entry(began, Event.START, None, {}), Entry(began, Event.STATE, "mail", moved)])
    yield opened
    await opened.close()


async def drop(store: Store, ago: float) -> None:
    dropped = Entry(time.time() - ago, Event.STATE, "mail", {"was": "restored", "now": "dropped"})
    await commit(store, entries=[dropped])


async def told(store: Store, **keys: Any) -> str:
    records = Records(outlets(SITE)[0], store, lambda: cast("Any", SimpleNamespace(flows=FLOWS)))
    text = await records.report(language="en", form="txt", public=False, **keys)
    return " ".join(text.split())


async def test_a_report_of_the_past_knows_what_is_only_in_memory(store: Store) -> None:
    now = time.time()
    with no_room(store.path):
        await drop(store, ago=1800)
        assert store.trouble is not None
        assert "mail — Has not worked any more since" in await told(store, at=now - 600)
        assert "Does not work any more — mail." in await told(store, at=now - 600, since=now - 3000)
        assert "mail — Works since" in await told(store, at=now - 2400)
    await until_written(store)
    assert "mail — Has not worked any more since" in await told(store, at=now - 600)


async def test_a_trouble_that_begins_while_the_file_is_read_is_not_read_past(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk, begun = Records._on_disk, False

    def read(records: Records, replayed: Any) -> Situation:
        nonlocal begun
        begun = True
        return on_disk(records, replayed)

    monkeypatch.setattr(Records, "_on_disk", read)
    monkeypatch.setattr(Store, "trouble", property(lambda _: "full" if begun else None))
    with no_room(store.path):
        await drop(store, ago=1800)
        assert "mail — Has not worked any more since" in await told(store, at=time.time() - 600)
    assert begun


async def test_what_the_file_alone_tells_is_of_when_it_was_last_written_and_soon_of_nothing(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "retabli.yaml"
    config.write_text(CONFIGURATION.replace("intent: open", "intent: open\n    public: true") + "state: state.db\n")

    def seen(ago: float) -> Situation:
        sql(store.path, f"UPDATE facts SET value = {time.time() - ago} WHERE name = 'last_seen'")  # noqa: S608
        return situation(load(config), time.time())

    recent = seen(40)
    assert [line.state for line in recent.lines] == [State.RESTORED]
    assert time.time() - recent.at == pytest.approx(40, abs=5), "and not of now, of which the file knows nothing"
    silent = seen(70)
    assert [line.state for line in silent.lines] == [State.UNKNOWN]
    assert silent.unwatched_since is not None
    report.main(given(config=config, into=tmp_path / "www", format="html", public=True))
    page = (tmp_path / "www" / "index.en.html").read_text()
    assert 'data-state="unknown"' in page
    assert 'data-state="restored"' not in page
    report.main(given(config=config, lang="en"))
    assert "nothing tells at present whether it works" in " ".join(capsys.readouterr().out.split())
