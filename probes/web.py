"""A list of web sites that people need, each a unit of its own, directly or through the filtering proxy."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal, Self

import httpx
from pydantic import Field, model_validator

from retabli.model import stages
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import ProxyRef, Tls
from retabli.model.stages import Stage, stage
from retabli.model.words import Words
from retabli.net.own_threads import in_thread
from retabli.net.web import http_causes, proxy_causes
from retabli.net.web.hosts import DENIALS, look_at
from retabli.net.web.http import USER_AGENT, Ask, Fetched, fetch
from retabli.net.web.http_redirects import Follow
from retabli.net.web.http_settings import Cidr, FieldValue, PageExpect, WebAddress, tls_mode_faults, web_openings
from retabli.net.web.http_verdicts import judge_answer, judge_texts, looked_at, page_of
from retabli.net.web.page_text import telephone_numbers
from retabli.net.web.web_targets import TargetsFileRef

DEPENDENCIES = stage("dependencies", fr="hôtes dont la page dépend", en="hosts the page depends on")

SENT_HOME = cause(
    "sent_home",
    Side.CONTENT,
    fr="la page n'existe plus : le site renvoie à son accueil",
    en="the page is gone: the site redirects to its home page",
    look=Words(
        "Chercher la nouvelle adresse de la page et corriger la configuration.",
        "Find the page's new address and correct the configuration.",
    ),
)
PHONE_NUMBERS_MISSING = cause(
    "phone_numbers_missing",
    Side.CONTENT,
    fr="trop peu de numéros de téléphone dans la page",
    en="too few telephone numbers on the page",
)
ISSUER_CHANGED = cause(
    "issuer_changed",
    Side.OURS,
    fr="le certificat vient d'un autre émetteur qu'auparavant",
    en="the certificate is from another issuer than before",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Voir si le site a changé d'autorité, ou si un équipement déchiffre désormais le trafic.",
        "See whether the site changed its authority, or a device now decrypts the traffic.",
    ),
)
DEPENDENCY_DENIED = cause(
    "dependency_denied",
    Side.OURS,
    fr="un hôte dont la page dépend nous est interdit",
    en="a host that the page depends on is denied to us",
    look=Words("Demander l'ouverture de cet hôte aussi.", "Have that host allowed as well."),
)
DEPENDENCY_UNREACHABLE = cause(
    "dependency_unreachable",
    Side.PARTNER_DOWN,
    fr="un hôte dont la page dépend ne répond pas",
    en="a host that the page depends on does not answer",
)

HOMES = ("", "/", "/index.html", "/index.htm", "/index.php", "/accueil", "/home")
REMEMBERED = 86_400.0  # seconds for which a changed issuer is told before it is the usual one


class Expect(PageExpect):
    min_phone_numbers: int = Field(default=0, ge=0, description="different French telephone numbers on the page")


class Web(Probe):
    """Rungs of a proxied plain site: there is no CONNECT to it, so a proxy's denial shows as its response."""

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.PROXY,
        stages.TLS,
        stages.REQUEST,
        stages.RESPONSE,
        stages.CONTENT,
        DEPENDENCIES,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        *http_causes.CAUSES,
        *proxy_causes.CAUSES,
        SENT_HOME,
        PHONE_NUMBERS_MISSING,
        ISSUER_CHANGED,
        DEPENDENCY_DENIED,
        DEPENDENCY_UNREACHABLE,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Des sites web répondent, avec le contenu attendu ; chaque adresse est une unité.",
        "Web sites answer with what is expected of them; each address is a unit.",
    )

    kind: Literal["web"]
    targets: tuple[WebAddress, ...] = Field(default=(), strict=False, description="web addresses")
    targets_file: TargetsFileRef | None = Field(default=None, description="a file of them: one a line, # comments")
    expect: Expect = Expect()
    proxy: ProxyRef | None = None
    tls: Tls = Tls()
    follow: Follow = Field(default="same_host", description="which redirects are followed")
    sinkholes: tuple[Cidr, ...] = Field(
        default=(), strict=False, description="networks in which the resolver's filter answers"
    )
    depends: tuple[WebAddress, ...] = Field(
        default=(), strict=False, description="what the pages draw from: looked at as far as TLS, with every target"
    )
    max_body: int = Field(default=1_048_576, ge=1, le=16_777_216, description="bytes of a page that are read")
    user_agent: FieldValue = USER_AGENT

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        targets = self.targets_of()
        if not targets:
            raise ValueError("no site is named: give targets, or targets_file")
        repeated = sorted({target for target in targets if targets.count(target) > 1})
        if repeated:
            raise ValueError(f"named more than once: {', '.join(repeated)}")
        return self

    def targets_of(self) -> tuple[str, ...]:
        return self.targets + (self.targets_file.targets if self.targets_file is not None else ())

    @property
    def _plain(self) -> bool:
        return all(target.lower().startswith("http:") for target in self.targets_of())

    @property
    def brief(self) -> bool:
        return self._plain

    def climbs(self) -> tuple[Stage, ...]:
        left_out = [
            (stages.PROXY, self.proxy is None or self._plain),
            (stages.TLS, self._plain and self.follow == "nowhere"),
            (DEPENDENCIES, not self.depends),
        ]
        return tuple(rung for rung in self.LADDER if (rung, True) not in left_out)

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield from web_openings((*self.targets_of(), *self.depends), self.proxy)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from tls_mode_faults(self.tls)
        if self.proxy is not None and self.sinkholes:
            yield "sinkholes mean nothing through a proxy, which resolves the sites' names itself"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        if "mozilla" in self.user_agent.lower():
            yield "user_agent pretends to be a browser: a site that keeps robots out is better asked to let us in"
        if len(self.targets_of()) == 1 and not self.expect.text and not self.expect.min_phone_numbers:
            yield "no expect.text: a page of excuses that comes with status 200 would count as the site"

    async def run(self, ladder: Ladder) -> None:
        target = ladder.target if ladder.target is not None else self.targets_of()[0]
        ask = self._ask()

        def judge(fetched: Fetched) -> None:
            judge_answer(fetched, self.expect, proxy=self.proxy, authorised=False)
            if fetched.redirects and _is_home(fetched.url) and not _is_home(target):
                raise Fall(SENT_HOME, f"sent to {fetched.url}")

        fetched = await fetch(ladder, target, ask, judge)
        with ladder.rung(stages.CONTENT):
            await self._judge_content(fetched)
        if fetched.tunnelled and self.expect.issuer is None:
            watch_issuer(ladder, fetched.issuer)
        if self.depends:
            with ladder.rung(DEPENDENCIES):
                await self._judge_dependencies(ask)

    def _ask(self) -> Ask:
        return Ask(
            user_agent=self.user_agent,
            tls=self.tls,
            proxy=self.proxy,
            resolver=self.resolver,
            follow=self.follow,
            most=self.max_body,
            issuer=self.expect.issuer,
            sinkholes=self.sinkholes,
            final=self.expect.wants,
        )

    async def _judge_content(self, fetched: Fetched) -> None:
        wanted = self.expect.min_phone_numbers
        if not self.expect.text and not wanted:
            return
        page = await page_of(fetched)
        await judge_texts(fetched, page, self.expect)
        if wanted:
            found = len(await in_thread(telephone_numbers, page))
            if found < wanted:
                raise Fall(PHONE_NUMBERS_MISSING, f"{found} of at least {wanted}{looked_at(fetched)}")

    async def _judge_dependencies(self, ask: Ask) -> None:
        """Each host that the page draws from; the first that fails is named."""
        for url, fall in await look_at(self.depends, replace(ask, issuer=None)):
            detail = f"{httpx.URL(url).host}: {fall.cause.code} {fall.detail}"
            if fall.cause in DENIALS:
                raise Fall(DEPENDENCY_DENIED, detail)
            failed = fall.cause.verdict is Verdict.FAILED
            raise Fall(DEPENDENCY_UNREACHABLE if failed else fall.cause, detail)


def _is_home(url: str) -> bool:
    parsed = httpx.URL(url)
    return not parsed.query and parsed.path.lower().rstrip("/") in (home.rstrip("/") for home in HOMES)


def watch_issuer(ladder: Ladder, issuer: str) -> None:
    """Tell for a day that a site's certificate comes from elsewhere than it used to; then that is the usual place.

    Organisations are compared where they are known: an authority's intermediates take turns.
    """
    named = issuer.rpartition("(")[2].rstrip(")") if issuer.endswith(")") else issuer
    memory = ladder.memory
    known = memory.get("issuer")
    if not named:
        return
    if not isinstance(known, str) or named == known:
        memory["issuer"] = named
        memory.pop("new_issuer", None)
        return
    new = memory.get("new_issuer")
    if not isinstance(new, dict) or new.get("name") != named:
        new = memory["new_issuer"] = {"name": named, "since": ladder.wall()}
    if ladder.wall() - new["since"] >= REMEMBERED:
        memory["issuer"] = named
        del memory["new_issuer"]
        return
    ladder.impair(ISSUER_CHANGED, f'by "{issuer}"; by "{known}" before')
