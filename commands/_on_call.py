"""What the terminal says of on-call, from a flow as the API shows it: a page, who took it, what waits, a silence.

An older daemon says less: what it leaves out is not told.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from commands._asking import local
from commands._seen import instant, word
from retabli.model.words import Words
from retabli.view.times import moment, span
from retabli.web.words import text

_AGO = Words("{what} il y a {ago}", "{what} {ago} ago")
_LASTING = Words("{what}, depuis {ago}", "{what}, for {ago}")
_SILENT = Words("en silence jusqu'au {until}, par {by}\u00a0: {why}", "silenced until {until}, by {by}: {why}")
_UNTIL = Words(" jusqu'au {until}", " until {until}")


def lines(
    flow: Mapping[str, Any], titles: Mapping[str, str], now: datetime, zone: tzinfo | None, language: str
) -> Iterator[str]:
    """One line each; none for a flow of which there is nothing to say."""
    page, silence = flow.get("page"), flow.get("silence")
    if isinstance(page, dict):
        yield _page(page, now, zone, language)
    if flow.get("deferred"):
        yield _deferred(flow, titles, language)
    if isinstance(silence, dict) and _runs(silence, now):
        who = {key: word(silence.get(key)) for key in ("by", "why")}
        yield _SILENT[language].format(until=at(silence.get("until"), now, zone, language), **who)


def at(written: object, now: datetime, zone: tzinfo | None, language: str) -> str:
    """An instant of the API in the site's time; `?` for what is none."""
    found = instant(written)
    if found is None:
        return "?"
    return moment(found.timestamp(), now.timestamp(), zone or local(now), language)


def _runs(said: Mapping[str, Any], now: datetime) -> bool:
    """Whether what somebody said has not ended by the clock; without an end it has not."""
    until = instant(said.get("until"))
    return until is None or until > now


def _page(page: Mapping[str, Any], now: datetime, zone: tzinfo | None, language: str) -> str:
    warning = page.get("reason") == "degraded"
    untold = not page.get("channels", True)
    said = text("page_untold" if untold else "page_warning" if warning else "page_open", language)
    if (opened := instant(page.get("opened_at"))) is not None:
        said = (_LASTING if untold else _AGO)[language].format(
            what=said, ago=span((now - opened).total_seconds(), language)
        )
    taken = page.get("acknowledged")
    if not isinstance(taken, dict) or not _runs(taken, now):
        return said if warning or "acknowledged" not in page else f"{said}, {text('not_taken', language)}"
    said += f", {text('taken', language)} {word(taken.get('by'))}"
    if taken.get("until"):
        said += _UNTIL[language].format(until=at(taken["until"], now, zone, language))
    note = word(taken.get("note"), "")
    return f"{said} ({note})" if note else said


def _deferred(flow: Mapping[str, Any], titles: Mapping[str, str], language: str) -> str:
    because = word(flow.get("because"), "")
    if because:
        title = titles.get(because, because)
        return f"{text('deferred_parent', language)}{text('colon', language)} {title}"
    return text("deferred_silence" if flow.get("silence") else "deferred", language)
