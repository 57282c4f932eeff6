"""A channel to whatever the library Apprise knows: Matrix, Teams, Mattermost, gateways of SMS and many more.

Apprise blocks, reads answers without bound and has a timeout for each read only. So each message is given to it in
a process of its own (`apprise_send.py`), which is bounded in memory and ended after `timeout`, whatever it hangs on.
The daemon itself never imports it.
"""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from retabli.alerts.channels import placeholders
from retabli.alerts.channels.channel import ATTEMPT, ChannelSettings, Timeout, because_of
from retabli.alerts.channels.receivers import Receivers, Refusal
from retabli.model.ladder import Fall
from retabli.model.record import Message
from retabli.model.result import clean
from retabli.model.settings import Secret, SecretRef, format_duration
from retabli.model.words import Words
from retabli.net.plugins.command import VariableSettings, surroundings, variable_faults
from retabli.net.plugins.process import Ended, run

SCRIPT = Path(__file__).with_name("apprise_send.py")
MOST_ADDRESSES = 8  # of one channel
AT_ONCE = 4  # processes of one channel: each takes some 60 MB while it lives
TYPES = {"firing": "failure", "reminder": "warning", "resolved": "success"}  # as Apprise calls them

REFUSED = 1  # the exit status by which the process says so


class Apprise(ChannelSettings):
    """Accepted once each address took it; an address that refuses for ten minutes while others took it is told in the
    log as an error. `timeout` bounds one attempt at one address. Needs the library: pip install "retabli[apprise]".
    """

    SUMMARY: ClassVar[tuple[str, str]] = (
        'Matrix, Teams, Mattermost et d\'autres, par la bibliothèque Apprise (pip install "retabli[apprise]").',
        'Matrix, Teams, Mattermost and many more, by the library Apprise (pip install "retabli[apprise]").',
    )

    kind: Literal["apprise"]
    urls: Annotated[tuple[SecretRef, ...], Field(strict=False, min_length=1, max_length=MOST_ADDRESSES)] = Field(
        description="where it goes, as Apprise writes it (matrixs://…, mmosts://…): these addresses hold tokens"
    )
    environment: VariableSettings = Field(
        default_factory=dict,
        description="what the library finds in its environment: HTTPS_PROXY, for one; nothing of the daemon's",
    )
    timeout: Timeout = Field(default=30.0, description=ATTEMPT)

    def build(self) -> "AppriseChannel":
        return AppriseChannel(self)

    def secrets(self) -> Iterator[Secret]:
        yield from self.urls
        yield from (value for value in self.environment.values() if isinstance(value, Secret))

    def faults(self) -> Iterator[str]:
        if importlib.util.find_spec("apprise") is None:  # which imports nothing
            yield 'this kind needs the library Apprise, which is not installed: pip install "retabli[apprise]"'
        yield from variable_faults(self.environment)


class AppriseChannel:
    """One process a message and address; who has it already is remembered. An address is called by its place."""

    def __init__(self, settings: Apprise) -> None:
        self._settings = settings
        self._urls = {f"urls[{number}] ({url.place})": url for number, url in enumerate(settings.urls)}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.receivers = Receivers(tuple(self._urls))

    async def send(self, message: Message) -> None:
        """
        Raises:
            NotAccepted: nobody took it, or some address is to be tried again.
        """
        left = self.receivers.left(message)
        refusals = await asyncio.gather(*(self._tell(name, message) for name in left))
        refused = {name: refusal for name, refusal in zip(left, refusals, strict=True) if refusal is not None}
        self.receivers.settle(message, left, refused)

    async def close(self) -> None:
        """Processes end with their message."""

    async def _tell(self, name: str, message: Message) -> Refusal | None:
        try:
            order, environment = await asyncio.to_thread(self._order, name, message)
            async with self._turn:
                command = [sys.executable, "-I", str(SCRIPT)]
                ended = await run(command, environment, self._settings.timeout, reads=order)
        except Fall as fall:
            return Refusal(because_of(fall).words)
        except OSError as error:
            return Refusal(Words.same(f"{sys.executable}: {error.strerror}"))
        if ended.status == 0:
            self.receivers.took(message, name)
            return None
        return self._refusal(ended)

    def _order(self, name: str, message: Message) -> tuple[bytes, dict[str, str]]:
        """What the process reads, and its environment; secrets are read from files."""
        fields = placeholders.fields_of(message)
        order = {
            "url": self._urls[name].text(),
            "title": fields["summary"],
            "body": fields["text"],
            "type": _type(fields),
            "path": [each for each in sys.path if each],
        }
        return json.dumps(order).encode(), surroundings(self._settings.environment)[0]

    def _refusal(self, ended: Ended) -> Refusal:
        if ended.timed_out:
            span = format_duration(self._settings.timeout)
            return Refusal(Words(f"pas de réponse en {span}", f"no answer within {span}"))
        reason = clean(ended.stdout)
        if ended.status == REFUSED and reason:
            return Refusal(Words(f"refusé : {reason}", f"refused: {reason}"))
        return Refusal(Words("Apprise s'est interrompu", "Apprise broke off"))


def _type(fields: placeholders.Fields) -> str:
    """As Apprise calls them: services choose a colour or a sign by it."""
    status = str(fields.get("status"))
    return "warning" if (status, fields.get("reason")) == ("firing", "degraded") else TYPES.get(status, "info")
