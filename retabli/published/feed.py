"""A feed of changes (RFC 4287): each with an id that stays, so that no reader is told of it twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """`state` is its category; `link` leads to where more is said. Texts are inert already; instants RFC 3339, UTC."""

    id: str
    title: str
    summary: str
    at: str
    link: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """`own` is its own address, `page` that of the page it belongs to, both in `language`."""

    id: str
    language: str
    title: str
    author: str
    updated: str
    own: str
    page: str
    entries: Sequence[FeedEntry]


def feed(of: Feed, environment: Environment) -> str:
    """As XML; two entries of one id (which RFC 4287, section 4.1.1 forbids) become one."""
    entries = {each.id: each for each in reversed(of.entries)}
    return environment.get_template("feed.xml").render(feed=of, entries=list(reversed(entries.values())))
