"""Documents that the operator names by path or address: asked for anew only now and then, and only if they changed."""

import asyncio
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import Field, model_validator

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.settings import Duration, File, ProxyRef, Resolver, Settings, Tls
from retabli.net.own_threads import from_own_file
from retabli.net.web.http import Ask, Fetched, fetch
from retabli.net.web.http_settings import PageExpect, WebAddress
from retabli.net.web.http_verdicts import judge_answer

_STEPS = (stages.RESOLVE, stages.CONNECT, stages.PROXY, stages.TLS, stages.REQUEST, stages.RESPONSE)
_WANTED = PageExpect(status=("200", "304"))


class Document(Settings):
    """A file, or an address from which it is fetched. A plain text is one or the other."""

    url: WebAddress | None = None
    file: File | None = None
    refresh: Duration = Field(default=3600.0, description="how often an address is asked whether it has changed")
    proxy: ProxyRef | None = None
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _one_place(self) -> "Document":
        if (self.url is None) == (self.file is None):
            raise ValueError("exactly one of url and file says where it is")
        return self

    @property
    def place(self) -> str:
        return str(self.file or self.url)


def placed(value: object) -> object:
    """`https://…` is an address, any other text a path."""
    if isinstance(value, str):
        return {"url": value} if value.lower().startswith(("http://", "https://")) else {"file": value}
    return value


@dataclass(frozen=True, slots=True)
class Copy:
    """One version of a document. `validators` are what its server or file system tells versions apart by."""

    content: bytes
    validators: Mapping[str, str]


async def obtain(
    document: Document,
    ladder: Ladder,
    *,
    most: int,
    patience: float,
    resolver: Resolver | None,
    validators: Mapping[str, str] | None = None,
) -> Copy | None:
    """The document, at most `most` bytes, within `patience` seconds; None when `validators` still hold.

    Raises:
        Fall: with the cause by which it could not be had, its detail beginning with the step (`connect: …`);
            `local_stall` where all that time went into work of our own.
    """
    try:
        async with asyncio.timeout(patience):
            if document.file is not None:
                return await _changed(document.file, most, validators or {})
            return await _fetch(document, ladder, most, resolver, validators or {})
    except TimeoutError as error:
        raise Fall(cause_of(error) or causes.TIMEOUT, f"{document.place}: not within {patience:g} s") from error


async def _changed(path: Path, most: int, validators: Mapping[str, str]) -> Copy | None:
    """In two steps, neither of which knows `validators`: whoever else wants the file can join them."""
    if await from_own_file("version", path, partial(_version, path)) == validators:
        return None
    return await from_own_file(f"content of at most {most} bytes", path, partial(_read, path, most))


def _version(path: Path) -> Mapping[str, str]:
    try:
        found = path.stat()
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):  # a pipe would never end
        raise Fall(causes.FILE_UNREADABLE, f"{path} is no file")
    return {"file": f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"}


def _read(path: Path, most: int) -> Copy:
    own = _version(path)  # from before it is read: one that changes meanwhile is read anew
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: {error.strerror}") from error
    if len(content) > most:
        raise Fall(causes.TOO_LONG, f"{path}: more than {most} bytes")
    return Copy(content, own)


async def _fetch(
    document: Document, ladder: Ladder, most: int, resolver: Resolver | None, validators: Mapping[str, str]
) -> Copy | None:
    steps = Ladder(_STEPS, clock=ladder.clock, wall=ladder.wall)
    conditions = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    ask = Ask(
        headers=tuple((field, validators[name]) for name, field in conditions.items() if name in validators),
        tls=document.tls,
        proxy=document.proxy,
        resolver=resolver,
        most=most,
        final=lambda status: status == 304,
    )

    def judge(fetched: Fetched) -> None:
        judge_answer(fetched, _WANTED, proxy=document.proxy, authorised=False)
        if fetched.cut:
            raise Fall(causes.TOO_LONG, f"more than {most} bytes")

    assert document.url is not None  # noqa: S101 - a document has one of the two
    try:
        fetched = await fetch(steps, document.url, ask, judge)
    except (Fall, OSError) as error:
        found = cause_of(error)
        if found is None:
            raise
        step = steps.fallen.stage if steps.fallen else "request"
        raise Fall(found, f"{step}: {found.code} {detail_of(error)}".rstrip()) from error
    if fetched.status == 304:
        return None
    own = {name: fetched.headers[name] for name in conditions if len(fetched.headers.get(name, "")) in range(1, 200)}
    return Copy(fetched.body, {name: value for name, value in own.items() if value.isascii() and value.isprintable()})
