"""A channel that gives each message to every member of an Alertmanager cluster, and keeps them told."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from retabli.alerts.channels.alertmanager_alerts import Identity, burning, ended, is_page, labels_of
from retabli.alerts.channels.alertmanager_member import ALERTS, Member
from retabli.alerts.channels.channel import ChannelSettings, NotAccepted, is_refusal
from retabli.alerts.channels.http import Clients, HttpTls, address, header_name, headers_in_clear
from retabli.model.record import Message
from retabli.model.settings import Duration, Secret, SecretRef
from retabli.model.stamps import iso
from retabli.model.words import Words

GRACE = 1.0  # seconds that the other members are given once one has accepted; re-sending reaches them later
BATCH = 100  # alerts that are re-sent in one request


def _member(value: str) -> str:
    parts = urlsplit(address(value))
    if parts.query or parts.fragment:
        raise ValueError(f"{value!r}: write the address of an Alertmanager, without ? and #")
    if parts.path.rstrip("/").endswith(ALERTS):
        raise ValueError(f"{value!r}: leave out {ALERTS}, which is added to each address")
    return value


class Alertmanager(ChannelSettings):
    """A message is accepted when one member has; the others are told again every `resend`, and of what has ended."""

    SUMMARY: ClassVar[tuple[str, str]] = (
        "Chaque message est une alerte, donnée à tous les membres d'une grappe Alertmanager (API v2).",
        "Each message is an alert, given to every member of an Alertmanager cluster (API v2).",
    )

    kind: Literal["alertmanager"]
    urls: tuple[Annotated[str, AfterValidator(_member)], ...] = Field(
        min_length=1, strict=False, description="every member of the cluster, never an address in front of them"
    )
    user: str | None = None
    password: SecretRef | None = None
    headers: Mapping[Annotated[str, AfterValidator(header_name)], str | SecretRef] = Field(
        default_factory=dict, description="more headers; one that holds a secret names where it is"
    )
    timeout: Duration = Field(default=10.0, description="bounds one attempt at one member")
    resend: Duration = Field(
        default=60.0, description="how soon a member that was restarted or away has what is open, and what has ended"
    )
    tls: HttpTls = HttpTls()

    def build(self) -> "AlertmanagerChannel":
        return AlertmanagerChannel(self)

    def secrets(self) -> Iterator[Secret]:
        if self.password is not None:
            yield self.password
        yield from (value for value in self.headers.values() if isinstance(value, Secret))

    def faults(self) -> Iterator[str]:
        yield from headers_in_clear(self.headers)
        if (self.user is None) != (self.password is None):
            yield "user and password go together: give both or neither"
        known: set[str] = set()
        for url in self.urls:
            if url.rstrip("/") in known:
                yield f"urls: {url} stands there twice"
            known.add(url.rstrip("/"))
        for key in ("timeout", "resend"):
            if getattr(self, key) <= 0:
                yield f"{key}: must be more than 0s"

    def warnings(self) -> Iterator[str]:
        if self.password is not None and any(urlsplit(url).scheme == "http" for url in self.urls):
            yield "the password travels in clear: give https addresses"


@dataclass(frozen=True, slots=True)
class Given:
    """What the channel was given of an open incident: its first message, which says what it is, and its latest."""

    first: Mapping[str, Any]
    latest: Mapping[str, Any]


class Watch(Protocol):
    """What a channel must know to keep its members told."""

    @property
    def site(self) -> str: ...

    @property
    def standpoint(self) -> str: ...

    @property
    def given(self) -> Mapping[str, Given]:
        """By incident, of those that were open when this was read."""

    def open(self) -> Collection[str]:
        """The incidents that are open now."""

    async def over(self, incidents: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        """Those of them of which this daemon itself knows that they are over, with their resolves."""


class AlertmanagerChannel:
    """Members share a client; each is told in parallel, and within a deadline of its own."""

    def __init__(self, settings: Alertmanager, *, wall: Callable[[], float] = time.time) -> None:
        self.resend = settings.resend
        self._wall = wall
        self._clients = Clients(settings.tls, settings.timeout)
        self._timeout = settings.timeout
        self._members = [Member(url, settings, self._clients, wall) for url in settings.urls]
        self._known: dict[str, Identity] = {}  # by incident: as they were first told
        self._rounds: set[asyncio.Task[Mapping[str, str | None]]] = set()
        self._closed = False

    async def send(self, message: Message) -> None:
        """
        Raises:
            NotAccepted: no member took it.
        """
        body = {"key": message.key, **message.body}
        pages: Sequence[Mapping[str, Any]] = body.get("pages") or [body]
        if body.get("status") == "resolved":
            await self._at_one_at_least(lambda member: self._end(member, pages))
        else:
            now = self._wall()
            alerts = [burning(page, self._identity(page, now), now) for page in pages]
            await self._at_one_at_least(lambda member: member.post(alerts))

    async def keep(self, watch: Watch) -> Mapping[str, str | None]:
        """Tell every member what is open, and what is over and still burns there.

        By its address: None for a member that took all of it, else why it did not. Nothing when it was cut short.
        """
        if self._closed:
            return {}
        self._learn(watch)
        round_ = asyncio.create_task(self._keep_all(watch), name="keep members told")
        self._rounds.add(round_)
        try:
            await asyncio.wait({round_})
        finally:
            if not round_.done():
                round_.cancel()
                await asyncio.wait({round_})
            self._rounds.discard(round_)
        return {} if round_.cancelled() else round_.result()

    async def close(self) -> None:
        self._closed = True
        for round_ in list(self._rounds):
            round_.cancel()
            await asyncio.wait({round_})
        await self._clients.close()

    # a message ------------------------------------------------------------------------------------------------

    async def _at_one_at_least(self, work: Callable[[Member], Awaitable[None]]) -> None:
        tasks = {
            asyncio.create_task(_tried(member, work), name=f"tell {member.url}"): member for member in self._members
        }
        waiting, accepted = set(tasks), False
        try:
            while waiting and not accepted:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                accepted = any(task.exception() is None and task.result() is None for task in done)
            if prompt := {task for task in waiting if tasks[task].well}:
                _, late = await asyncio.wait(prompt, timeout=GRACE)
                for task in late:
                    tasks[task].well = False
        finally:
            for task in waiting:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        if not accepted:
            for end in ends:
                if isinstance(end, Exception):
                    raise end
            refused = [(member.url, said) for task, member in tasks.items() if (said := task.result()) is not None]
            raise NotAccepted(
                Words(
                    " ; ".join(f"{url} : {said.fr}" for url, said in refused),
                    "; ".join(f"{url}: {said.en}" for url, said in refused),
                )
            )

    async def _end(self, member: Member, pages: Sequence[Mapping[str, Any]]) -> None:
        """Post the resolves, and look whether any alert of theirs still burns there, under whatever labels.

        Posted first, and also where nothing burns: a member that was restarted still knows whom it has told.
        """
        async with member.turn:
            ends = member.past()
            known = [(page, self._identity_of_ended(page, ends)) for page in pages]
            alerts = [ended(page, identity, ends) for page, identity in known if identity is not None]
            if alerts:
                await member.post(alerts)
            try:
                await self._put_out(member, {page["incident"]: page for page in pages if page.get("incident")})
            except NotAccepted:
                if len(alerts) < len(pages):
                    raise

    async def _put_out(self, member: Member, pages: Mapping[str, Mapping[str, Any]]) -> None:
        """Resolve what still burns there of these incidents, by its clock, which it says when it is asked."""
        page = next(iter(pages.values()))
        one, place = ({key: page.get(key) or "" for key in keys} for keys in (["incident"], ["site", "standpoint"]))
        held = await member.holds(one if len(pages) == 1 else place)
        ends = member.past()
        still = [ended(pages[each.incident], each, ends) for each in held if each.incident in pages]
        if still:
            await member.post(still)

    def _identity(self, page: Mapping[str, Any], now: float) -> Identity:
        """What the alert of a page is: as it was first told, for its owner may have changed since."""
        known = self._known.get(page.get("incident") or "")
        if known is not None:
            return known
        identity = Identity(labels_of(page) or {}, page.get("opened_at") or iso(now))
        if is_page(page):
            self._known[page["incident"]] = identity
        return identity

    def _identity_of_ended(self, page: Mapping[str, Any], ends: str) -> Identity | None:
        known = self._known.get(page.get("incident") or "")
        if known is not None:
            return known
        labels = labels_of(page)
        return None if labels is None else Identity(labels, page.get("opened_at") or ends)

    # a round --------------------------------------------------------------------------------------------------

    def _learn(self, watch: Watch) -> None:
        """Who began before this start, or before this channel; what is over is forgotten."""
        open_ = watch.open()
        for incident, identity in list(self._known.items()):
            if "flow" in identity.labels and incident not in open_:
                del self._known[incident]
        for incident, given in watch.given.items():
            if incident not in self._known and (labels := labels_of(given.first)) is not None:
                starts = given.first.get("opened_at") or given.first.get("sent_at") or iso(self._wall())
                self._known[incident] = Identity(labels, starts)

    async def _keep_all(self, watch: Watch) -> Mapping[str, str | None]:
        async with asyncio.TaskGroup() as group:
            tasks = {
                member.url: group.create_task(_tried(member, lambda each: self._keep(each, watch)))
                for member in self._members
            }
        return {url: said.en if (said := task.result()) is not None else None for url, task in tasks.items()}

    async def _keep(self, member: Member, watch: Watch) -> None:
        told = list(watch.given)
        for place in range(0, len(told), BATCH):
            async with member.turn:
                open_ = watch.open()  # now that no resolve is under way to it
                now = self._wall()
                alerts = [
                    burning(watch.given[incident].latest, identity, now)
                    for incident in told[place : place + BATCH]
                    if incident in open_ and (identity := self._known.get(incident)) is not None
                ]
                if alerts:
                    await member.post(alerts)
        held = await member.holds({"site": watch.site, "standpoint": watch.standpoint})
        over = await watch.over({each.incident for each in held} - set(watch.open()))
        still = [each for each in held if each.incident in over]
        for place in range(0, len(still), BATCH):
            async with member.turn:
                ends = member.past()
                part = still[place : place + BATCH]
                await member.post([ended(over[each.incident], each, ends) for each in part])


async def _tried(member: Member, work: Callable[[Member], Awaitable[None]]) -> Words | None:
    """None when the member took it, else why not."""
    try:
        await work(member)
    except NotAccepted as refused:
        member.well = False
        return refused.words
    except Exception as error:
        member.well = False
        if not is_refusal(error):
            raise
        return NotAccepted(str(error) or type(error).__name__).words
    member.well = True
    return None
