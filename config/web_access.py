"""What becomes of the section `web`: the certificate's context, the accounts, and what is unwise about it."""

import ipaddress
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from config.faults import Findings
from config.files import ALL, Look, pair_fault, unreadable
from config.web_settings import TrustedProxy, Web, WebTls
from config.yaml_lines import Steps
from retabli.model.ladder import Fall
from retabli.web.access.certificate import SOON, ends_at, server_context
from retabli.web.access.hashes import parse
from retabli.web.access.policy import Account, Policy, Proxy, Role, address_of

DAY = 86_400.0


def policy_of(web: Web, findings: Findings, look: Look = ALL) -> Policy:
    """The accounts with the hashes of now, and the proxy. An account whose hash cannot be read is a fault."""
    accounts = {}
    for name, user in web.users.items():
        at: Steps = ("web", "users", name, "hash")
        try:
            accounts[name] = Account(name, Role(user.role), parse(user.hash.text()))
        except Fall as fall:
            # Left out it would be nobody's, and pages without any account stand open. What was told already, as every
            # secret's fault is, is told once.
            look.lacks(findings, at, user.hash.path, fall.detail)
        except ValueError as error:
            findings.fault(at, f"{user.hash.place}: {error}")
    if web.proxy is not None:
        _check_proxy(web.proxy, findings)
    return Policy(accounts, _proxy(web.proxy) if web.proxy is not None else None)


def _check_proxy(proxy: TrustedProxy, findings: Findings) -> None:
    at: Steps = ("web", "proxy")
    if proxy.user_header is None:
        for key in ("role_header", "groups_header"):
            if getattr(proxy, key) is not None:
                findings.fault((*at, key), "says the role of nobody: name user_header too")
    elif proxy.role == "none" and not (proxy.role_header or proxy.users or (proxy.groups and proxy.groups_header)):
        findings.fault(at, "nobody whom it lets through has a role: write role, users, groups or role_header")
    if proxy.groups and proxy.groups_header is None:
        findings.fault((*at, "groups"), "nothing says in which groups somebody is: name groups_header too")
    for number, written in enumerate(proxy.from_):
        if ipaddress.ip_network(written).prefixlen == 0:
            findings.fault((*at, "from", number), "this is everybody: whoever sends its header would be believed")


def _proxy(proxy: TrustedProxy) -> Proxy:
    return Proxy(
        networks=tuple(ipaddress.ip_network(each) for each in proxy.from_),
        user_header=proxy.user_header or "",
        role_header=proxy.role_header or "",
        groups_header=proxy.groups_header or "",
        users={name: Role(role) for name, role in proxy.users.items()},
        groups={name: Role(role) for name, role in proxy.groups.items()},
        role=None if proxy.role == "none" else Role(proxy.role),
    )


def context_of(tls: WebTls, findings: Findings, look: Look = ALL) -> ssl.SSLContext | None:
    """What serves this certificate: what was checked is what is used, whatever becomes of the files."""
    at: Steps = ("web", "tls")
    missing = set()
    for key in ("cert", "key"):
        path = getattr(tls, key)
        fault = unreadable(path) if path is not None else None
        if fault is not None:
            missing.add(key)
            look.lacks(findings, (*at, key), path, fault)
    if "cert" in missing:
        return None
    if missing:
        _warn_of_its_end(tls, findings)
        return None
    context = server_context(tls.min_version)
    fault = pair_fault(context, tls.cert, tls.key, called="key")
    if fault is not None:
        findings.fault((*at, "cert"), f"{tls.cert}: {fault}")
        return None
    _warn_of_its_end(tls, findings)
    return context


def _warn_of_its_end(tls: WebTls, findings: Findings) -> None:
    for said in certificate_warnings(tls, time.time()):
        findings.warn(("web", "tls", "cert"), said)


def certificate_warnings(tls: WebTls, now: float) -> Iterator[str]:
    """That it has ended, or ends soon. Nobody is kept out for that: a page with a warning is better than none."""
    end = ends_at(tls.cert)
    if end is None or end - now > SOON:
        return
    day = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%d")
    if end <= now:
        yield f"{tls.cert}: this certificate ended on {day}: browsers and Prometheus refuse it"
    else:
        yield f"{tls.cert}: this certificate ends on {day}, in {(end - now) / DAY:.0f} days"


def exposure(web: Web, listen: tuple[str, int]) -> Iterator[tuple[str, str]]:
    """(key, sentence) of what is open to more people than is wise, when it listens there."""
    beyond = not _is_loopback(listen[0])
    asked = bool(web.users) or (web.proxy is not None and web.proxy.user_header is not None)
    where = f"{listen[0]}:{listen[1]}"
    if beyond and not asked:
        yield "listen", f"whoever reaches {where} sees everything: describe who may, by web.users or web.proxy"
    if beyond and web.tls is None:
        what = "passwords and what is shown cross" if web.users else "what is shown crosses"
        yield "listen", f"{what} the network in clear at {where}: give a certificate by web.tls, or a proxy on loopback"
    if not beyond and not asked and web.url is not None and web.proxy is None and not _is_here(web.url):
        said = "others reach the pages through a proxy that web.proxy does not name: say which, and who may"
        yield "url", f"{said} (web.proxy, web.users)"


def _is_loopback(host: str) -> bool:
    address = address_of(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_here(url: str) -> bool:
    from urllib.parse import urlsplit

    return _is_loopback(urlsplit(url).hostname or "")
