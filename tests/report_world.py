"""A mail world with an engine that is handed reports and mails them, for the tests of `report_loop`."""

import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from probes.report_loop import ReportLoop
from simulator.engine import ReportsEngine
from simulator.serving import Serving
from simulator.smtp import Envelope
from tests.climbing import settings
from tests.mail_world import INSIDE, OUTSIDE, MailWorld, mail_world
from tests.net.hl7_engines import result, write

REPORT = result() + b"OBR|2||{token}^RETABLI|||\rZRE|{control_id}|{mail_from}|{rcpt_to}\r"


class ReportsEngineOfTests(ReportsEngine):
    """Without slots, so that a test may replace how it composes."""


class World:
    """A mail world, and an engine that mails what it is handed to the test prescriber outside."""

    def __init__(self, mail: MailWorld, engine: ReportsEngine, serving: Serving, folder: Path) -> None:
        self.mail, self.engine, self.serving, self.folder = mail, engine, serving, folder

    def loop(self, **keys: Any) -> ReportLoop:
        submit = keys.pop("submit", {})
        content = keys.pop("content", REPORT)
        given: dict[str, Any] = {
            "submit": {
                "host": "127.0.0.1",
                "port": self.serving.port,
                "message": write(self.folder, content),
                **submit,
            },
            "mailbox": "witness",
            "key": self.mail.key,
            "within": "5s",
            "timeout": "3s",
            "mail_from": INSIDE,
            "rcpt_to": OUTSIDE,
        }
        probe = settings(ReportLoop, context=self.mail.context, **(given | keys))
        assert list(probe.faults()) == []
        return probe

    def by_file(self, directory: Path, **submit: Any) -> dict[str, Any]:
        return {"message": write(self.folder, REPORT), "directory": str(directory), "host": None, **submit}

    def compose(self, make: Callable[[bytes], EmailMessage | bytes]) -> None:
        """Have the engine's mail made by this, from the message that it was handed."""

        async def take(message: bytes) -> None:
            made = make(message)
            raw = made if isinstance(made, bytes) else made.as_bytes()
            self.engine.post(Envelope(INSIDE, (OUTSIDE,), raw))

        self.engine.take = take  # type: ignore[method-assign]

    @property
    def inbox(self) -> list[bytes]:
        return [message.raw for message in self.mail.witness["INBOX"].messages]


@asynccontextmanager
async def report_world(folder: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(mail_world(folder))
        engine = ReportsEngineOfTests(mail.relay.accept, INSIDE, OUTSIDE)
        serving = await stack.enter_async_context(Serving(engine.talk))
        yield World(mail, engine, serving, folder)


def mail(
    subject: str = "[TEST] report",
    text: str = "synthetic",
    attached: bytes | None = None,
    name: str = "IHE_XDM.zip",
    kind: str = "application/zip",
    **headers: str,
) -> EmailMessage:
    message = EmailMessage(policy=SMTP.clone(max_line_length=200))
    message["From"], message["To"], message["Subject"] = INSIDE, OUTSIDE, subject
    message["Message-ID"] = f"<{os.urandom(6).hex()}@chu.example>"
    for header, value in headers.items():
        message[header.replace("_", "-")] = value
    message.set_content(text)
    if attached is not None:
        main, sub = kind.split("/")
        message.add_attachment(attached, maintype=main, subtype=sub, filename=name)
    return message


def token_of(message: bytes) -> str:
    found = re.search(rb"v1\.[0-9a-f.]+", message)
    assert found is not None
    return found[0].decode()
