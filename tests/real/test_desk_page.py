"""A flow's page in a real browser: it stays true while somebody fills in its forms, and takes nothing from them."""

import shutil
from pathlib import Path

import pytest

from retabli.model.result import Outcome
from retabli.model.states import State
from tests.real.browser import browsing
from tests.view.pictures import NOW, Smtp, picture, result
from tests.web.serving import Served, serving

pytestmark = [pytest.mark.real, pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium")]

STATE = "document.querySelector('.one > header .state span').textContent"


def change(served: Served, state: State) -> None:
    of = served.view.pictures["mssante"].flow
    run = result(Smtp(), Outcome.OK if state is State.RESTORED else Outcome.FAILED)
    served.view.show(picture(of, state, [run], since=NOW), None, None)


async def test_what_is_being_written_stays_while_everything_around_it_changes(tmp_path: Path) -> None:
    async with serving(desk=True) as served, browsing(tmp_path) as tab:
        await tab.open(f"{served.web.url}/flows/mssante")
        await tab.run("var why = document.getElementById('silence-why'); why.focus(); why.value = 'half a word'; 1")
        for state, word in ((State.DROPPED, "retombé"), (State.RESTORED, "rétabli")):
            change(served, state)
            await tab.until(f"{STATE} == '{word}'")
            assert await tab.run("document.querySelector('.one').dataset.state") == state.value
            assert await tab.run("document.getElementById('silence-why').value") == "half a word"
            assert await tab.run("document.activeElement.id") == "silence-why"
            assert await tab.run("document.querySelectorAll('#page').length") == 1
            assert await tab.run("document.querySelectorAll('.ladder').length") == 1


async def test_a_form_that_nobody_fills_in_changes_with_the_page(tmp_path: Path) -> None:
    async with serving(desk=True) as served, browsing(tmp_path) as tab:
        await tab.open(f"{served.web.url}/flows/mail-in")
        await served.board.silence("mail-in", until=NOW + 3600.0, by="Karim", why="bascule")
        await tab.until("document.querySelector('form[action$=unsilence]') != null")


async def test_enter_silences_nothing_a_button_does_and_the_name_is_there_next_time(tmp_path: Path) -> None:
    async with serving(desk=True) as served, browsing(tmp_path) as tab:
        await tab.open(f"{served.web.url}/flows/mssante")
        await tab.run(
            "document.getElementById('silence-by').value = 'Karim';"
            "document.getElementById('silence-why').value = 'bascule'; document.getElementById('silence-why').focus()"
        )
        await tab.press_enter()
        assert await tab.run("document.querySelectorAll('.silent').length") == 0
        assert served.board.heard == []
        await tab.run("document.querySelector('button[name=for][value=\"4h\"]').click()")
        await tab.until("location.hash == '#page' && document.getElementById('end-by') != null")
        assert served.board.heard == [("silence", {"by": "Karim", "why": "bascule", "until": NOW + 4 * 3600.0})]
        assert await tab.run("document.getElementById('end-by').value") == "Karim"
        assert await tab.run("document.cookie") == "", "no script sees it"


async def test_why_it_was_not_taken_stays_to_be_read_while_the_page_goes_on(tmp_path: Path) -> None:
    async with serving(desk=True) as served, browsing(tmp_path) as tab:
        await tab.open(f"{served.web.url}/flows/mssante")
        await tab.run(
            "document.getElementById('silence-by').value = 'Karim';"
            "document.getElementById('silence-why').value = 'bascule';"
            "document.querySelector('button[name=for][value=until]').click()"
        )
        await tab.until("document.querySelectorAll('.faults li').length == 1")
        change(served, State.DROPPED)
        await tab.until(f"{STATE} == 'retombé'")
        assert await tab.run("document.querySelector('.faults li').textContent") == "Jusqu'à quand\u00a0: à renseigner"
        assert await tab.run("document.getElementById('silence-why').value") == "bascule"
