"""A shortage of open files that a child process of the test's has alone: whoever it talks to lacks nothing."""

import asyncio
import contextlib
import gc
import json
import os
import resource
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from commands._loop import run
from retabli.net.descriptors import KEPT_FROM_PROBES
from retabli.net.system_resolver import lookups

# Enough to read a key and a certificate, and well below what is kept from probes.
FILES_BUT_NO_PROBES = KEPT_FROM_PROBES // 2


@dataclass(frozen=True, slots=True)
class Came:
    """What came `within` the shortage and `after` it, and what stayed open."""

    within: str
    after: str
    open: list[str]


async def _nothing() -> None:
    pass


async def twice(left: int, once: Callable[[], Awaitable[str]], close: Callable[[], Awaitable[None]] = _nothing) -> Came:
    """In a child process: once with so many descriptors left, and once with plenty."""

    async def work() -> list[Any]:
        before = held()
        with shortage(left):
            within = await once()
        after = await once()
        await close()
        for _ in range(5):  # transports close in the turn after
            await asyncio.sleep(0)
        gc.collect()
        return [within, after, [what for number, what in held().items() if number not in before]]

    return Came(*await in_a_child(work))


async def in_a_child(work: Callable[[], Awaitable[Any]]) -> Any:
    """What it gives (something that JSON can write), in a child that knows all that this process knows, on the daemon's
    own loop."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads do not come along: none of them is needed
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(reading)
            lookups.cache_clear()  # their threads did not come along
            os.write(writing, json.dumps(run(_said(work))).encode())
        os._exit(0)  # nothing of the test's is ended twice
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = await asyncio.to_thread(pipe.read)
    os.waitpid(child, 0)
    found = json.loads(said)
    assert "fallen" not in found, found["fallen"]
    return found["gives"]


async def _said(work: Callable[[], Awaitable[Any]]) -> Mapping[str, Any]:
    gc.collect()  # what earlier tests left open would be closed within a shortage, and end it
    try:
        return {"gives": await work()}
    except BaseException:  # noqa: BLE001 - the parent raises it
        return {"fallen": traceback.format_exc()}


@contextlib.contextmanager
def shortage(left: int) -> Iterator[None]:
    """So many descriptors can be had within, whatever is open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = held()
    free = [number for number in range(len(taken) + left + 1) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[left], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def held() -> Mapping[int, str]:
    """The descriptors that this process has, and what each of them is."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one by which they were listed
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found
