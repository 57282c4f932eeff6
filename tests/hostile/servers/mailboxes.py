"""What strangers put into the mailbox that we read: storms of bounces, forged ones, bombs; ours never arrives."""

import io
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

from probes.mail_in import MailIn
from probes.mail_loop import MailLoop
from retabli.model.probe import Probe
from retabli.model.result import Result
from tests.climbing import climb, settings
from tests.hostile.cells import Cell, Meet
from tests.hostile.grounds import Grounds
from tests.hostile.servers.http_answers import zeros
from tests.mail_world import INSIDE, OUTSIDE, MailWorld, mail_world

TOKEN = "v1.loop.0123456789abcdef.1.00000000000000000000000000000000"
ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe"


def letter(text: str = "hello", **fields: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(["From: stranger@elsewhere.example", *lines, "", text, ""]).encode("utf-8", "surrogateescape")


def bounce(text: str = "550 5.1.1 no such user") -> bytes:
    """A delivery status notification (RFC 3464) of a message that bore a token which we never signed."""
    parts = [
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        "From: <MAILER-DAEMON@elsewhere.example>",
        "Subject: Undelivered",
        "",
        "--b\r\nContent-Type: text/plain\r\n\r\nit did not work",
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.elsewhere.example\r\n",
        f"Final-Recipient: rfc822; {OUTSIDE}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; {text}",
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: x\r\nX-Retabli-Token: {TOKEN}",
        "--b--",
        "",
    ]
    return "\r\n".join(parts).encode()


def nested(depth: int) -> bytes:
    """Parts within parts within parts."""
    head = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(depth)
    )
    return f"From: a@elsewhere.example\r\nSubject: {TOKEN}\r\n{head}Content-Type: text/plain\r\n\r\nx\r\n".encode()


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("IHE_XDM/SUBSET01/METADATA.XML", "w") as entry:
            for _ in range(64):
                entry.write(bytes(1 << 20))
    return attached(packed.getvalue(), "IHE_XDM.zip")


def attached(content: bytes, name: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "stranger@elsewhere.example", OUTSIDE, TOKEN
    message["X-Retabli-Token"] = TOKEN
    message.set_content("x")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


STORMS: dict[str, list[bytes]] = {
    "300 bounces of nobody's": [bounce()] * 300,
    "a bounce that escapes": [bounce(ESCAPES)],
    "a bounce of a megabyte": [bounce("x" * 1_000_000)],
    "a forged token": [letter(Subject="x", X_Retabli_Token=TOKEN)],
    "ten thousand forged tokens in one": [letter(f"{TOKEN} " * 10_000, Subject="x", X_Retabli_Token=TOKEN)],
    "500 letters": [letter(Subject=f"number {number}") for number in range(500)],
    "a hundred parts deep": [nested(100)],
    "a zip bomb": [zip_bomb()],
    "a gzip bomb": [attached(zeros(64), "x.gz")],
    "a head of a megabyte": [letter(Subject="x" * 1_000_000, X_Retabli_Token=TOKEN)],
    "50,000 fields": [letter(**{f"X_{number}": "y" for number in range(50_000)}, Subject="x")],
    "no head": [b"\r\n\r\nnothing"],
    "nothing": [b""],
    "zeros": [bytes(50_000)],
    "UTF-16": [letter(Subject="x").decode().encode("utf-16")],
    "what is no text": [letter(Subject="x").replace(b"hello", b"\xff\xfe\x80")],
    "escapes": [letter(ESCAPES, Subject=ESCAPES, X_Retabli_Token=ESCAPES)],
    "encoded words without end": [letter(Subject="=?utf-8?b?" + "QQ==" * 20_000 + "?=" * 2000)],
    "a date beyond all": [letter(Date="Mon, 99 Foo 99999 99:99:99 +9999", X_Retabli_Token=TOKEN)],
}


def _loop(grounds: Grounds, world: MailWorld) -> Probe:
    times: dict[str, Any] = {"within": grounds.timeout, "timeout": "5s", "lost_after": "1h"}
    keys: dict[str, Any] = {
        "submit": world.submit,
        "mail_from": INSIDE,
        "rcpt_to": OUTSIDE,
        "mailbox": "witness",
        "key": world.key,
    }
    return settings(MailLoop, context=world.context, **keys, **times)


def _beacon(grounds: Grounds, world: MailWorld) -> Probe:
    keys: dict[str, Any] = {
        "from_": "beacon",
        "mailbox": "inside",
        "witness": "witness",
        "key": world.key,
        "timeout": "5s",
    }
    return settings(MailIn, context=world.context, **keys)


KINDS = {"mail_loop": _loop, "mail_in": _beacon}


def _met(kind: str, storm: list[bytes]) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        world = await grounds.stack.enter_async_context(mail_world(grounds.folder))
        world.outside_mx.lossy = True  # our own never arrives: nothing of theirs may be taken for it
        for folder in (world.witness["INBOX"], world.inside["INBOX"]):
            for message in storm:
                folder.append(message)
        return await climb(KINDS[kind](grounds, world))

    return meeting


def cells() -> Iterator[Cell]:
    for kind in KINDS:
        for name, storm in STORMS.items():
            yield Cell("mailboxes", name, kind, kind, _met(kind, storm), heavy=True)
