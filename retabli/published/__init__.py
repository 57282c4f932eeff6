"""What leaves the house: the page that anybody may read, its feed, its badge; served, and as files of a folder."""

from retabli.published.badge import Badge, badge
from retabli.published.facts import Bulletin, PublicFlow, bulletin, overall
from retabli.published.feed import Feed, FeedEntry, feed
from retabli.published.folder import NotOurs, public_badge, public_feed, write
from retabli.published.news import public_entries
from retabli.published.page import ASSETS, Links, asset, page, templates
from retabli.published.typeset import typeset

__all__ = [
    "ASSETS",
    "Badge",
    "Bulletin",
    "Feed",
    "FeedEntry",
    "Links",
    "NotOurs",
    "PublicFlow",
    "asset",
    "badge",
    "bulletin",
    "feed",
    "overall",
    "page",
    "public_badge",
    "public_entries",
    "public_feed",
    "templates",
    "typeset",
    "write",
]
