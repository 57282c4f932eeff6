"""The settings of containment: what must be denied, how denials look here, and the controls."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from retabli.model.hosts import Host, NameServer, check_host, literal_address
from retabli.model.settings import Denied, Port, Proxy, Settings, did_you_mean
from retabli.net.nameservers import unspecified
from retabli.net.web.http_settings import Pattern, Texts
from retabli.net.web.promql import PromqlQuery

Protocol = Literal["tcp", "udp", "icmp", "http"]
Denial = Literal["timeout", "reset", "cut", "icmp", "deny_page", "sinkhole"]
NameDenial = Literal["refused", "servfail", "timeout", "sinkhole", "nxdomain"]
DIRECT = "direct"
DOOR = re.compile(r"\$(to|port|protocol|family)\b")

# Where people and malware go out: web, names (also encrypted), mail, shells, file shares, remote desktops, QUIC, ping.
USUAL: tuple[tuple[Protocol, int], ...] = (
    *(("tcp", port) for port in (22, 25, 53, 80, 443, 445, 853, 3389)),
    ("udp", 53),
    ("udp", 443),
    ("icmp", 0),
)


class Alive(Settings):
    """How it is known that this target and port answer somebody else now."""

    promql: PromqlQuery | None = Field(
        default=None,
        description="what is 1 while the target answers; every series must be, and fresh. $to, $port, $protocol and "
        "$family stand for the attempt's own",
    )
    declared: Literal[True] | Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="the operator's word, and shown as that"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.promql is None) == (self.declared is None):
            raise ValueError("alive has exactly one of promql and declared")
        return self

    @property
    def names_the_door(self) -> bool:
        """Whether its query is another one for each attempt."""
        return self.promql is not None and DOOR.search(self.promql.query + (self.promql.samples or "")) is not None

    def of(self, door: Mapping[str, str]) -> "Alive":
        """The control of this very door: `to`, `port`, `protocol` and `family` put where the query names them."""
        if self.promql is None or not self.names_the_door:
            return self

        def put(text: str) -> str:
            return DOOR.sub(lambda found: door[found[1]], text)

        samples = put(self.promql.samples) if self.promql.samples is not None else None
        return Alive(promql=self.promql.model_copy(update={"query": put(self.promql.query), "samples": samples}))


class Path(Settings):
    to: Host
    port: Port


class Control(Settings):
    path: Path | Annotated[tuple[Path, ...], Field(strict=False)] = Field(
        default=(), description="what must take our connection (one, or a list): it proves that we can get out of here"
    )
    alive: Alive | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.path,) if isinstance(self.path, Path) else self.path


class DenyPage(Settings):
    """The page by which a filter on the way denies. `header` is `Name: regular expression`."""

    header: Annotated[str, Field(pattern=r"^[^:\s]+:.+$")] | None = None
    body: Pattern | None = None

    @model_validator(mode="after")
    def _a_sign(self) -> Self:
        if self.header is None and self.body is None:
            raise ValueError("deny_page is known by a header or a body: a status alone is anybody's")
        return self

    @property
    def sign(self) -> Denied:
        return Denied(status=(), header=self.header, body=self.body)


class DnsTunnel(Settings):
    """A random name below a domain of ours is asked for through the inside resolver, as a tunnel would."""

    domain: str = Field(min_length=1, description="a domain of ours whose name server stands outside")
    expect: str = Field(min_length=1, description="what that server answers to every name below it")
    type: Literal["TXT", "A", "AAAA"] = "TXT"
    inside_name: str = Field(
        min_length=1, description="a name that the inside resolver must know: its control in the same round"
    )
    nameserver: NameServer | None = Field(
        default=None, description="the inside resolver, where it is not the probe's own"
    )
    port: Port = 53
    denied: tuple[NameDenial, ...] = Field(
        default=(),
        strict=False,
        description="how this resolver denies; all but nxdomain, which proves nothing where a filter is not known to "
        "say that",
    )
    alive: Alive | None = None


def _somewhere(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        literal = literal_address(check_host(value))
        if literal is not None and unspecified(literal):
            raise ValueError(f"{value} is nowhere: nothing could be proven by it")
    return values


def _vias(value: object, info: ValidationInfo) -> object:
    """Names to proxies; None stands for direct."""
    known: Mapping[str, Any] = (info.context or {}).get("proxies", {})
    found: list[object] = []
    for each in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(each, str) or each == DIRECT:
            found.append(None if each == DIRECT else each)
        elif each in known:
            found.append(known[each])
        else:
            raise ValueError(f'no proxy is called "{each}"{did_you_mean(each, [DIRECT, *known])}')
    return tuple(found)


_VIA = {"type": "string", "description": "direct, or a key of proxies"}


class Attempt(Settings):
    """Ways out that must be closed: every `to` by every port and via, over IPv4 and IPv6."""

    to: Annotated[Texts, AfterValidator(_somewhere)] = Field(
        description="names or addresses: a listener of ours outside, a site not on the list, …"
    )
    port: Port | None = None
    ports: Literal["usual"] | Annotated[tuple[Port, ...], Field(min_length=1, strict=False)] | None = Field(
        default=None, description="several; usual: tcp 22 25 53 80 443 445 853 3389, udp 53 443, and icmp"
    )
    via: Annotated[
        tuple[Proxy | None, ...],
        BeforeValidator(_vias),
        WithJsonSchema({"anyOf": [_VIA, {"type": "array", "items": _VIA, "minItems": 1}]}),
    ] = Field(default=(), description="direct, or names of proxies; direct, unless said")
    protocol: Protocol | None = Field(
        default=None,
        description="tcp directly and http through a proxy, unless said: tcp there is CONNECT; http is CONNECT to 443 "
        "and a plain request to any other port",
    )
    family: Literal[4, 6] | None = Field(default=None, description="both, unless said")
    alive: Alive | None = Field(default=None, description="instead of control.alive, for these targets and ports")
    says: str | None = Field(
        default=None,
        min_length=1,
        description="what the target itself says, where a firewall or resolver may answer in its place",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.ports == "usual":
            if self.port is not None or self.protocol is not None or self.proxied:
                raise ValueError("ports: usual is direct and names its protocols: give no port, protocol or via")
            return self
        if self.port is not None and self.ports is not None:
            raise ValueError("give either port or ports")
        if self.protocol == "icmp":
            if self.numbers:
                raise ValueError("icmp has no ports")
        elif not self.numbers:
            raise ValueError("a port is wanted: port, or ports")
        if self.protocol == "http" and None in self.roads:
            raise ValueError("http goes through a proxy: name it as via")
        if self.protocol in ("udp", "icmp") and self.proxied:
            raise ValueError(f"no proxy takes {self.protocol}: it goes directly")
        if self.family is not None and self.proxied:
            raise ValueError("a proxy chooses the family itself: give none")
        if self.says is not None and (self.proxied or self.protocol == "icmp"):
            raise ValueError("says is for direct connections and datagrams: a ping says nothing, a proxy has its sign")
        self._check_family()
        return self

    def _check_family(self) -> None:
        for each in self.to:
            literal = literal_address(each)
            if self.family is not None and literal is not None and (":" in literal) != (self.family == 6):
                raise ValueError(f"{each} is no IPv{self.family} address")

    @property
    def roads(self) -> tuple[Proxy | None, ...]:
        """The proxies by which it goes; None is directly."""
        return self.via or (None,)

    @property
    def proxied(self) -> bool:
        return any(road is not None for road in self.roads)

    @property
    def numbers(self) -> tuple[int, ...]:
        if isinstance(self.ports, tuple):
            return self.ports
        return (self.port,) if self.port is not None else ()

    @property
    def doors(self) -> tuple[tuple[Protocol | None, int], ...]:
        """(protocol, port); None: as the way is."""
        if self.ports == "usual":
            return USUAL
        if self.protocol == "icmp":
            return (("icmp", 0),)
        return tuple((self.protocol, number) for number in self.numbers)
