"""The descriptors that are left to this process, and those that are kept for what must go on when others have none."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

KEPT_FROM_BROWSERS = 32  # for the state, for channels and their names: a page goes out whatever else has no place
KEPT_FROM_PROBES = 64  # and for browsers besides: whoever looks at the page during a shortage is to see it
A_LOOKUP = 8  # more than one question to the system's resolver opens at a time (its files, a socket a server)

_TELLING: ContextVar[bool] = ContextVar("telling", default=False)


def most() -> int:
    """How many this process may have open: the limit of now, which may be set from outside (prlimit(1))."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def is_spare(descriptor: int, kept: int) -> bool:
    """Whether others have `kept` of them left beside this one: the kernel gives the lowest that is free (open(2))."""
    limit = most()
    return limit == resource.RLIM_INFINITY or descriptor < limit - kept


@contextmanager
def telling() -> Iterator[None]:
    """Within this, in this task and those that it begins, somebody is told: what is kept from probes is for this."""
    before = _TELLING.set(True)
    try:
        yield
    finally:
        _TELLING.reset(before)


def is_telling() -> bool:
    return _TELLING.get()


def lowest_free() -> int:
    """The descriptor that would be given next.

    Raises:
        OSError: EMFILE, ENFILE: none.
    """
    found = os.open("/", os.O_PATH | os.O_CLOEXEC)
    os.close(found)
    return found


def require(number: int) -> None:
    """See that so many can be had at once.

    Raises:
        OSError: EMFILE, ENFILE: they cannot.
    """
    held: list[int] = []
    try:
        while len(held) < number:
            held.append(os.open("/", os.O_PATH | os.O_CLOEXEC))
    finally:
        for descriptor in held:
            os.close(descriptor)
