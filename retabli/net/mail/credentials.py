"""A name and a password, as SMTP and IMAP send them: never in clear, but to this very machine."""

import base64
import ipaddress

from retabli.model.ladder import Fall
from retabli.model.settings import Tls
from retabli.net.mail.session_causes import CREDENTIALS_IN_CLEAR


def clear_fault(tls: Tls, host: str) -> str | None:
    """A sentence for `check` when credentials would travel in clear to another machine, or None."""
    if tls.mode != "none" or names_loopback(host):
        return None
    return f"user and password would travel in clear to {host}: set tls.mode to starttls or implicit"


def names_loopback(host: str) -> bool:
    """Whether a host, as the configuration writes it, is this machine and nothing else."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    return is_loopback(name)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_clear(encrypted: bool, peer: str) -> None:
    """Hold credentials back from a connection in clear, unless its peer's address is this machine's.

    Raises:
        Fall: `credentials_in_clear`.
    """
    if not encrypted and not is_loopback(peer):
        raise Fall(CREDENTIALS_IN_CLEAR, f"no TLS towards {peer}")


def plain(user: str, password: str) -> bytes:
    """The response of SASL PLAIN, in base64 (RFC 4616)."""
    return encode(f"\0{user}\0{password}")


def encode(text: str) -> bytes:
    return base64.b64encode(text.encode())
