"""What the receiving server found of SPF, DKIM and DMARC: the Authentication-Results header (RFC 8601)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

METHODS = ("spf", "dkim", "dmarc")
# The words that RFC 8601, section 2.7, knows for the three; another word is a server's own, and no label of ours.
RESULTS = frozenset(
    {"none", "pass", "fail", "policy", "neutral", "temperror", "permerror", "softfail", "bestguesspass", "hardfail"}
)
_COMMENT = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"?')  # one that is never closed takes the rest: nothing is looked at twice
_RESULT = re.compile(r"^([a-z0-9-]{1,32})\s*(?:/\s*\d+\s*)?=\s*([a-z]{1,32})", re.IGNORECASE)
LENGTH = 8192  # of one header; the rest is not read
NESTING = 8  # comments within comments


@dataclass(frozen=True, slots=True)
class Authentication:
    """The receiving server's findings: `by` is its authserv-id, None when it said nothing that is to be believed."""

    by: str | None = None
    results: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return " ".join(f"{method}={result}" for method, result in self.results.items())


def read(headers: Sequence[str], trusted: str | None = None) -> Authentication:
    """What `trusted` says in these headers, topmost first; without a name, what the topmost server says.

    A message can bring such headers of its own: only the receiving server's count (RFC 8601, sections 1.6 and 5).
    Of a method with several results the best stands: one good DKIM signature of several is enough.
    """
    by: str | None = trusted.lower() if trusted else None
    results: dict[str, str] = {}
    heard = False
    for header in headers:
        server, findings = _parse(header)
        if by is None:
            by = server
        if server != by:
            if trusted is None:
                break  # below the receiving server's own: what the message brought along
            continue
        heard = True
        for method, result in findings:
            if results.get(method) != "pass":
                results[method] = result
    if not heard or not by:
        return Authentication()
    ordered = {method: results[method] for method in METHODS if method in results}
    return Authentication(by, MappingProxyType(ordered))


def _parse(header: str) -> tuple[str, list[tuple[str, str]]]:
    text = _QUOTED.sub("", " ".join(header[:LENGTH].split()))
    for _ in range(NESTING):
        text, found = _COMMENT.subn(" ", text)
        if not found:
            break
    server, *parts = text.split(";")
    words = server.split()
    findings = []
    for part in parts:
        match = _RESULT.match(part.strip())
        if match and match[1].lower() in METHODS and match[2].lower() in RESULTS:
            findings.append((match[1].lower(), match[2].lower()))
    return (words[0].lower() if words else ""), findings
