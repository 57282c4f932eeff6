"""Our own certificate: the context that serves it, and when it ends."""

import ssl
from pathlib import Path

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# Forward secrecy and authenticated encryption alone, as RFC 9325 (section 4.2) recommends for TLS 1.2.
SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL"
SOON = 30 * 86_400.0  # seconds before its end from which it is spoken of


def server_context(min_version: str = "1.2") -> ssl.SSLContext:
    """For the server's side, without a certificate yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[min_version]
    context.set_ciphers(SUITES)
    context.set_alpn_protocols(["http/1.1"])
    return context


def ends_at(path: Path) -> float | None:
    """When the first certificate of a PEM file ends, as Unix time; None where it holds none that can be read."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None
