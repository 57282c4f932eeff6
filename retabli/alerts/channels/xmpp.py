"""A channel to people's XMPP addresses (RFC 6120), by the library slixmpp, in a process of its own.

Apprise knows XMPP too, but calls a message sent that its server never took; this kind knows whether it was.
"""

import asyncio
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from retabli.alerts.channels import placeholders
from retabli.alerts.channels.channel import ATTEMPT, ChannelSettings, Timeout, because_of
from retabli.alerts.channels.receivers import Receivers, Refusal
from retabli.model.ladder import Fall
from retabli.model.record import Message
from retabli.model.result import clean
from retabli.model.settings import File, Port, Secret, SecretRef, Settings, format_duration
from retabli.model.words import Words
from retabli.net.plugins.command import surroundings
from retabli.net.plugins.process import Ended, run

SCRIPT = Path(__file__).with_name("xmpp_send.py")
MOST_RECIPIENTS = 20
GONE = ("item-not-found", "service-unavailable")  # of an address that does not exist, or takes nothing while offline


def _address(value: str) -> str:
    if not re.fullmatch(r"[^\s\"&'/:<>@]+@[^\s\"&'/:<>@]+", value):  # RFC 7622, without a resource
        raise ValueError(f"{value!r} is no address: write somebody@chat.example")
    return value


Address = Annotated[str, AfterValidator(_address)]


class XmppTls(Settings):
    """`starttls`, or `implicit` from the first byte (XEP-0368); never in clear. Without `ca`, the system's own."""

    mode: Literal["starttls", "implicit"] = "starttls"
    ca: File | None = None


class Xmpp(ChannelSettings):
    """Accepted once our own server has taken the message for each address; an address that is refused while others took
    it is told in the log as an error. Needs the library: pip install "retabli[xmpp]".
    """

    SUMMARY: ClassVar[tuple[str, str]] = (
        'XMPP (Jabber), par la bibliothèque slixmpp (pip install "retabli[xmpp]").',
        'XMPP (Jabber), by the library slixmpp (pip install "retabli[xmpp]").',
    )

    kind: Literal["xmpp"]
    jid: Address
    password: SecretRef
    to: tuple[Address, ...] = Field(
        min_length=1, max_length=MOST_RECIPIENTS, strict=False, description="everybody who is told"
    )
    host: str | None = Field(default=None, min_length=1, description="the domain of jid, if it is not given")
    port: Port = 5222
    tls: XmppTls = XmppTls()
    timeout: Timeout = Field(default=30.0, description=ATTEMPT)

    def build(self) -> "XmppChannel":
        return XmppChannel(self)

    def secrets(self) -> Iterator[Secret]:
        yield self.password

    def faults(self) -> Iterator[str]:
        if importlib.util.find_spec("slixmpp") is None:  # which imports nothing
            yield 'this kind needs the library slixmpp, which is not installed: pip install "retabli[xmpp]"'


class XmppChannel:
    """One process a message; who has it already is remembered."""

    def __init__(self, settings: Xmpp) -> None:
        self._settings = settings
        self.receivers = Receivers(settings.to)

    async def send(self, message: Message) -> None:
        """
        Raises:
            NotAccepted: nobody took it, or some address is to be tried again.
        """
        left = self.receivers.left(message)
        try:
            order = await asyncio.to_thread(self._order, message, left)
            command = [sys.executable, "-I", str(SCRIPT)]
            ended = await run(command, surroundings({})[0], self._settings.timeout, reads=order)
            refused = self._refused(ended, left)
        except Fall as fall:
            refused = dict.fromkeys(left, Refusal(because_of(fall).words))
        except OSError as error:
            refused = dict.fromkeys(left, Refusal(Words.same(f"{sys.executable}: {error.strerror}")))
        self.receivers.settle(message, left, refused)

    async def close(self) -> None:
        """Processes end with their message."""

    def _order(self, message: Message, left: tuple[str, ...]) -> bytes:
        """What the process reads; the password is read from its file."""
        settings = self._settings
        order = {
            "jid": settings.jid,
            "password": settings.password.text(),
            "to": left,
            "host": settings.host or settings.jid.rpartition("@")[2],
            "port": settings.port,
            "direct": settings.tls.mode == "implicit",
            "ca": None if settings.tls.ca is None else str(settings.tls.ca),
            "body": placeholders.fields_of(message)["text"],
            "key": message.key,
            "path": [each for each in sys.path if each],
        }
        return json.dumps(order).encode()

    def _refused(self, ended: Ended, left: tuple[str, ...]) -> dict[str, Refusal]:
        if ended.timed_out:
            span = format_duration(self._settings.timeout)
            return dict.fromkeys(left, Refusal(Words(f"pas de réponse en {span}", f"no answer within {span}")))
        try:
            said = json.loads(ended.stdout)
            failed, refused = said["failed"], said["refused"]
        except (ValueError, KeyError, TypeError):
            return dict.fromkeys(left, Refusal(Words("l'envoi s'est interrompu", "the sending broke off")))
        if failed is not None:
            return dict.fromkeys(left, Refusal(Words.same(clean(str(failed)))))
        return {
            address: Refusal(Words.same(clean(str(why))), for_good=why in GONE)
            for address, why in refused.items()
            if address in left
        }
