"""One token's way: handed over by SMTP, then awaited in a mailbox until it arrives, comes back, or is late."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Mail
from retabli.model.stages import Stage
from retabli.model.words import Words
from retabli.net.mail import mail_causes, mail_messages, smtp
from retabli.net.mail.dsn import Action
from retabli.net.mail.fates import End, Fate
from retabli.net.mail.mail_ledger import Arrival, Ledger, in_flight
from retabli.net.mail.mailbox_reader import Handle
from retabli.net.mail.mdn import Answer
from retabli.net.mail.moments import Moment
from retabli.net.mail.sightings import Kind, Sighting
from retabli.net.mail.tokens import Purpose, Token

TIDYING = 1.5  # seconds, at most, for removing what was left behind
GRACE = 3.0  # seconds beyond the last look into the mailbox, for clearing it and the farewells
LOOKS = (0.1, 0.2, 0.5, 1.0)  # seconds between the first looks; then
LOOK = 2.0
LOGIN_AGAIN = 5.0
OVERDUE = "the deadline came first"
_RELAYED = Words(
    "relayé : transmis là d'où aucun avis ne revient",
    "relayed: handed on to where no delivery is notified from",
)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for one step, for the arrival, until a token is given up, and the unit's rhythm."""

    timeout: float
    within: float
    lost_after: float
    every: float


def unread(found: Cause, detail: str) -> tuple[Cause, str]:
    """For `ladder.told_as` around a rung in which the mailboxes are looked into: a deadline is theirs, there too."""
    return (mail_causes.MAILBOX_UNREADABLE, OVERDUE) if found is causes.TIMEOUT else (found, detail)


class Reader(Protocol):
    """A place where messages arrive, looked at again and again during one run. `fault` is why it could not be, last.

    `passed_over` counts messages that were too many to look at.
    """

    fault: Fall | None
    passed_over: int

    @property
    def may_try_again(self) -> bool:
        """Whether another look during this run may help: not when the account was refused."""
        ...

    @property
    def blind(self) -> Fall | None:
        """Why what was not found may be there nevertheless: `fault`, or that not all could be read yet."""
        ...

    async def open(self) -> None: ...

    async def sweep(self, handle: Handle, /) -> bool:
        """Show every new message to `handle`, once. False: not all could be read, see `blind`."""
        ...

    async def pause(self, seconds: float, /) -> None: ...

    async def clear(self, seconds: float, /) -> None: ...

    async def close(self, *, abort: bool = False) -> None: ...


@dataclass(slots=True)
class _Offer:
    """A token on its way out. `begun`: the other side may have seen it."""

    token: Token
    begun: bool = False


class RoundTrip:
    """`async with RoundTrip(…) as trip: await trip.send(…); fate = await trip.fate()`.

    The first of `readers` is the mailbox of arrivals, the others are looked through for notifications only. They are
    opened while the message is sent, and a fault of theirs never hides one of the sending.
    `pauses`: seconds between the first looks, and then between all others.
    `answered_by`: a reflector; what is awaited is an answer to the token instead of the token itself.
    `reported`: what is awaited is the notification that the token was delivered (RFC 3461), in any of the mailboxes.
    """

    def __init__(
        self,
        ladder: Ladder,
        key: bytes,
        purpose: Purpose,
        readers: Sequence[Reader],
        patience: Patience,
        *,
        pauses: tuple[Sequence[float], float] = (LOOKS, LOOK),
        trusted: str | None = None,
        answered_by: str | None = None,
        reported: bool = False,
    ) -> None:
        self._ladder = ladder
        self._ledger = Ledger(ladder.memory, key, purpose)
        self._readers = tuple(readers)
        self._patience = patience
        self._pauses = pauses
        self._trusted = trusted
        self._answered_by = answered_by.lower() if answered_by is not None else None
        self._reported = reported
        self.relayed = False  # a notification says that the token was handed on to where none is sent from
        self._opening: list[asyncio.Task[None]] = []
        self._token: Token | None = None
        self._sent = 0.0

    async def __aenter__(self) -> Self:
        self._opening = [asyncio.create_task(reader.open()) for reader in self._readers]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._settle()
        self._ladder.describe("in_flight", str(in_flight(self._ladder.memory)))
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        passed_over = sum(reader.passed_over for reader in self._readers)
        if passed_over:
            self._ladder.describe("passed_over", str(passed_over))
        abort = error is not None and not isinstance(error, Fall)
        if not abort:
            await asyncio.gather(*(reader.clear(TIDYING) for reader in self._readers))
        await asyncio.gather(*(reader.close(abort=abort) for reader in self._readers))

    # Sending -------------------------------------------------------------------------------------------------------

    async def send(
        self,
        open_session: Callable[[], Awaitable[smtp.SmtpSession]],
        mail_from: str,
        rcpt_to: str,
        *,
        contact: str | None = None,
        disposition: bool = False,
    ) -> None:
        """Hand a new token over by SMTP; climbs the rungs of that session, ENVELOPE and ACCEPTED.

        `disposition` as in `compose`.

        Raises:
            Fall, OSError: as the session raises them. The token was then never sent.
        """
        async with asyncio.timeout(self._patience.timeout) as limit:
            session = await open_session()
            async with session:
                with self._offered() as offer:
                    message = mail_messages.compose(offer.token, mail_from, rcpt_to, contact, disposition=disposition)
                    await session.envelope(
                        self._ladder, mail_from, [rcpt_to], len(message), report_delivery=self._reported
                    )
                    offer.begun = True
                    queue_id = await session.data(self._ladder, message)
                limit.reschedule(None)  # it is handed over: the farewell has a patience of its own
                if queue_id:
                    self._ladder.describe("queue_id", queue_id)

    async def hand_over(self, deliver: Callable[[Token], Awaitable[None]]) -> Token:
        """Hand a new token over in another way than by SMTP: `deliver` climbs its own rungs.

        Raises:
            Whatever `deliver` does. The token was then never sent.
        """
        with self._offered() as offer:
            offer.begun = True
            await deliver(offer.token)
        return offer.token

    @contextmanager
    def _offered(self) -> Iterator["_Offer"]:
        """A new token, which is sent when this ends well, and else never was."""
        now = Moment.now(self._ladder)
        offer = _Offer(self._ledger.issue(now))
        try:
            yield offer
        except BaseException:
            self._ledger.withdraw(offer.token, unsent=not offer.begun)
            raise
        self._token, self._sent = offer.token, now.clock
        self._ledger.accepted(offer.token)
        self._ladder.count(Mail.SENT)

    # Awaiting ------------------------------------------------------------------------------------------------------

    async def fate(self, rung: Stage = stages.DELIVERED) -> Fate:
        """Await what becomes of the token. Its end is counted; it is left to later runs when it has none yet.

        The deadline lies beyond the last look: where it falls in here, it is a mailbox that did not answer in time,
        and `rung` is unknown by it.
        """
        try:
            return await self._fate()
        except asyncio.CancelledError:
            self._ladder.begin(rung)
            self._ladder.drop(rung, 0.0, Fall(mail_causes.MAILBOX_UNREADABLE, OVERDUE))
            raise

    async def _fate(self) -> Fate:
        token = self._token
        if token is None:
            raise RuntimeError("the fate of a token is asked before it was sent")
        await asyncio.gather(*self._opening)
        for seconds in self._looks():
            readable = await self._look()
            fate = self._ended(token)
            if fate is not None:
                return fate
            if not readable and self._hopeless():
                break
            if seconds > 0:
                await self._pause(seconds)
        return self._without_end(token)

    async def until(self, so: Callable[[], bool]) -> None:
        """Go on looking into the mailboxes until this is so, or the time is over."""
        for seconds in self._looks():
            await self._look()
            if so():
                return
            if seconds > 0:
                await self._pause(seconds)

    def answer(self) -> Answer | None:
        """What the recipient's side has said of the message so far."""
        return self._ledger.answer(self._token) if self._token is not None else None

    def _looks(self) -> Iterator[float]:
        """How long to pause after each look; 0 after the last, which is taken when the time is over."""
        first, then = self._pauses
        pauses = iter(first)
        while True:
            left = self._sent + self._patience.within - self._ladder.clock()
            if left <= 0:
                yield 0.0
                return
            yield min(next(pauses, then), left)

    async def _look(self) -> bool:
        """Look into every mailbox. Whether that of arrivals could be read."""
        read = await asyncio.gather(*(self._sweep(reader) for reader in self._readers))
        if read[0]:
            lost = self._ledger.expire(Moment.now(self._ladder), self._patience.lost_after)
            if lost:
                self._ladder.count(Mail.LOST, lost)
        return read[0]

    async def _sweep(self, reader: Reader) -> bool:
        main = reader is self._readers[0]
        return await reader.sweep(lambda sighting: self._take(sighting, arrivals=main))

    def _hopeless(self) -> bool:
        """Whether waiting on cannot help: the account is refused, and is left alone."""
        return len(self._readers) == 1 and not self._readers[0].may_try_again

    async def _pause(self, seconds: float) -> None:
        main = self._readers[0]
        if main.fault is not None:
            left = self._sent + self._patience.within - self._ladder.clock()
            seconds = max(0.0, min(left, LOGIN_AGAIN))
        await main.pause(seconds)

    # What was seen -------------------------------------------------------------------------------------------------

    def _take(self, sighting: Sighting, *, arrivals: bool) -> bool:
        """Note one message; whether it is ours and done with."""
        if sighting.kind is Kind.FORGED:
            if arrivals:
                self._ladder.count(Mail.FORGED)
            return False
        token = sighting.token
        if token is None or not self._ledger.is_ours(token):
            return False
        now = Moment.now(self._ladder)
        if sighting.kind is Kind.REPORT and sighting.report is not None:
            if self._reported and sighting.report.action is Action.DELIVERED:
                self._arrived(sighting, token, now)
                return True
            if self._reported and sighting.report.action is Action.RELAYED:
                self._ladder.describe("notification", _RELAYED[self._ladder.language])
                self.relayed = self.relayed or (self._token is not None and token.name == self._token.name)
            event = self._ledger.returned(sighting.report, now)
            if event is not None:
                self._ladder.count(event)
            return True
        if not arrivals or sighting.kind is not (Kind.TOKEN if self._answered_by is None else Kind.ANSWER):
            return False
        self._arrived(sighting, token, now)
        return sighting.kind is Kind.TOKEN or sighting.sender == self._answered_by  # a person's answer is theirs

    def _arrived(self, sighting: Sighting, token: Token, now: Moment) -> None:
        content = sighting.content
        event, age = self._ledger.saw(
            token,
            now,
            within=self._patience.within,
            since=sighting.since,
            listed=sighting.listed,
            junk=sighting.junk,
            authentication=str(sighting.authentication(self._trusted)),
            intact=None if content is None else mail_messages.attachment_intact(content, token),
            finding=sighting.finding,
        )
        if event is not None:
            self._ladder.count(event)
        if event is Mail.LATE:
            self._ladder.roundtrip(age)

    def _ended(self, token: Token) -> Fate | None:
        waited = self._ladder.clock() - self._sent
        arrival = self._ledger.arrival(token)
        if arrival is not None:
            self._count_arrival(token, arrival)
            return Fate(End.ARRIVED, arrival.seconds, arrival=arrival)
        bounce = self._ledger.bounce(token)
        if bounce is not None:
            self._ladder.count(Mail.BOUNCED)
            self._ledger.end(token)
            return Fate(End.BOUNCED, waited, status=bounce[0], detail=bounce[1])
        return None

    def _count_arrival(self, token: Token, arrival: Arrival) -> None:
        late = arrival.seconds > self._patience.within
        self._ladder.count(Mail.LATE if late else Mail.RECEIVED)
        self._ladder.roundtrip(arrival.seconds)
        self._ledger.end(token)

    def _without_end(self, token: Token) -> Fate:
        waited = self._ladder.clock() - self._sent
        blind = self._readers[0].blind
        if blind is not None:
            return Fate(End.UNREADABLE, waited, detail=blind.detail, fault=blind)
        held = self._ledger.held_since(token, Moment.now(self._ladder))
        return Fate(End.HELD if held else End.SILENT, waited, detail=self._ledger.delay(token))

    def forget(self) -> None:
        """Nobody here can see it arrive: that it was accepted is all that will be known of it."""
        if self._token is not None:
            self._ledger.forget(self._token)
            self._token = None

    def _settle(self) -> None:
        """Whatever ended the run: a token that has arrived is counted, one that has not is left to later runs."""
        if self._token is None:
            return
        if self._ledger.ended(self._token) or self._ended(self._token) is not None:
            return
        self._ledger.leave(self._token)
