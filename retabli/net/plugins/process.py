"""One program run within bounds: its output, its time, and its whole process group, which is ended with it."""

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from retabli.net.own_threads import in_thread

MOST_OUTPUT = 65_536  # bytes of stdout, and of stderr
GRACE = 1.0  # seconds between SIGTERM and SIGKILL
CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Ended:
    """`status` is the exit status, or minus the signal that ended it. `timed_out` and `too_long`: we ended it."""

    status: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    too_long: bool = False


@dataclass(slots=True)
class _Outlet:
    """One of the program's streams: kept up to MOST_OUTPUT."""

    descriptor: int
    over: asyncio.Event
    kept: bytearray = field(default_factory=bytearray)
    open: bool = True

    def read(self) -> None:
        """What has come; called by the loop, and again at the end."""
        try:
            data = os.read(self.descriptor, CHUNK)
        except BlockingIOError:
            return
        self.kept += data[: MOST_OUTPUT + 1 - len(self.kept)]
        if len(self.kept) > MOST_OUTPUT:
            self.over.set()
        if not data:
            self.close()

    def close(self) -> None:
        if self.open:
            self.open = False
            asyncio.get_running_loop().remove_reader(self.descriptor)
            os.close(self.descriptor)


async def run(
    command: Sequence[str], environment: Mapping[str, str], patience: float, *, reads: bytes | None = None
) -> Ended:
    """The program's end: by itself, or ours after `patience` seconds, or when it says too much.

    It leads a process group of its own, finds `reads` on its standard input (None: /dev/null), and inherits nothing but
    its three streams and `environment`.
    Nothing of the group is left when this returns, nor when it is cancelled.

    Raises:
        OSError: it cannot be started.
    """
    loop = asyncio.get_running_loop()
    over, dead = asyncio.Event(), asyncio.Event()
    pipes = _pipes()
    with contextlib.ExitStack() as stack:
        outlets = [_Outlet(read_end, over) for read_end, _ in pipes]
        for outlet in outlets:
            stack.callback(outlet.close)
        process = await _Start(command, environment, reads, pipes).process()
        timed_out = False
        try:
            for outlet in outlets:
                os.set_blocking(outlet.descriptor, False)
                loop.add_reader(outlet.descriptor, outlet.read)
            watched = os.pidfd_open(process.pid)
            stack.callback(os.close, watched)
            loop.add_reader(watched, dead.set)  # readable once it has ended; it is reaped by us alone, below
            stack.callback(loop.remove_reader, watched)
            try:
                async with asyncio.timeout(patience):
                    await _first(dead, over)
            except TimeoutError:
                timed_out = True
            _drain(outlets)
        finally:
            status = await _end(process, dead)
        stdout, stderr = (bytes(outlet.kept[:MOST_OUTPUT]) for outlet in outlets)
        return Ended(status, stdout, stderr, timed_out=timed_out, too_long=over.is_set())


def _pipes() -> list[tuple[int, int]]:
    """Of its output and its errors: both or none, for a shortage must not be made worse by who meets it."""
    first = os.pipe2(os.O_CLOEXEC)
    try:
        return [first, os.pipe2(os.O_CLOEXEC)]
    except OSError:
        for end in first:
            os.close(end)
        raise


def _source(content: bytes | None) -> int:
    """What it reads lies in memory: it may read it at its leisure, or not at all, and nobody waits for that."""
    if content is None:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    source = os.memfd_create("stdin")
    try:
        with open(source, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(source, 0, os.SEEK_SET)
    except BaseException:
        os.close(source)
        raise
    return source


class _Start:
    """Starting it waits for the disk that it lies on: in a thread. One that begins after a cancellation is ended."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        reads: bytes | None,
        streams: Sequence[tuple[int, int]],
    ) -> None:
        self._command = command
        self._environment = environment
        self._reads = reads
        self._streams = streams
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = False
        self._given_up = threading.Event()

    async def process(self) -> "subprocess.Popen[bytes]":
        try:
            return await in_thread(self._begin)
        except BaseException:  # given up, or no thread could be had for it
            with self._turn:
                self._given_up.set()
                if not self._begun:
                    self._close()
                elif self._process is not None:
                    _kill(self._process)
            raise

    def _begin(self) -> "subprocess.Popen[bytes]":
        with self._turn:
            if self._given_up.is_set():
                raise InterruptedError  # to nobody: whoever asked has left
            self._begun = True
        source = -1
        try:
            source = _source(self._reads)
            process = subprocess.Popen(  # noqa: S603 - the operator's own command, without a shell
                self._command,
                stdin=source,
                stdout=self._streams[0][1],
                stderr=self._streams[1][1],
                env=dict(self._environment),
                cwd="/",
                start_new_session=True,
            )
        finally:
            if source >= 0:
                os.close(source)
            self._close()
        with self._turn:
            self._process = process
            if self._given_up.is_set():
                _kill(process)
        return process

    def _close(self) -> None:
        """Our own copies of the program's ends: a stream ends when nobody can write to it any more."""
        for _, write_end in self._streams:
            os.close(write_end)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """It has only just begun."""
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


async def _first(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _drain(outlets: Sequence[_Outlet]) -> None:
    """Read what it wrote before its end. Its children may hold the streams open for longer: they are not waited for."""
    for outlet in outlets:
        while outlet.open and not outlet.over.is_set():
            before = len(outlet.kept)
            outlet.read()
            if len(outlet.kept) == before:
                break


async def _end(process: "subprocess.Popen[bytes]", dead: asyncio.Event) -> int:
    """End the whole group and reap its leader. While it is not reaped, its number is nobody else's.

    A cancellation that comes meanwhile shortens the grace, and is passed on.
    """
    cancelled = False
    for number in (signal.SIGTERM, signal.SIGKILL):
        if number is signal.SIGTERM and dead.is_set():
            continue  # its children, if any, are not asked either: it has ended without them
        _signal_group(process.pid, number)
        try:
            async with asyncio.timeout(GRACE):
                await dead.wait()
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            cancelled = True
    status = _reap(process, dead)
    await _reap_orphans(process.pid)
    if cancelled:
        raise asyncio.CancelledError
    return status


def _reap(process: "subprocess.Popen[bytes]", dead: asyncio.Event) -> int:
    if not dead.is_set() and process.poll() is None:  # the kernel holds it (a disk that is gone)
        threading.Thread(target=process.wait, name="reaper", daemon=True).start()
        return -signal.SIGKILL
    return process.wait()


async def _reap_orphans(group: int) -> None:
    """Where we are process 1 (a container), what the program leaves behind becomes ours; elsewhere, nobody is."""
    end = time.monotonic() + GRACE
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < end:
            if os.waitpid(-group, os.WNOHANG) == (0, 0):  # noqa: ASYNC222 - it does not wait
                await asyncio.sleep(0.01)


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except OSError as error:
        if error.errno not in (errno.ESRCH, errno.EPERM):  # a program that became another user is out of our hands
            raise
