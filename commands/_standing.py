"""How the daemon stands, in one line of English as its log is: what `systemctl status` shows of it."""

from retabli.view import View
from retabli.web.pages.attention import attention
from retabli.web.pages.headline import headline

NAMED = 4  # flows to be looked at


def standing(view: View, why_not: str | None) -> str:
    """ "11 of 13 flows restored · 1 dropped · 1 unknown; look at mail-out (dropped), images (unknown)".

    `why_not` is why the daemon itself does not work; that stands first.
    """
    pictures = view.pictures.values()
    shown = attention(pictures, view, "en")
    items = (*shown.items, *shown.rest)
    named = ", ".join(f"{item.id} ({item.word})" for item in items[:NAMED])
    more = f" and {len(items) - NAMED} more" if len(items) > NAMED else ""
    look = f"; look at {named}{more}" if named else ""
    return f"{why_not + ' · ' if why_not else ''}{headline(pictures, view, 'en').plain}{look}"
