"""The page that anybody may read, alike as it is served and as it is written into a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from retabli.model.states import State
from retabli.published.facts import SUSPENDED, WORKING, Bulletin, PublicFlow, overall
from retabli.published.typeset import typeset
from retabli.published.words import state_word, text
from retabli.view import iso
from retabli.view.times import heading, spoken

HERE = Path(__file__).parent
ASSETS = ("public.css", "arrived.js", "public.js", "icon.svg")
TOO_OLD = 3600  # seconds after which nobody should believe it
RENEWED = 60  # seconds between two looks of an open page for a newer one


@dataclass(frozen=True, slots=True)
class Links:
    """Where what belongs to the page lies. `remark` is what stands on top of a world that is not the real one."""

    asset: Callable[[str], str]
    feed: str
    other: str
    remark: str = ""


def asset(name: str) -> bytes:
    """A file that the page needs; `name` is one of ASSETS."""
    return (HERE / "static" / name).read_bytes()


def templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def page(bulletin: Bulletin, links: Links, environment: Environment) -> str:
    language, zone = bulletin.language, bulletin.site.zone

    def on(instant: float) -> str:
        said = spoken(instant, zone, language)
        return typeset(said.replace(f" {datetime.fromtimestamp(bulletin.at, zone).year} ", " "), language)

    def t(key: str, **values: object) -> str:
        return text(key, language, **values)

    blind = bulletin.unwatched_since
    return environment.get_template("public.html").render(
        t=t,
        on=on,
        iso=iso,
        word=lambda state: state_word(state, language),
        language=language,
        other="en" if language == "fr" else "fr",
        name=bulletin.name,
        at=bulletin.at,
        made=round(bulletin.made * 1000),
        said=typeset(heading(bulletin.at, zone, language), language),
        parts=_parts(bulletin.flows),
        worst=overall(bulletin.flows)[2],
        unwatched=None if blind is None else on(blind),
        too_old=TOO_OLD,
        renewed=RENEWED,
        links=links,
    )


def _parts(flows: Sequence[PublicFlow]) -> list[tuple[str, list[PublicFlow]]]:
    """The heading's word, and its flows: what works, what does not, of what nothing is known, what is suspended."""
    parts: dict[str, list[PublicFlow]] = {"works": [], "waits": [], State.UNKNOWN: [], SUSPENDED: []}
    for each in flows:
        if each.state in (SUSPENDED, State.UNKNOWN):
            parts[each.state].append(each)
        else:
            parts["works" if each.state in WORKING else "waits"].append(each)
    return [(key, found) for key, found in parts.items() if found]
