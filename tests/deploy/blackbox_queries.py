"""What dashboards for blackbox_exporter ask by its `instance`, as found in public ones (a mixin, 7587, 16293)."""

STOCK = [
    "probe_success",
    'count(probe_success{job="$job"})',
    'count(probe_success{job="$job"} == 1)',
    '(count(probe_success{job="$job"} == 1) or vector(0)) / count(probe_success{job="$job"})',
    'max by (instance) (probe_success{instance=~"$target"})',
    'avg_over_time(probe_success{instance=~"$target"}[1h]) * 100',
    'probe_duration_seconds{instance=~"$target"}',
    'avg(probe_duration_seconds{instance=~"$target"}) by (instance)',
    'avg_over_time(probe_duration_seconds{instance=~"$target"}[1m])',
    'probe_http_duration_seconds{instance=~"$target"}',
    'sum(probe_http_duration_seconds{instance=~"$target"}) by (instance)',
    'sum by (instance) (avg by (phase, instance) (probe_http_duration_seconds{instance=~"$target"}))',
    'avg(probe_http_duration_seconds{instance=~"$target"}) by (phase)',
    *(
        f'probe_http_duration_seconds{{instance=~"$target",phase="{phase}"}}'
        for phase in ("resolve", "connect", "tls", "processing", "transfer")
    ),
    'probe_http_status_code{instance=~"$target"}',
    'max by (instance) (probe_http_version{instance=~"$target"})',
    'probe_http_ssl{instance=~"$target"}',
    'count(probe_http_ssl{job="$job"} == 1) / count(probe_http_version{job="$job"})',
    'probe_http_redirects{instance=~"$target"}',
    'probe_ssl_earliest_cert_expiry{instance=~"$target"} - time()',
    'probe_ssl_earliest_cert_expiry{instance=~"$target"} * 1000',
    'min by (instance) (probe_ssl_earliest_cert_expiry{instance=~"$target"} - time()) / 86400',
    'max by (instance, version) (probe_tls_version_info{instance=~"$target"})',
    'avg by (instance) (probe_dns_lookup_time_seconds{instance=~"$target"})',
    'probe_ip_protocol{instance=~"$target"}',
]
STOCK_ICMP = [
    'avg(probe_icmp_duration_seconds{instance=~"$target"}) by (phase)',
    *(f'probe_icmp_duration_seconds{{instance=~"$target",phase="{each}"}}' for each in ("resolve", "setup", "rtt")),
    'sum without (phase) (probe_icmp_duration_seconds{instance=~"$target"})',
]


def stock(expr: str, job: str) -> str:
    """Over everything of one of the example's jobs."""
    chosen = expr.replace("$job", job).replace("$target", ".+")
    return chosen.replace('instance=~".+"', f'instance=~".+",job="{job}"')
