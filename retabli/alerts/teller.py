"""From a notice to messages: to whom it goes, and in which words. Pure; the pipeline calls it within its step."""

from collections.abc import Sequence
from dataclasses import dataclass

from retabli.alerts.message import Letterhead, compose
from retabli.alerts.routes import Route, to_whom
from retabli.model.record import FlowPicture, Message
from retabli.own_link import ID as OWN_LINK
from retabli.paging import Notice, Status


@dataclass(frozen=True, slots=True)
class Teller:
    """`channels` are the names of those that the configuration has, in its order."""

    letterhead: Letterhead
    channels: Sequence[str]
    routes: Sequence[Route] = ()

    def __call__(self, picture: FlowPicture, notice: Notice, at: float) -> list[Message]:
        """One message for each channel. `at` in wall seconds."""
        body = compose(picture, notice.incident, notice.status.value, notice.reason, self.letterhead, at)
        return [
            Message(key=body["key"], channel=channel, flow=picture.flow.id, body=body)
            for channel in self._channels(picture.flow.id, notice)
        ]

    def _channels(self, flow: str, notice: Notice) -> tuple[str, ...]:
        """A page goes where the routes say; its resolve to the channels that got it, or to those in their place.

        The page of our own way out goes to every channel: nobody knows which one still gets through.
        """
        got = notice.incident.channels
        if notice.status is Status.FIRING:
            return self._routed(flow, notice.reason)
        still = tuple(channel for channel in got if channel in self.channels)
        return still if still or not got else self._routed(flow, notice.incident.reason)

    def _routed(self, flow: str, reason: str) -> tuple[str, ...]:
        return tuple(self.channels) if flow == OWN_LINK else to_whom(self.routes, self.channels, reason)
