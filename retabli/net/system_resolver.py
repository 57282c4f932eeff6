"""The system's resolver (getaddrinfo), whose calls block: in threads enough that a hanging one starves nobody."""

import asyncio
import queue
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from retabli.model import causes
from retabli.model.causes import Cause
from retabli.model.ladder import Fall
from retabli.net.descriptors import A_LOOKUP, is_telling, require

T = TypeVar("T")

RESOLV_CONF = Path("/etc/resolv.conf")
MOST_THREADS = 256
PATIENCE = 8.0  # seconds; the C library's own is 5 a server, and the second one may answer

EAI_NODATA = getattr(socket, "EAI_NODATA", -5)
EAI_ADDRFAMILY = getattr(socket, "EAI_ADDRFAMILY", -9)

# getaddrinfo(3). EAI_AGAIN and EAI_FAIL stand for many things: the name servers are then asked which.
EAI_CAUSES: dict[int, Cause | None] = {
    socket.EAI_NONAME: causes.NXDOMAIN,
    EAI_NODATA: causes.NO_DATA,
    EAI_ADDRFAMILY: causes.NO_DATA,
    socket.EAI_FAMILY: causes.NO_DATA,
    socket.EAI_MEMORY: causes.LOCAL_RESOURCES,
    socket.EAI_AGAIN: None,
    socket.EAI_FAIL: None,
}


class Lookups:
    """Threads that wait for the system's resolver, started when all others wait, never ended.

    A pool of its own and a wide one: a dead name server holds each call for ten seconds and more, and in the loop's
    small default pool twenty such names would stop all others. They are daemon threads, since one that hangs must
    not hold up the end of the process either.
    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._most = most
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Have a thread do it. Called from the event loop only.

        Raises:
            RuntimeError: there is no thread for it.
        """
        future: Future[T] = Future()
        one = self._idle.acquire(blocking=False)
        if not one and self._threads < self._most:
            # Before the job is queued: what no thread could be had for would else be left behind, and be done by
            # another, who would then call itself idle once more than it is.
            threading.Thread(target=self._work, name=f"lookup-{self._threads}", daemon=True).start()
            self._threads += 1
            one = True
        try:
            self._jobs.put((future, job))
        except BaseException:
            if one:
                self._idle.release()
            raise
        return future

    def _work(self) -> None:
        while True:
            future, job = self._jobs.get()
            if future.set_running_or_notify_cancel():  # else its probe has ended while it waited
                try:
                    future.set_result(job())
                except BaseException as error:  # noqa: BLE001 - carried to whoever awaits it, never swallowed
                    future.set_exception(error)
            self._idle.release()


@cache
def lookups(_telling: bool) -> Lookups:
    """A process has one system resolver, and so two sets of threads that wait for it: that of the probes, all of which
    may hang, and that of who tells people."""
    return Lookups()


async def system_addresses(host: str, family: int | None, patience: float = PATIENCE) -> list[str]:
    """The host's addresses as this machine sees them: /etc/hosts, search domains and order included.

    Raises:
        Fall: `nxdomain`, `no_data`, `dns_timeout`, `local_resources`.
        Vague: the resolver failed and does not say why.
        OSError: EMFILE, ENFILE: nothing could be asked.
    """
    wanted = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}[family]
    try:
        async with asyncio.timeout(patience):
            return await asyncio.wrap_future(lookups(is_telling()).submit(lambda: _lookup(host, wanted)))
    except TimeoutError:
        raise Fall(causes.DNS_TIMEOUT, "the system's resolver") from None
    except UnicodeError as error:
        raise Fall(causes.NXDOMAIN, f'"{host}" is no host name') from error
    except RuntimeError as error:  # can't start new thread
        raise Fall(causes.LOCAL_RESOURCES, str(error)) from error
    except socket.gaierror as error:
        cause = EAI_CAUSES.get(error.errno or 0, causes.LOCAL_RESOURCES)
        if cause is None:
            raise Vague(error.strerror or "") from error
        raise Fall(cause, error.strerror or "") from error


class Vague(Exception):
    """The system's resolver failed "for now", or "for good", and keeps the reason to itself."""


def _lookup(host: str, family: int) -> list[str]:
    found = getaddrinfo(host, None, family, socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def getaddrinfo(*asked: Any, **hints: Any) -> list[Any]:
    """As `socket.getaddrinfo`, but for a shortage of descriptors, in which the C library says that no name exists, or
    whatever errno was left behind (EBUSY, of its own modules).

    Raises:
        OSError: as that raises it; EMFILE, ENFILE: nothing could be asked.
    """
    try:
        return socket.getaddrinfo(*asked, **hints)
    except OSError:
        require(A_LOOKUP)
        raise


def system_nameservers() -> tuple[str, ...]:
    """The name servers of /etc/resolv.conf, read again when it has changed; this machine's own when it names none, or
    there is none that we may read (resolv.conf(5)).

    Raises:
        OSError: EMFILE, ENFILE and the like: it cannot be read now, and whom the machine asks is not known.
    """
    try:
        stat = RESOLV_CONF.stat()
        return _nameservers(RESOLV_CONF, stat.st_mtime_ns, stat.st_size)
    except (FileNotFoundError, PermissionError):
        return ("127.0.0.1",)


@lru_cache(maxsize=1)
def _nameservers(path: Path, _modified: int, _size: int) -> tuple[str, ...]:
    lines = [line.split() for line in path.read_text(errors="replace").splitlines()]
    found = tuple(words[1] for words in lines if len(words) > 1 and words[0] == "nameserver")
    return found or ("127.0.0.1",)
