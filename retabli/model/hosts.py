"""Hosts as a configuration names them: what can be one, and what is an address and no name."""

import ipaddress
import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

# What names are made of (RFC 1123, 2.1), and the underscore that some have all the same; labels of 63 at most. Letters
# of every script: they are written as `xn--…` where they are asked for (RFC 5891).
HOST_NAME = re.compile(r"(?=.{1,254}\Z)([\w-]{1,63}\.)*[\w-]{1,63}\.?")


@lru_cache(maxsize=10_000)
def literal_address(host: str) -> str | None:
    """The address that is written there, with or without brackets and a zone (RFC 4007), if it is one and no name."""
    text = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def check_host(value: str) -> str:
    """
    Raises:
        ValueError: a sentence for the operator: it can be neither a name nor an address.
    """
    if literal_address(value) is not None or HOST_NAME.fullmatch(value):
        return value
    if "://" in value:
        raise ValueError(f'"{value}" is a web address: only the host is wanted here')
    name, _, port = value.rpartition(":")
    if port.isdigit() and HOST_NAME.fullmatch(name):
        raise ValueError(f'"{value}" holds a port, which has a setting of its own')
    raise ValueError(f'"{value}" is neither a name nor an address')


def _check_name_server(value: str) -> str:
    if literal_address(value) is None:
        raise ValueError(f'"{value}" is no address: by whom should the name of a name server be resolved?')
    return value


Host = Annotated[str, AfterValidator(check_host)]
NameServer = Annotated[str, AfterValidator(_check_name_server)]
