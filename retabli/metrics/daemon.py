"""The daemon's own figures: how late its beats are, what its parts and channels do, what it is built of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client import exposition as text
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAITS = (*_SHORT, 30.0, 60.0)
_RUNS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0)


class Figures:
    """Everything but flows and probes. `registry` is the daemon's own, never the library's global one."""

    def __init__(self, registry: CollectorRegistry, *, version: str, standpoint: str) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        Info("retabli_build", "What this daemon is, and where it stands.", registry=registry).info(
            {"version": version, "standpoint": standpoint}
        )
        self._describe_scheduler(registry)
        self._describe_channels(registry)
        self._describe_configuration(registry)
        self._describe_state(registry)

    def _describe_scheduler(self, registry: CollectorRegistry) -> None:
        self._lateness = _histogram("retabli_scheduler_lateness_seconds", "From due to start.", _SHORT, registry)
        self._wait = _histogram("retabli_scheduler_wait_seconds", "Waited for a place to run in.", _WAITS, registry)
        self._stall = _histogram("retabli_loop_stall_seconds", "How late the loop woke.", _SHORT, registry)
        self._stalled = Counter(
            "retabli_loop_stalled_seconds",
            "How long the loop stood still, by the kind of probe or part that kept it, or machine.",
            ("by",),
            registry=registry,
        )
        self._stalled.labels("machine")
        self._runs = Histogram(
            "retabli_probe_run_duration_seconds", "How long runs took.", ("kind",), buckets=_RUNS, registry=registry
        )
        self._restarts = Counter(
            "retabli_part_restarts", "Times that a part died and was started again.", ("part",), registry=registry
        )

    def _describe_channels(self, registry: CollectorRegistry) -> None:
        self._sent = Counter("retabli_alerts_sent", "Messages that a channel took.", ("channel",), registry=registry)
        self._failed = Counter(
            "retabli_alerts_failed", "Attempts that a channel refused or missed.", ("channel",), registry=registry
        )
        self._pending = Gauge(
            "retabli_alerts_pending", "Messages not yet taken by their channel.", ("channel",), registry=registry
        )
        self._failing = Gauge(
            "retabli_alerts_failing",
            "1 while a channel has accepted nothing for long.",
            ("channel",),
            registry=registry,
        )
        self._channels: set[str] = set()
        self._beat_at = Gauge(
            "retabli_heartbeat_last_success_timestamp_seconds",
            "When a heartbeat was last accepted.",
            ("channel",),
            registry=registry,
        )
        self._beats = Counter(
            "retabli_heartbeats_sent", "Heartbeats that a channel took.", ("channel",), registry=registry
        )
        self._beats_failed = Counter(
            "retabli_heartbeats_failed", "Heartbeats that a channel refused or missed.", ("channel",), registry=registry
        )
        self._beating: set[str] = set()

    def _describe_configuration(self, registry: CollectorRegistry) -> None:
        self._reload = Gauge(
            "retabli_config_last_reload_successful", "Whether the configuration was last taken.", registry=registry
        )
        self._reloaded_at = Gauge(
            "retabli_config_last_reload_timestamp_seconds", "When it was last read.", registry=registry
        )
        self._logins = Counter(
            "retabli_web_logins",
            "Passwords that were given: accepted, refused, delayed (not looked at yet), busy (too many at once).",
            ("outcome",),
            registry=registry,
        )
        for outcome in ("accepted", "refused", "delayed", "busy"):
            self._logins.labels(outcome)
        self._certificate_ends = _Late(
            "retabli_web_certificate_expiry_timestamp_seconds", "When the certificate of the pages ends.", registry
        )

    def _describe_state(self, registry: CollectorRegistry) -> None:
        self._copied = _Late(
            "retabli_state_copy_timestamp_seconds", "Of when the newest good copy of the state is.", registry
        )
        self._restored = _Late(
            "retabli_state_restored_timestamp_seconds",
            "When a copy was put in the place of a state that was damaged or lost.",
            registry,
        )
        self._copies_failed = Counter(
            "retabli_state_copies_failed", "Copies of the state that could not be taken.", registry=registry
        )
        self._log_broken = _Late(
            "retabli_log_broken", "1 if the log's chain did not hold when it was last copied.", registry
        )
        self._short = Gauge(
            "retabli_machine_short",
            "1 while our own machine lacks descriptors, ports, threads or memory.",
            registry=registry,
        )
        self._unwritten = Gauge(
            "retabli_state_unwritten",
            "1 while the state cannot be written, and what happens is only in memory.",
            registry=registry,
        )
        self._log_rows = Counter("retabli_log_rows", "Rows written to the log.", registry=registry)

    # the scheduler's meter ------------------------------------------------------------------------------------

    def lateness(self, seconds: float) -> None:
        self._lateness.observe(seconds)

    def waited(self, seconds: float) -> None:
        self._wait.observe(seconds)

    def stall(self, seconds: float) -> None:
        self._stall.observe(seconds)

    def stalled_by(self, kind: str, seconds: float) -> None:
        self._stalled.labels(kind).inc(seconds)

    # parts, channels, configuration ---------------------------------------------------------------------------

    def run_of(self, kind: str) -> Histogram:
        """Where the durations of that kind's runs are observed."""
        return self._runs.labels(kind)

    def parts(self, names: Iterable[str]) -> None:
        """The parts that there are: their counts stand at 0 from now."""
        for name in names:
            self._restarts.labels(name)

    def part_restarted(self, name: str) -> None:
        self._restarts.labels(name).inc()

    def channels(self, names: Iterable[str]) -> None:
        """The channels that there are, and no others: their counts stand at 0 from now.

        What still waits for one that is gone is shown until it is settled.
        """
        kept = set(names)
        for name in self._channels - kept:
            self._failing.remove(name)
        for name in kept - self._channels:
            self._sent.labels(name)
            self._failed.labels(name)
            self._pending.labels(name)
            self._failing.labels(name)
        self._channels = kept

    def alert_sent(self, channel: str) -> None:
        self._sent.labels(channel).inc()

    def alert_failed(self, channel: str) -> None:
        self._failed.labels(channel).inc()

    def alerts_pending(self, channel: str, number: int) -> None:
        if number or channel in self._channels:
            self._pending.labels(channel).set(number)
        else:
            self._pending.remove(channel)

    def alerts_failing(self, channel: str, *, failing: bool) -> None:
        if channel in self._channels:  # a look may end after the reload that took its channel away
            self._failing.labels(channel).set(int(failing))

    def heartbeats(self, channels: Iterable[str]) -> None:
        """The channels that heartbeats go to, and no others."""
        kept = set(channels)
        for name in self._beating - kept:
            self._beat_at.remove(name)
        for name in kept - self._beating:
            self._beat_at.labels(name)
            self._beats.labels(name)
            self._beats_failed.labels(name)
        self._beating = kept

    def beat(self, channel: str, at: float) -> None:
        """A heartbeat was accepted, at that wall time."""
        self._beats.labels(channel).inc()
        if channel in self._beating:
            self._beat_at.labels(channel).set(at)

    def beat_failed(self, channel: str) -> None:
        self._beats_failed.labels(channel).inc()

    def reloaded(self, *, successful: bool, at: float) -> None:
        """The configuration was read, at that wall time; if not `successful`, the old one goes on."""
        self._reload.set(int(successful))
        self._reloaded_at.set(at)

    def short(self, lacking: bool) -> None:
        """Whether our own machine lacks something."""
        self._short.set(int(lacking))

    def unwritten(self, lacking: bool) -> None:
        """Whether the state cannot be written."""
        self._unwritten.set(int(lacking))

    def login(self, outcome: str) -> None:
        """Somebody gave a password."""
        self._logins.labels(outcome).inc()

    def certificate(self, ends: float | None) -> None:
        """When the certificate of the pages ends; None, and no series: there is none."""
        if ends is not None:
            self._certificate_ends.set(ends)

    def state_copied(self, at: float) -> None:
        """The newest good copy of the state is of that wall time. No series before the first one."""
        self._copied.set(at)

    def state_copy_failed(self) -> None:
        self._copies_failed.inc()

    def log_broken(self, *, broken: bool) -> None:
        """Whether the log's chain held, as it was walked with a copy. No series before the first one."""
        self._log_broken.set(int(broken))

    def state_restored(self, at: float) -> None:
        """A copy was put in the place of the state, at that wall time. No series if this start found a whole one."""
        self._restored.set(at)

    def log_row(self) -> None:
        self._log_rows.inc()

    def page(self, *, as_openmetrics: bool) -> bytes:
        """Their exposition. Reads /proc: not for the loop's own thread."""
        registry = _Plain(self.registry)
        if as_openmetrics:
            return bytes(openmetrics.generate_latest(registry))  # type: ignore[no-untyped-call]
        return text.generate_latest(registry)


class _Late:
    """A gauge without any series until there is something to say: 0 would be a moment, or an all-clear."""

    def __init__(self, name: str, help_: str, registry: CollectorRegistry) -> None:
        self._name = name
        self._help = help_
        self._registry = registry
        self._gauge: Gauge | None = None

    def set(self, value: float) -> None:
        if self._gauge is None:
            self._gauge = Gauge(self._name, self._help, registry=self._registry)
        self._gauge.set(value)


def _histogram(name: str, help_: str, buckets: tuple[float, ...], registry: CollectorRegistry) -> Histogram:
    return Histogram(name, help_, buckets=buckets, registry=registry)


@dataclass(frozen=True, slots=True)
class _Plain(Collector):
    """The registry without `_created` samples: each would be a series of its own that nobody reads."""

    registry: CollectorRegistry

    def collect(self) -> Iterator[Metric]:
        for metric in self.registry.collect():
            metric.samples = [each for each in metric.samples if not each.name.endswith("_created")]
            yield metric
