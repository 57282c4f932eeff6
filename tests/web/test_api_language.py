"""What the API says for people: in the site's language, or in the one that is asked for."""

from typing import Any

from commands._answers import exchange
from commands._door import Door
from retabli.model.result import Outcome
from retabli.model.states import State
from retabli.model.words import Words
from tests.commands.daemons import daemon
from tests.view.pictures import Smtp, flow, picture, result


async def asked(path: str) -> Any:
    fell = result(Smtp(), Outcome.FAILED, fell=1)
    async with daemon([picture(flow("mail", title=Words("Messagerie", "Mail")), State.DROPPED, [fell])]) as url:
        return (await exchange("GET", Door(url), path)).json()


async def test_flows_are_worded_in_the_language_that_is_asked_for() -> None:
    for path, language, title, cause, side, advice in (
        ("/api/v1/flows", "fr", "Messagerie", "connexion refusée", "partenaire en panne", "Joindre le partenaire"),
        ("/api/v1/flows?lang=en", "en", "Mail", "connection refused", "partner down", "Call the partner"),
        ("/api/v1/flows?lang=xx", "fr", "Messagerie", "connexion refusée", "partenaire en panne", "Joindre"),
    ):
        said = await asked(path)
        words = said["flows"][0]["cause"]["words"]
        assert (said["language"], said["flows"][0]["title"]) == (language, title)
        assert (words["cause"], words["side"]) == (cause, side)
        assert words["advice"].startswith(advice)


async def test_the_line_on_top_of_the_page_heads_the_flows_part_by_part() -> None:
    assert (await asked("/api/v1/flows?lang=en"))["headline"] == [
        {"state": "down", "text": "0 of 1 flows restored", "proven_at": None},
        {"state": "dropped", "text": "1 dropped", "proven_at": None},
    ]


async def test_one_flow_is_worded_so_too() -> None:
    assert (await asked("/api/v1/flows/mail"))["title"] == "Messagerie"
    assert (await asked("/api/v1/flows/mail?lang=en"))["title"] == "Mail"
