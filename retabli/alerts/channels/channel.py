"""What a channel is: settings that build something which sends one message, or says why it was not accepted."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Protocol

from pydantic import AfterValidator, Field

from retabli.model import causes
from retabli.model.ladder import Fall, cause_of
from retabli.model.record import Message
from retabli.model.result import clean
from retabli.model.settings import Duration, Secret, Settings
from retabli.model.words import Words

ATTEMPT = "one attempt has this long, and is then made again later"


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than 0s")
    return value


Timeout = Annotated[Duration, AfterValidator(_positive)]


class NotAccepted(Exception):
    """The channel did not take the message, for a reason that may pass: it is tried again.

    `words` are one line in each language, `reason` is the English one, for logs.
    """

    def __init__(self, reason: str | bytes | Words) -> None:
        said = reason if isinstance(reason, Words) else Words.same(clean(reason))
        self.words = Words(clean(said.fr), clean(said.en))
        self.reason = self.words.en
        super().__init__(self.reason)


def because_of(fall: Fall) -> NotAccepted:
    """What a connection or a secret fell from, as the probes would tell it."""
    cause, detail = fall.cause.words, fall.detail
    if not detail:
        return NotAccepted(cause)
    return NotAccepted(Words(f"{cause.fr} : {detail}", f"{cause.en}: {detail}"))


def is_refusal(error: BaseException | None) -> bool:
    """Whether what left `send` says that the message was not taken, for a reason that may pass: the receiver's, the
    network's, or something that our own machine lacks (a thread, memory). Anything else is a defect of the channel."""
    return error is not None and (isinstance(error, NotAccepted | OSError) or cause_of(error) is causes.LOCAL_RESOURCES)


class Channel(Protocol):
    """Sends to one receiver. What leaves `send` is a refusal (`is_refusal`), or a defect of the channel."""

    async def send(self, message: Message) -> None:
        """Returns when the receiver has accepted the message.

        Raises:
            NotAccepted: it has not.
        """

    async def close(self) -> None:
        """Let go of connections. It is not used afterwards."""


class ChannelSettings(Settings):
    """What every kind of channel has. A kind adds `kind: Literal["its name"]` and its settings."""

    SUMMARY: ClassVar[tuple[str, str]] = ("", "")  # what the kind is, in French and in English

    kind: str
    travels_on: tuple[str, ...] = Field(
        default=(), strict=False, description="the flows that carry this channel's messages: it counts on them"
    )

    @abstractmethod
    def build(self) -> Channel:
        """The channel of these settings. Neither reads nor connects: that is done when something is sent."""

    def secrets(self) -> Iterator[Secret]:
        """Every secret in these settings."""
        yield from ()

    def faults(self) -> Iterator[str]:
        """What these settings have wrong together, as sentences for `check`."""
        yield from ()

    def warnings(self) -> Iterator[str]:
        """What is allowed and unwise."""
        yield from ()
