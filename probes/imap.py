"""A mailbox that must open by IMAP, and may have to hold what is expected."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import stages
from retabli.model.causes import Cause, Side, cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import MailboxRef, Settings
from retabli.model.stages import Stage
from retabli.net.mail import imap

MAILBOX_CONTENT = cause(
    "mailbox_content",
    Side.CONTENT,
    fr="la boîte ne contient pas ce qui est attendu",
    en="the mailbox does not hold what is expected",
)


class ExpectMessages(Settings):
    """How many messages a search must find. `search` is IMAP's own words: [UNSEEN], [FROM, lab@partner.example]."""

    search: tuple[str, ...] = Field(default=("ALL",), min_length=1, strict=False)
    at_least: int | None = Field(default=None, ge=1)
    at_most: int | None = Field(default=None, ge=0)


class Imap(Probe):
    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.GREETING,
        stages.STARTTLS,
        stages.TLS,
        stages.AUTH,
        stages.MAILBOX,
        stages.CONTENT,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (*imap.CAUSES, MAILBOX_CONTENT)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Une boîte aux lettres s'ouvre par IMAP ; rien n'y est marqué ni effacé.",
        "A mailbox opens by IMAP; nothing in it is marked or removed.",
    )

    kind: Literal["imap"]
    mailbox: MailboxRef
    expect: ExpectMessages | None = None

    def climbs(self) -> tuple[Stage, ...]:
        content = (stages.CONTENT,) if self.expect is not None else ()
        return (*imap.mailbox_stages(self.mailbox), stages.MAILBOX, *content)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from imap.mailbox_faults(self.mailbox)
        if self.expect is not None:
            low, high = self.expect.at_least, self.expect.at_most
            if low is None and high is None:
                yield "expect says neither at_least nor at_most"
            elif low is not None and high is not None and low > high:
                yield f"expect can never hold: at_least {low}, at_most {high}"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.mailbox.imap, self.mailbox.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        session = await imap.open_mailbox(self.mailbox, ladder=ladder, resolver=self.resolver)
        async with session:
            with ladder.rung(stages.MAILBOX):
                selected = await session.select(self.mailbox.folder, read_only=True)
            ladder.describe("messages", str(selected.exists))
            if self.expect is not None:
                with ladder.rung(stages.CONTENT):
                    await _check(session, self.expect)


async def _check(session: imap.ImapSession, expect: ExpectMessages) -> None:
    found = len(await session.search(expect.search))
    if expect.at_least is not None and found < expect.at_least:
        raise Fall(MAILBOX_CONTENT, f"{found} messages, at least {expect.at_least} expected")
    if expect.at_most is not None and found > expect.at_most:
        raise Fall(MAILBOX_CONTENT, f"{found} messages, at most {expect.at_most} expected")
