"""The revocation lists that one probe judges by: files as they are, addresses fetched into files of its own."""

import asyncio
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder, cause_of
from retabli.model.settings import Resolver
from retabli.net.mssante.documents import Copy, Document, obtain, placed
from retabli.net.mssante.mssante_causes import REVOCATION_LIST_UNUSABLE
from retabli.net.revocation_lists import LARGEST, revocation_lists_in


def _several(value: object) -> object:
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(placed(each) for each in values)


Documents = Annotated[
    tuple[Document, ...],
    Field(strict=False),
    BeforeValidator(_several, json_schema_input_type=str | Document | list[str | Document]),
]


class _File:
    """A list as a file of this process, gone with the last who holds it."""

    def __init__(self, content: bytes) -> None:
        file = tempfile.NamedTemporaryFile(prefix="retabli-", suffix=".crl")  # noqa: SIM115 - it lives as long as this
        weakref.finalize(self, file.close)
        file.write(content)
        file.flush()
        self.path = Path(file.name)


@lru_cache(maxsize=8)
def _file_of(content: bytes) -> _File:
    """One file for one content: probes with the same list then share one TLS context, which is large."""
    return _File(content)


@dataclass(slots=True)
class _Held:
    """One list. `asked` on the monotonic clock; `file` holds what was fetched; `fault` is why it cannot be used, and
    `lack` what our own machine lacked to have it."""

    asked: float = 0.0
    validators: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None
    file: _File | None = None
    fault: str = ""
    lack: Fall | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists that can be used, and what is wrong with the others."""

    paths: tuple[Path, ...]
    faults: tuple[tuple[Cause, str], ...]


class RevocationShelf:
    """The lists of one probe, from run to run; after a restart they are fetched anew.

    A list that cannot be fetched again is used on: it says itself until when it holds, and OpenSSL minds that.
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    async def lists(
        self, documents: Sequence[Document], ladder: Ladder, *, patience: float, resolver: Resolver | None
    ) -> Lists:
        """Every list, asked for together, each within `patience` seconds.

        Raises:
            Fall: `local_resources`, `local_stall`: our own machine could not have one of them. Nothing is known of it.
        """
        held = [self._held.setdefault(document.place, _Held()) for document in documents]
        await asyncio.gather(*(_renew(*pair, ladder, patience, resolver) for pair in zip(held, documents, strict=True)))
        for one in held:
            if one.lack is not None and one.path is None:
                raise one.lack
        paths = tuple(one.path for one in held if one.path is not None)
        faults = tuple((REVOCATION_LIST_UNUSABLE, one.fault) for one in held if one.path is None)
        return Lists(paths, faults)


async def _renew(held: _Held, document: Document, ladder: Ladder, patience: float, resolver: Resolver | None) -> None:
    if document.url is not None and held.path is not None and ladder.clock() - held.asked < document.refresh:
        return
    held.lack = None
    try:
        copy = await obtain(
            document, ladder, most=LARGEST, patience=patience, resolver=resolver, validators=held.validators
        )
        if copy is not None:
            await _take(held, document, copy, ladder.clock())
        held.asked = ladder.clock()
    except Fall as fall:
        own = cause_of(fall)
        if own in (causes.LOCAL_RESOURCES, causes.LOCAL_STALL):
            held.lack = Fall(own, fall.detail)
        else:
            held.fault = fall.detail
        if document.file is not None:  # what is there now is what counts; and it is looked at anew next time
            held.path, held.validators = None, {}


async def _take(held: _Held, document: Document, copy: Copy, now: float) -> None:
    """What marks this version is noted once it is whole, or known to be broken: one that was cut short, by a deadline
    or for want of a thread or a file, would else be "unchanged" from then on.

    Raises:
        Fall: `file_unreadable`; `local_resources` when there is no place to put it.
    """
    try:
        found = await asyncio.to_thread(revocation_lists_in, copy.content, document.place)
    except Fall:
        held.validators, held.asked = copy.validators, now
        raise
    try:
        held.file = await asyncio.to_thread(_file_of, b"".join(found)) if document.file is None else None
    except OSError as error:
        folder = tempfile.tempdir or "temporary files"  # looking for one fails as this did
        raise Fall(causes.LOCAL_RESOURCES, f"{folder}: {error.strerror}") from error
    held.path = document.file or (held.file.path if held.file else None)
    held.validators, held.fault = copy.validators, ""
