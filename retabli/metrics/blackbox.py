"""blackbox_exporter's own names over the latest result of a unit, so that stock dashboards and rules go on working.

Names and units as in blackbox_exporter 0.23 (prober/*.go). There is no `phase` on `probe_duration_seconds`.
"""

from collections.abc import Iterable, Mapping

from retabli.metrics.exposition import Family, gauge, labels
from retabli.model.flow import UnitName
from retabli.model.probe import Probe
from retabli.model.record import UnitPicture
from retabli.model.result import Measure, Outcome, Result

FAMILIES: tuple[Family, ...] = (
    gauge("probe_success", "Displays whether or not the probe was a success"),
    gauge("probe_duration_seconds", "Returns how long the probe took to complete in seconds"),
    gauge("probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds"),
    gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6"),
    gauge("probe_http_status_code", "Response HTTP status code"),
    gauge("probe_http_version", "Returns the version of HTTP of the probe response"),
    gauge("probe_http_ssl", "Indicates if SSL was used for the final redirect"),
    gauge("probe_http_redirects", "The number of redirects"),
    gauge("probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime"),
    gauge("probe_http_duration_seconds", "Duration of http request by phase, summed over all redirects"),
    gauge("probe_icmp_duration_seconds", "Duration of icmp request by phase"),
    gauge("probe_tls_version_info", "Returns the TLS version used or NaN when unknown"),
)
_SINGLE = (
    (Measure.DNS_LOOKUP, "probe_dns_lookup_time_seconds"),
    (Measure.IP_PROTOCOL, "probe_ip_protocol"),
    (Measure.HTTP_STATUS, "probe_http_status_code"),
    (Measure.HTTP_VERSION, "probe_http_version"),
    (Measure.HTTP_SSL, "probe_http_ssl"),
    (Measure.HTTP_REDIRECTS, "probe_http_redirects"),
    (Measure.CERT_EARLIEST_EXPIRY, "probe_ssl_earliest_cert_expiry"),
)
_HTTP = (
    (Measure.HTTP_RESOLVE, "resolve"),
    (Measure.HTTP_CONNECT, "connect"),
    (Measure.HTTP_TLS, "tls"),
    (Measure.HTTP_PROCESSING, "processing"),
    (Measure.HTTP_TRANSFER, "transfer"),
)
_ICMP = ((Measure.ICMP_RESOLVE, "resolve"), (Measure.ICMP_SETUP, "setup"), (Measure.ICMP_RTT, "rtt"))
# OpenSSL's names of the versions, as blackbox_exporter writes them: a closed set, whatever a server says.
_TLS_VERSIONS = {"TLSv1": "TLS 1.0", "TLSv1.0": "TLS 1.0", "TLSv1.1": "TLS 1.1", "TLSv1.2": "TLS 1.2"} | {
    "TLSv1.3": "TLS 1.3"
}

# The kinds whose rungs blackbox_exporter times under names of its own.
TIMED = frozenset({"http", "web", "icmp"})


def target_of(name: UnitName, probe: Probe) -> str:
    """What a unit is aimed at, from the configuration alone: its target, a URL, or host:port. Empty: nothing."""
    if name.target is not None:
        return without_credentials(name.target)
    for holder in (probe, getattr(probe, "submit", None), getattr(probe, "mailbox", None)):
        url, host, port = (getattr(holder, key, None) for key in ("url", "host", "port"))
        if isinstance(url, str):
            return without_credentials(url)
        host = host if isinstance(host, str) else getattr(holder, "imap", None)
        if isinstance(host, str):
            return f"{host}:{port}" if isinstance(port, int) else host
    return next((f"{host}:{port}" if port else host for host, port, _ in probe.openings()), "")


def without_credentials(url: str) -> str:
    """The URL without `user:password@`: a label is read by many."""
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}" if separator else url


class Lines:
    """The samples of one unit, whose names and labels are written once. `base` is the labels without braces; empty for
    blackbox's own form."""

    __slots__ = ("_duration", "_icmp", "_more", "_phases", "_singles", "_success")

    def __init__(self, base: str) -> None:
        braced, self._more = (f"{{{base}}}", f"{base},") if base else ("", "")
        self._success = f"probe_success{braced} "
        self._duration = f"probe_duration_seconds{braced} "
        self._singles = tuple((each, f"{name}{braced} ") for each, name in _SINGLE)
        self._phases = self._phased("probe_http_duration_seconds", _HTTP)
        self._icmp = self._phased("probe_icmp_duration_seconds", _ICMP)

    def _phased(self, name: str, phases: Iterable[tuple[Measure, str]]) -> tuple[tuple[Measure, str], ...]:
        return tuple((each, f'{name}{{{self._more}phase="{phase}"}} ') for each, phase in phases)

    def blocks(self, result: Result, outcome: Outcome) -> tuple[str, ...]:
        """One text a family, in their order."""
        measures = result.measures
        version = _TLS_VERSIONS.get(result.properties.get("tls_version", ""))
        return (
            f"{self._success}{int(outcome is Outcome.OK)}\n",
            f"{self._duration}{result.seconds:.6f}\n",
            *[f"{head}{_number(measures[each])}\n" if each in measures else "" for each, head in self._singles],
            _timed(measures, self._phases),
            _timed(measures, self._icmp),
            f'probe_tls_version_info{{{self._more}version="{version}"}} 1\n' if version else "",
        )


def _timed(measures: Mapping[Measure, float], heads: Iterable[tuple[Measure, str]]) -> str:
    return "".join([f"{head}{measures[each]:.6f}\n" for each, head in heads if each in measures])


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def page(unit: UnitPicture) -> str:
    """blackbox_exporter's form of one unit: no labels.

    While the outcome is unknown there is no sample at all: blackbox's form has no word for "we could not judge", and a
    `probe_success 0` would be a false alarm, a 1 a false green. The scrape itself succeeds; rules use `absent()`.
    """
    outcome = unit.record.outcome
    if unit.result is None or not unit.fresh or outcome not in (Outcome.OK, Outcome.FAILED):
        return "# the outcome is unknown\n"
    texts = Lines("").blocks(unit.result, outcome)
    return "".join(family.head(openmetrics=False) + text for family, text in zip(FAMILIES, texts, strict=True) if text)


def base_labels(name: UnitName, probe: Probe) -> str:
    return labels(flow=name.flow, probe=name.probe, kind=probe.kind, target=target_of(name, probe))
