"""The last good copy of the white list, as far as one probe needs it: asked anew in time, kept in the unit's memory."""

import asyncio
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder, cause_of
from retabli.model.settings import Duration, Resolver
from retabli.model.words import Words
from retabli.net.mail.moments import Moment
from retabli.net.mssante.documents import Document, obtain, placed
from retabli.net.mssante.mssante_causes import (
    WHITE_LIST_STALE,
    WHITE_LIST_UNDATED,
    WHITE_LIST_UNREACHABLE,
    WHITE_LIST_UNREADABLE,
    only_impaired,
)
from retabli.net.mssante.white_list import LARGEST, Listing, plain_domain, read_listing

AGAIN = 300.0  # seconds after which an address that failed is asked again
DOUBTED = 60.0  # seconds after which one by which somebody is not listed is: it may have changed meanwhile
DAY = 86_400.0
_KEY = "white_list"
_FAULTS = {cause.code: cause for cause in (WHITE_LIST_UNREACHABLE, WHITE_LIST_UNREADABLE)}


class WhiteList(Document):
    max_age: Duration | None = Field(default=None, description="the probe's own max_age by default")


WhiteListRef = Annotated[WhiteList, BeforeValidator(placed, json_schema_input_type=str | WhiteList)]


def _mail_domain(value: object) -> object:
    if not isinstance(value, str):
        return value
    plain = plain_domain(value)
    if not plain.isascii() or "." not in plain or "@" in plain or any(char.isspace() for char in plain):
        raise ValueError(f"{value!r} is no mail domain: write chu.mssante.example")
    return plain


MailDomain = Annotated[str, BeforeValidator(_mail_domain)]


@dataclass(slots=True)
class _Kept:
    """What is remembered of a list. `validators` are those of the version that was seen last; `bad` is why that one
    could not be read, `fault` why the last attempt failed; `listing` is the last good one's, confirmed at `good`.
    `doubted`: somebody is missing on it who should be there."""

    listing: Listing | None = None
    good: Moment | None = None
    asked: Moment | None = None
    validators: Mapping[str, str] = field(default_factory=dict)
    bad: Fall | None = None
    fault: Fall | None = None
    doubted: bool = False


async def current_listing(
    ladder: Ladder,
    document: WhiteList,
    domains: Collection[str],
    *,
    max_age: float,
    patience: float,
    resolver: Resolver | None,
) -> Listing:
    """What the list says of these domains; the caller stands on a rung of its own.

    A list that cannot be had or read is replaced by the last good one until that is `max_age` seconds old, and then
    the flow is not whole.

    Raises:
        Fall: `white_list_unreachable`, `white_list_unreadable` without a good copy, `white_list_stale`;
            `local_resources`, `local_stall`: our machine lacks what it takes to ask, whatever copy there is.
    """
    about = [document.place, *sorted(domains)]
    now = Moment.now(ladder)
    kept = _recall(ladder.memory.get(_KEY), about)
    if _is_due(kept, document, now):
        await _ask(kept, ladder, document, domains, patience, resolver)
        kept.asked = now
        ladder.memory[_KEY] = _as_json(kept, about)
    return _judged(kept, ladder, max_age)


def _is_due(kept: _Kept, document: Document, now: Moment) -> bool:
    unseen = kept.listing is None and kept.bad is None  # then it is wanted badly, and asked for at every run
    if document.file is not None or unseen or kept.asked is None:
        return True
    again = DOUBTED if kept.doubted else document.refresh if kept.fault is None else AGAIN
    return kept.asked.elapsed(now) >= min(again, document.refresh)


def doubt_listing(memory: dict[str, Any]) -> None:
    """Have the list asked for anew before its refresh: by what is known of it, somebody is not where they should be."""
    if isinstance(memory.get(_KEY), dict):
        memory[_KEY]["doubted"] = True


async def _ask(
    kept: _Kept,
    ladder: Ladder,
    document: Document,
    domains: Collection[str],
    patience: float,
    resolver: Resolver | None,
) -> None:
    try:
        copy = await obtain(
            document, ladder, most=LARGEST, patience=patience, resolver=resolver, validators=kept.validators
        )
        if copy is not None:
            kept.validators = copy.validators
            kept.listing = await _read(copy.content, domains)
            kept.bad = None
        if kept.bad is None and kept.listing is not None:
            kept.good = Moment.now(ladder)
        kept.fault = kept.bad
    except Fall as fall:
        if cause_of(fall) in (causes.LOCAL_RESOURCES, causes.LOCAL_STALL):
            raise  # nothing is known of the list, and nothing is noted: it is asked for again at once
        if fall.cause is WHITE_LIST_UNREADABLE:
            kept.bad = kept.fault = fall
        else:
            endless = fall.cause is causes.TOO_LONG
            kept.fault = Fall(WHITE_LIST_UNREADABLE if endless else WHITE_LIST_UNREACHABLE, fall.detail)


async def _read(content: bytes, domains: Collection[str]) -> Listing:
    stop = threading.Event()
    try:
        return await asyncio.to_thread(read_listing, content, domains, stop.is_set)
    finally:
        stop.set()


def _judged(kept: _Kept, ladder: Ladder, max_age: float) -> Listing:
    listing, fault, now = kept.listing, kept.fault, Moment.now(ladder)
    if listing is None or kept.good is None:
        raise fault or Fall(WHITE_LIST_UNREACHABLE, "its server says that it is unchanged, and we have none")
    dated = listing.generated is not None and listing.generated <= now.wall + DAY
    age = now.wall - listing.generated if listing.generated is not None and dated else kept.good.elapsed(now)
    named, entries = _named(listing)[ladder.language], listing.entries
    ladder.describe("white_list", Words(f"{entries} entrées, {named}", f"{entries} entries, {named}")[ladder.language])
    if age > max_age:
        old = f"{age / 3600:.1f} h"
        said = Words(f"dernière bonne liste : {named}, {old}", f"the last good list is {named}, {old} old")
        too_old = said[ladder.language]
        raise Fall(fault.cause, f"{fault.detail}; {too_old}") if fault else Fall(WHITE_LIST_STALE, too_old)
    if fault is not None:
        said = Words(f"la dernière bonne liste, {named}, sert", f"the last good list, {named}, is used")
        ladder.impair(only_impaired(fault.cause), f"{fault.detail}; {said[ladder.language]}")
    elif not dated:
        ladder.impair(WHITE_LIST_UNDATED, named)
    return listing


def _named(listing: Listing) -> Words:
    if listing.generated is None:
        return Words("sans date", "without a date")
    day = _day(listing.generated)
    return Words(f"du {day}", f"of {day}")


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "a date beyond the calendar"


# The memory -------------------------------------------------------------------------------------------------------


def _as_json(kept: _Kept, about: list[str]) -> dict[str, Any]:
    listing = kept.listing
    return {
        "about": about,
        "asked": kept.asked.as_json() if kept.asked else None,
        "good": kept.good.as_json() if kept.good else None,
        "validators": dict(kept.validators),
        "bad": _fall_as_json(kept.bad),
        "fault": _fall_as_json(kept.fault),
        "listing": [
            listing.generated,
            listing.entries,
            {name: list(names) for name, names in listing.names.items()},
            dict(listing.support),
        ]
        if listing
        else None,
    }


def _fall_as_json(fall: Fall | None) -> list[str] | None:
    return [fall.cause.code, fall.detail] if fall else None


def _recall(value: object, about: list[str]) -> _Kept:
    """What `_as_json` gave, of the same list and domains; a memory that holds anything else is begun anew."""
    if not isinstance(value, dict) or value.get("about") != about:
        return _Kept()
    listing, good = _recalled_listing(value.get("listing")), Moment.from_json(value.get("good"))
    bad, validators = _recalled_fall(value.get("bad")), value.get("validators")
    known = bad if listing is None or good is None else listing
    if known is None or not isinstance(validators, dict):
        return _Kept()
    return _Kept(
        listing=listing if good is not None else None,
        good=good,
        asked=Moment.from_json(value.get("asked")),
        validators={str(name): str(each) for name, each in validators.items()},
        bad=bad,
        doubted=value.get("doubted") is True,
        fault=_recalled_fall(value.get("fault")),
    )


def _recalled_listing(value: object) -> Listing | None:
    match value:
        case [None | int() | float() as generated, int() as entries, dict() as names, dict() as support]:
            listed = {str(name): tuple(map(str, each)) for name, each in names.items() if isinstance(each, list)}
            return Listing(generated, entries, listed, {str(name): str(each) for name, each in support.items()})
    return None


def _recalled_fall(value: object) -> Fall | None:
    match value:
        case [str() as code, str() as detail]:
            found: Cause | None = _FAULTS.get(code)
            return Fall(found, detail) if found else None
    return None
