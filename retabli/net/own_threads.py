"""What a probe has done in threads of this machine, while its partner is not waited for: work, and files of ours.

A deadline that falls here says nothing of the partner: it is our own stall, whether no thread was free for the work
(the loop's pool of them is small) or it took too long.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, own_work
from retabli.model.settings import Secret
from retabli.net.folders import folder_causes
from retabli.net.folders.local_folder import looks

T = TypeVar("T")
P = ParamSpec("P")


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` gives or raises, done in the loop's pool of threads. It asks nobody else, and reads no file that may
    hang."""
    with own_work():
        return await asyncio.to_thread(work, *args, **kwargs)


async def from_own_file(kind: str, file: object, work: Callable[[], T], *, hangs: Cause = causes.FILE_UNREADABLE) -> T:
    """What `work` reads from a file of ours: one that hangs holds one thread, however many runs want it.

    `kind` and `file`, which is hashable and names the file in a text, say what is read: the same, the same result.

    Raises:
        Fall: `hangs`, at once, while an earlier reading has not come back; `local_resources`; what `work` raises.
    """
    try:
        with own_work():
            return await looks().look((kind, file), lambda _: work())
    except Fall as fall:
        if fall.cause is not folder_causes.FOLDER_HANGS:
            raise
        named = f"{file}: " if isinstance(file, Path) else ""
        raise Fall(hangs, f"{named}its disk hangs: {fall.detail}") from None


async def secret_text(secret: Secret) -> str:
    """The secret as text.

    Raises:
        Fall: `secret_unreadable`; `local_resources`.
    """
    if secret.path is None:
        return secret.text()
    return await from_own_file("secret", secret.path, secret.text, hangs=causes.SECRET_UNREADABLE)
