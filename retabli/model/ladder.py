"""The ladder that a probe climbs: it times each rung and gives whatever leaves one its cause, by one table."""

import asyncio
import errno
import math
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType, TracebackType
from typing import Any

from retabli.model import causes, stages
from retabli.model.causes import Cause, Side, Verdict
from retabli.model.result import Mail, Measure, Outcome, Result, Rung, clean
from retabli.model.stages import Stage


class Fall(Exception):
    """A probe's own verdict: this rung does not hold, and this is why. `detail` is cleaned and cut.

    `rung` is the one that it is really about, where only a later one shows it: an answer that refuses our token.
    """

    def __init__(self, cause: Cause, detail: str | bytes = "", *, rung: Stage | None = None) -> None:
        self.cause = cause
        self.detail = clean(detail)
        self.rung = rung
        super().__init__(f"{cause.code}: {self.detail}" if self.detail else cause.code)


# OpenSSL's verification codes (X509_V_ERR_*, x509_vfy.h); every other one is "invalid certificate".
VERIFY_CAUSES = {
    2: causes.CERT_UNKNOWN_CA,
    3: causes.REVOCATION_UNKNOWN,  # no list of this certificate's issuer
    8: causes.REVOCATION_UNKNOWN,  # a list that the issuer did not sign
    9: causes.CERT_NOT_YET_VALID,
    10: causes.CERT_EXPIRED,
    11: causes.CRL_STALE,  # not yet valid: a list of another time, too
    12: causes.CRL_STALE,
    18: causes.CERT_SELF_SIGNED,
    19: causes.CERT_UNKNOWN_CA,  # a self-signed certificate up the chain: a private authority we do not know
    20: causes.CERT_UNKNOWN_CA,
    21: causes.CERT_UNKNOWN_CA,
    23: causes.CERT_REVOKED,
    33: causes.REVOCATION_UNKNOWN,  # the list's own issuer is not known
    35: causes.REVOCATION_UNKNOWN,  # that may not sign lists
    36: causes.REVOCATION_UNKNOWN,  # a critical extension of the list that OpenSSL does not know
    44: causes.REVOCATION_UNKNOWN,  # a list for other certificates of the same issuer
    62: causes.CERT_NAME_MISMATCH,
    64: causes.CERT_NAME_MISMATCH,
}

# The reasons that OpenSSL gives for a failed handshake. The alerts are the peer's (RFC 8446, section 6.2).
SSL_REASONS = {
    "WRONG_VERSION_NUMBER": causes.NOT_TLS,
    "HTTP_REQUEST": causes.NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": causes.NOT_TLS,
    "RECORD_LAYER_FAILURE": causes.NOT_TLS,
    "UNSUPPORTED_PROTOCOL": causes.TLS_VERSION,
    "NO_PROTOCOLS_AVAILABLE": causes.TLS_VERSION,
    "VERSION_TOO_LOW": causes.TLS_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": causes.TLS_VERSION,
    "NO_SHARED_CIPHER": causes.TLS_CIPHER,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": causes.TLS_CIPHER,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": causes.TLS_CIPHER,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": causes.CLIENT_CERT_MISSING,
    "SSLV3_ALERT_BAD_CERTIFICATE": causes.CLIENT_CERT_REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": causes.CLIENT_CERT_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": causes.CLIENT_CERT_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": causes.CLIENT_CERT_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": causes.CLIENT_CERT_REFUSED,
    "TLSV1_ALERT_UNKNOWN_CA": causes.CLIENT_CERT_REFUSED,
    "TLSV1_ALERT_ACCESS_DENIED": causes.CLIENT_CERT_REFUSED,
    "UNEXPECTED_EOF_WHILE_READING": causes.CLOSED_EARLY,
}

ERRNO_CAUSES = {
    errno.EHOSTUNREACH: causes.UNREACHABLE,
    errno.ENETUNREACH: causes.UNREACHABLE,
    errno.EHOSTDOWN: causes.UNREACHABLE,
    errno.ENETDOWN: causes.UNREACHABLE,
    errno.EACCES: causes.ADMIN_PROHIBITED,  # ICMPv6 prohibited; for IPv4 see net.connect
    errno.EPERM: causes.LOCAL_PERMISSION,  # the machine's own output filter
    errno.EAGAIN: causes.LOCAL_RESOURCES,  # no port left for a datagram (ip(7)), no process (fork(2))
    errno.EMFILE: causes.LOCAL_RESOURCES,
    errno.ENFILE: causes.LOCAL_RESOURCES,
    errno.ENOBUFS: causes.LOCAL_RESOURCES,
    errno.ENOMEM: causes.LOCAL_RESOURCES,
    errno.EADDRNOTAVAIL: causes.LOCAL_RESOURCES,
    errno.ETIMEDOUT: causes.TIMEOUT,
}


# What a deadline means on a rung where only one party of ours can have been waited for.
DEADLINES = {stages.RESOLVE: causes.DNS_TIMEOUT}


def _verify(error: BaseException) -> Cause:
    return VERIFY_CAUSES.get(getattr(error, "verify_code", -1), causes.CERT_INVALID)


def _tls(error: BaseException) -> Cause:
    return SSL_REASONS.get(getattr(error, "reason", None) or "", causes.TLS_HANDSHAKE)


def _os(error: BaseException) -> Cause | None:
    return ERRNO_CAUSES.get(getattr(error, "errno", None) or 0)


def _threads(error: BaseException) -> Cause | None:
    """What `threading` raises when the kernel gives it no thread; every other one is our defect."""
    return causes.LOCAL_RESOURCES if "can't start new thread" in str(error) else None


# Ordered: the first row whose exception matches, and which names a cause, gives it. What no row knows is our defect.
TABLE: tuple[tuple[type[BaseException], Callable[[BaseException], Cause | None]], ...] = (
    (ssl.SSLCertVerificationError, _verify),
    (ssl.SSLEOFError, lambda _: causes.CLOSED_EARLY),
    (ssl.SSLZeroReturnError, lambda _: causes.CLOSED_EARLY),
    (ssl.SSLError, _tls),
    (ConnectionRefusedError, lambda _: causes.REFUSED),
    (ConnectionResetError, lambda _: causes.RESET),
    (BrokenPipeError, lambda _: causes.CLOSED_EARLY),
    (ConnectionAbortedError, lambda _: causes.CLOSED_EARLY),
    (EOFError, lambda _: causes.CLOSED_EARLY),  # asyncio.IncompleteReadError is one
    (asyncio.LimitOverrunError, lambda _: causes.TOO_LONG),
    (TimeoutError, lambda _: causes.TIMEOUT),
    (OSError, _os),
    (MemoryError, lambda _: causes.LOCAL_RESOURCES),
    (RuntimeError, _threads),
)


LACKS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def _lacked(fall: Fall) -> bool:
    """Whether it came of what our own machine lacked, whatever it says: a parser that could not load a table."""
    link: BaseException | None = fall
    while link is not None:
        if isinstance(link, MemoryError) or (isinstance(link, OSError) and link.errno in LACKS):
            return True
        link = link.__cause__ or link.__context__
    return False


# What a deadline that fell in work of our own says, whatever became of it on its way up.
OWN_WORK = "the time of the run ended while our own machine was at work"


@contextmanager
def own_work() -> Iterator[None]:
    """Within this nobody but our own machine is waited for: a deadline that falls here is no silence of a partner's.

    It is marked, and not replaced: whoever set the deadline (`asyncio.timeout`, the runner) must know it for theirs.
    """
    try:
        yield
    except asyncio.CancelledError as cancelled:
        cancelled.add_note(OWN_WORK)
        raise


def _fell_in_own_work(late: BaseException) -> bool:
    link: BaseException | None = late
    while isinstance(link, asyncio.CancelledError | TimeoutError):
        if OWN_WORK in getattr(link, "__notes__", ()):
            return True
        link = link.__cause__ or link.__context__
    return False


def cause_of(error: BaseException) -> Cause | None:
    """The cause that an exception stands for, or None for one that nobody foresaw, and for a deadline's cancellation
    that fell while others were waited for."""
    if isinstance(error, Fall):
        return causes.LOCAL_RESOURCES if _lacked(error) else error.cause
    if _fell_in_own_work(error):
        return causes.LOCAL_STALL
    for kind, find in TABLE:
        if isinstance(error, kind):
            found = find(error)
            if found is not None:
                return found
    return None


def detail_of(error: BaseException) -> str:
    if isinstance(error, Fall):
        return error.detail
    if isinstance(error, asyncio.CancelledError | TimeoutError):
        return OWN_WORK if _fell_in_own_work(error) else ""
    if isinstance(error, OSError) and error.strerror:
        return clean(error.strerror)
    return clean(f"{type(error).__name__}: {error}")


# What a fall is called instead, and with which detail: a refused connection to a proxy is not the partner's.
Rename = Callable[[Cause, str], tuple[Cause, str]]


class _Climb:
    """The context of one rung. A class of its own, not a generator: a ladder is climbed millions of times."""

    __slots__ = ("_began", "_ladder", "_stage")

    def __init__(self, ladder: "Ladder", stage: Stage) -> None:
        self._ladder = ladder
        self._stage = stage
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = self._ladder.begin(self._stage)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        ladder = self._ladder
        began = self._began
        ended = ladder.until(began)
        ladder.ended = ended
        seconds = ended - began
        if error is None:
            ladder.hold(Rung(self._stage, seconds))
        else:
            ladder.drop(self._stage, seconds, error)


class Ladder:
    """One climb. Handed to `Probe.run`; `finish` turns it into a Result.

    `memory` is the unit's own small store (JSON values), kept from run to run and across restarts.
    `watch` is told each rung as it ends (the `probe` command prints from it).
    `heard` is when what is dealt with now was heard of, on the same clock: what others' runs take in between is no
    latency of this one's target. None: now.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        *,
        target: str | None = None,
        memory: dict[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        heard: Callable[[], float] | None = None,
        watch: Callable[[Rung], None] | None = None,
        language: str = "en",
    ) -> None:
        self.stages = tuple(stages)
        self.target = target
        self.memory: dict[str, Any] = {} if memory is None else memory
        self.clock = clock
        self.ended = -math.inf  # when the latest rung ended
        self._heard = heard or clock
        self.wall = wall
        self.language = language
        self._watch = watch
        self._rungs: list[Rung] = []
        self._current: Stage | None = None
        self._fallen: Rung | None = None
        self._rename: Rename | None = None
        self._impaired: tuple[Cause, str] | None = None
        self._measures: dict[Measure, float] = {}
        self._properties: dict[str, str] = {}
        self._mail: dict[Mail, int] = {}
        self._roundtrips: list[float] = []

    # climbing -------------------------------------------------------------------------------------------------

    def until(self, began: float) -> float:
        """When what began then ended: when what is dealt with now was heard of; now, if nothing was heard of since."""
        heard = self._heard()
        return heard if heard > began else self.clock()

    def rung(self, stage: Stage) -> _Climb:
        """`with ladder.rung(stages.TLS): …` times the rung and gives what leaves it its cause. Rungs do not nest."""
        return _Climb(self, stage)

    def begin(self, stage: Stage) -> float:
        if self._current is not None:
            raise RuntimeError(f"rung {stage} begun within rung {self._current}")
        self._current = stage
        self._fallen = None
        return self.clock()

    def hold(self, rung: Rung) -> None:
        self._current = None
        for place, earlier in enumerate(self._rungs):
            if earlier.stage is rung.stage:  # climbed again (a redirect, a second address): one rung, both times
                self._rungs[place] = replace(rung, seconds=earlier.seconds + rung.seconds)
                break
        else:
            self._rungs.append(rung)
        if self._watch is not None:
            self._watch(rung)

    def drop(self, stage: Stage, seconds: float, error: BaseException) -> None:
        """The rung did not hold. A cancellation is the run's deadline: a timeout, recorded where it fell, or our own
        stall, if it fell within `own_work`."""
        self._current = None
        if isinstance(error, Fall) and error.rung is not None and error.rung in self.stages:
            stage = error.rung
        cancelled = isinstance(error, asyncio.CancelledError)
        found = cause_of(error) or (DEADLINES.get(stage, causes.TIMEOUT) if cancelled else causes.PROBE_DEFECT)
        detail = detail_of(error)
        if self._rename is not None and found.side is not Side.PROBE:  # a defect of ours is nobody else's
            found, detail = self._rename(found, clean(detail))
        self._fallen = Rung(stage, seconds, found, clean(detail))
        self.hold(self._fallen)

    @contextmanager
    def ahead_of(self, stage: Stage) -> Iterator[None]:
        """What is made ready for a rung before the ladder has come to it: what falls here falls on that rung."""
        try:
            yield
        except (Exception, asyncio.CancelledError):
            with self.rung(stage):
                raise

    @contextmanager
    def told_as(self, rename: Rename) -> Iterator[None]:
        """Within this, what falls is called by another cause; a deadline that falls here too. Defects stay defects.

        They nest: the outer is told what the inner made of it.
        """
        before = self._rename
        self._rename = rename if before is None else lambda found, detail: before(*rename(found, detail))
        try:
            yield
        finally:
            self._rename = before

    def skip(self, stage: Stage) -> None:
        """This climb has no such rung, and its ladder is shorter by it: a plain site has no TLS."""
        self.stages = tuple(kept for kept in self.stages if kept is not stage)

    def spent(self, stage: Stage) -> float | None:
        """Seconds spent on a rung so far, every climb of it together; None when it was not climbed."""
        return next((rung.seconds for rung in self._rungs if rung.stage is stage), None)

    # noting ---------------------------------------------------------------------------------------------------

    def measure(self, measure: Measure, value: float) -> None:
        self._measures[measure] = value

    def describe(self, name: str, value: str) -> None:
        """A fact in words: the certificate's issuer, the TLS version, the queue id. Cleaned and cut."""
        self._properties[name] = clean(value)

    def impair(self, cause: Cause, detail: str | bytes = "") -> None:
        """It works, but not wholly: the result is ok, not whole, and says why. The first impairment stands."""
        if cause.verdict is not Verdict.IMPAIRED:
            raise ValueError(f"{cause.code} is no impairment")
        if self._impaired is None:
            self._impaired = (cause, clean(detail))

    def count(self, event: Mail, number: int = 1) -> None:
        self._mail[event] = self._mail.get(event, 0) + number

    def roundtrip(self, seconds: float) -> None:
        self._roundtrips.append(seconds)

    @property
    def current(self) -> Stage | None:
        return self._current

    @property
    def fallen(self) -> Rung | None:
        """The rung that did not hold last, if no other was begun since."""
        return self._fallen

    @property
    def measures(self) -> Mapping[Measure, float]:
        return self._measures

    # ending ---------------------------------------------------------------------------------------------------

    def finish(
        self,
        *,
        beat: float,
        started: float,
        error: BaseException | None = None,
        slow: float | None = None,
        confirming: bool = False,
    ) -> Result:
        """The result of the climb. `error` is what left `Probe.run`, if anything did; `slow` in seconds."""
        ended = max(self.until(started), self.ended)
        outcome, stage, cause, detail = self._judge(error)
        whole = outcome is Outcome.OK and self._impaired is None and (slow is None or ended - started <= slow)
        return Result(
            outcome=outcome,
            rungs=tuple(self._rungs if error is None else self._up_to(stage)),
            of=len(self.stages),
            stage=stage,
            cause=cause,
            detail=detail,
            beat=beat,
            started=started,
            ended=ended,
            at=self.wall(),
            whole=whole,
            confirming=confirming,
            measures=MappingProxyType(self._measures),
            properties=MappingProxyType(self._properties),
            mail=MappingProxyType(self._mail),
            roundtrips=tuple(self._roundtrips),
        )

    def _judge(self, error: BaseException | None) -> tuple[Outcome, Stage | None, Cause | None, str]:
        last = self._rungs[-1].stage if self._rungs else None
        late = isinstance(error, asyncio.CancelledError | TimeoutError)
        if error is None or (late and self._fallen is None and self._climbed_all()):
            # A deadline after the last rung has only cut the farewell.
            cause, detail = self._impaired or (None, "")
            return Outcome.OK, last, cause, detail
        if self._fallen is None:  # it left the probe between two rungs
            found = cause_of(error) or (causes.TIMEOUT if late else causes.PROBE_DEFECT)
            self._fallen = Rung(self._next() or self.stages[-1], 0.0, found, detail_of(error))
            self._rungs.append(self._fallen)
        fallen = self._fallen
        assert fallen.cause is not None  # noqa: S101 - a fallen rung has its cause
        failed = fallen.cause.verdict is Verdict.FAILED
        return (Outcome.FAILED if failed else Outcome.UNKNOWN), fallen.stage, fallen.cause, fallen.detail

    def _up_to(self, stage: Stage | None) -> list[Rung]:
        """Without what held above the rung that fell: a first site's rungs say nothing of the one it redirects to."""
        if stage not in self.stages:
            return self._rungs
        above = self.stages[self.stages.index(stage) + 1 :]
        return [rung for rung in self._rungs if rung.stage not in above]

    def _climbed_all(self) -> bool:
        return {rung.stage for rung in self._rungs if rung.cause is None} >= set(self.stages)

    def _next(self) -> Stage | None:
        climbed = {rung.stage for rung in self._rungs}
        return next((stage for stage in self.stages if stage not in climbed), None)
