"""A daemon that can no longer remember says so on every channel, once, within seconds, whatever they do."""

import asyncio

import pytest

from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.last_words import PATIENCE, say, words
from retabli.alerts.message import Letterhead
from tests.alerts.test_storm import Phone

pytestmark = pytest.mark.looptime
CHU = Letterhead("CHU", "inside", "fr", url="https://r.example")


class Hanging(Phone):
    async def send(self, message: object) -> None:
        await asyncio.Event().wait()


class Broken(Phone):
    async def send(self, message: object) -> None:
        raise KeyError("phone")


class Refusing(Phone):
    async def send(self, message: object) -> None:
        raise NotAccepted("answers 500")


async def test_every_channel_is_tried_and_one_that_hangs_or_breaks_holds_up_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    duty, mail = Phone(), Phone()
    began = asyncio.get_running_loop().time()
    channels = {"hanging": Hanging(), "broken": Broken(), "refusing": Refusing(), "duty": duty, "mail": mail}
    accepted = await say(channels, CHU, "state.db: disk full", at=1688371200.0)
    assert sorted(accepted) == ["duty", "mail"]
    assert asyncio.get_running_loop().time() - began == PATIENCE
    assert duty.taken[0][1].body == mail.taken[0][1].body
    assert "channel hanging did not take the last words within 8 s" in caplog.text
    assert "channel refusing did not take the last words: answers 500" in caplog.text
    assert "channel broken has a defect" in caplog.text


async def test_without_channels_there_is_nothing_to_say() -> None:
    assert await say({}, CHU, "", at=0.0) == ()


def test_the_words_say_what_why_and_what_to_do_and_have_one_key_within_an_hour() -> None:
    body = words(CHU, "l'état state.db : disque plein", 1688371200.0)
    assert body["text"].splitlines() == [
        "Retabli ne peut plus écrire son état et s'arrête\u00a0: plus rien n'est surveillé",
        "CHU (vu de l'intérieur)",
        "Raison\u00a0: l'état state.db\u00a0: disque plein",
        (
            "À faire d'abord\u00a0: faire de la place ou réparer le disque qui porte l'état, puis démarrer Retabli de "
            "nouveau\u00a0; ce qui attendait d'être dit le sera alors."
        ),
    ]
    assert (body["status"], body["reason"], body["flow"], body["criticality"]) == (
        *("firing", "state_unwritable", None),
        "vital",
    )
    assert words(CHU, "another reason", 1688371200.0 + 3599)["key"] == body["key"]
    assert words(CHU, "", 1688371200.0 + 3600)["key"] != body["key"]
    assert len(body["summary"]) <= 160
