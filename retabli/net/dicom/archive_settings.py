"""What kinds that visit an archive over the web share in their settings: the road, and the account."""

from collections.abc import Iterator, Sequence

from retabli.model import stages
from retabli.model.settings import Proxy, Secret, Tls
from retabli.model.stages import Stage
from retabli.net.web.http_settings import tls_mode_faults


def road(url: str, proxy: Proxy | None, ladder: Sequence[Stage]) -> tuple[Stage, ...]:
    """The ladder without the rungs that this address has not. TLS stays: a redirect may step up to it."""
    tunnelled = proxy is not None and not url.lower().startswith("http:")
    return tuple(stage for stage in ladder if stage is not stages.PROXY or tunnelled)


def archive_faults(
    url: str, tls: Tls, user: str | None, password: Secret | None, token: Secret | None
) -> Iterator[str]:
    """What is wrong in how an archive is named, and how we present ourselves there."""
    if "?" in url or "#" in url:
        yield "url is the DICOMweb root: paths and queries are added to it, so that it holds neither ? nor #"
    yield from tls_mode_faults(tls)
    if (user is None) != (password is None):
        yield "user and password go together"
    if user is not None and token is not None:
        yield "either user and password or a token is presented, not both"
    if user is not None and ":" in user:
        yield "a user's name with a colon cannot be presented (RFC 7617)"


def sent_in_clear(url: str, user: str | None, token: Secret | None) -> Iterator[str]:
    if url.lower().startswith("http:") and (user is not None or token is not None):
        yield "a secret is sent in clear: the address begins with http://"
