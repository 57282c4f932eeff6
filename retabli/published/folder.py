"""What is public as files of a folder that any web server can serve, each whole or not there at all."""

import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from jinja2 import Environment

from retabli.published.badge import Badge, badge
from retabli.published.facts import Bulletin, overall
from retabli.published.feed import Feed, FeedEntry, feed
from retabli.published.page import ASSETS, Links, asset, page, templates
from retabli.published.words import text
from retabli.view import iso

# By which a file of ours is known. Pages and feeds say it as their formats provide; the others in a comment.
OURS = (b'name="generator" content="Retabli"', b"<generator>Retabli</generator>", b"Written by Retabli")
COMMENTS = {
    ".css": b"/* Written by Retabli */\n",
    ".js": b"// Written by Retabli\n",
    ".svg": b"<!-- Written by Retabli -->\n",
}


class NotOurs(Exception):
    """A file of somebody else's stands where one of ours should: its argument is a sentence."""


def write(folder: Path, bulletins: Mapping[str, Bulletin], news: Mapping[str, list[FeedEntry]], own: str) -> list[Path]:
    """A bulletin and its news for each language; `own` is the site's, in which what has no language in its name is.

    What the folder holds besides stays as it is. The pages come last: what they lead to is there before them.

    Raises:
        NotOurs: nothing was written.
        OSError: the folder cannot be made or written.
    """
    environment = templates()
    folder.mkdir(exist_ok=True)
    files = {name: _marked(name, content) for name, content in _files(bulletins, news, own, environment)}
    for name in files:
        _refuse_strangers(folder / name)
    for name, content in files.items():
        _replace(folder / name, content)
    return [folder / name for name in files]


def _files(
    bulletins: Mapping[str, Bulletin], news: Mapping[str, list[FeedEntry]], own: str, environment: Environment
) -> Iterator[tuple[str, bytes]]:
    for name in ASSETS:
        yield name, asset(name)
    for make, suffix in ((_badge, ("badge", "svg")), (_feed, ("feed", "atom")), (_page, ("index", "html"))):
        stem, extension = suffix
        for language, bulletin in bulletins.items():
            content = make(bulletin, news[language], environment).encode()
            yield f"{stem}.{language}.{extension}", content
            if language == own:
                yield f"{stem}.{extension}", content


def _badge(bulletin: Bulletin, _: list[FeedEntry], __: Environment) -> str:
    return badge(public_badge(bulletin), bulletin.language)


def public_badge(bulletin: Bulletin) -> Badge:
    working, of, worst = overall(bulletin.flows)
    singular = working == 1 or (working == 0 and bulletin.language == "fr")
    key = "none_public" if not of else "count_one" if singular else "count"
    return Badge(bulletin.name, text(key, bulletin.language, n=working, of=of), worst)


def _feed(bulletin: Bulletin, news: list[FeedEntry], environment: Environment) -> str:
    address = f"index.{bulletin.language}.html"
    return feed(public_feed(bulletin, news, f"feed.{bulletin.language}.atom", address), environment)


def public_feed(bulletin: Bulletin, news: list[FeedEntry], own: str, page_: str) -> Feed:
    name = f"retabli:public/{bulletin.site.name}"
    return Feed(
        id=uuid.uuid5(uuid.NAMESPACE_URL, name).urn,
        language=bulletin.language,
        title=f"{bulletin.name} — {text('title', bulletin.language).lower()}",
        author=bulletin.name,
        updated=news[0].at if news else iso(bulletin.site.cut_at or 0.0) or "",
        own=own,
        page=page_,
        entries=news,
    )


def _page(bulletin: Bulletin, _: list[FeedEntry], environment: Environment) -> str:
    other = "en" if bulletin.language == "fr" else "fr"
    links = Links(str, f"feed.{bulletin.language}.atom", f"index.{other}.html")
    return page(bulletin, links, environment)


def _marked(name: str, content: bytes) -> bytes:
    return COMMENTS.get(Path(name).suffix, b"") + content


def _refuse_strangers(path: Path) -> None:
    """Each of our names, `index.html` or `icon.svg`, may be that of a file of somebody else's."""
    if not path.exists():
        return
    with path.open("rb") as file:
        beginning = file.read(4096)
    if not any(mark in beginning for mark in OURS):
        raise NotOurs(f"{path} is there and was not written by Retabli: it is left alone; name another folder")


def _replace(path: Path, content: bytes) -> None:
    """Whoever reads finds the old file or the new one, also after a power cut."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)  # a web server of another user reads it
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
