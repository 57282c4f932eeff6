"""Any service over HTTP: a request, and the status, header fields and texts that its answer must have."""

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, WithJsonSchema, field_validator

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.probe import Probe
from retabli.model.settings import ProxyRef, Secret, SecretRef, Tls
from retabli.model.stages import Stage
from retabli.net.web import http_causes, proxy_causes
from retabli.net.web.http import USER_AGENT, Ask, Fetched, fetch
from retabli.net.web.http_causes import HEADER_MISSING, TEXT_FORBIDDEN
from retabli.net.web.http_messages import OWN_FIELDS, TOKEN
from retabli.net.web.http_redirects import Follow
from retabli.net.web.http_settings import (
    FieldValue,
    PageExpect,
    Pattern,
    Texts,
    WebAddress,
    check_field_value,
    tls_mode_faults,
    web_openings,
)
from retabli.net.web.http_verdicts import judge_answer, judge_texts, missing_from, page_of

# Fields that let in whoever knows them: never in clear in a configuration.
SENSITIVE = ("authorization", "cookie", "x-api-key", "x-auth-token", "apikey", "private-token")
HeaderValue = Annotated[
    FieldValue | SecretRef,
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "description": "a secret, by name"}]}),
]


def _text_of(value: str | Secret) -> str:
    if isinstance(value, str):
        return value
    try:
        return check_field_value(value.text())
    except ValueError:
        raise Fall(causes.SECRET_UNREADABLE, f"{value.place} holds what no header can") from None


class Expect(PageExpect):
    absent_text: Texts = ()
    header: dict[str, Pattern] = Field(default={}, description="name: regular expression that its value must hold")


class Http(Probe):
    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.PROXY,
        stages.TLS,
        stages.REQUEST,
        stages.RESPONSE,
        stages.CONTENT,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        causes.AUTH_REFUSED,
        *http_causes.CAUSES,
        HEADER_MISSING,
        TEXT_FORBIDDEN,
        *proxy_causes.CAUSES,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un service HTTP répond comme attendu : statut, en-têtes, textes.",
        "An HTTP service answers as expected: status, header fields, texts.",
    )

    kind: Literal["http"]
    url: WebAddress
    method: Literal["GET", "HEAD", "OPTIONS", "POST"] = "GET"
    headers: dict[str, HeaderValue] = Field(default={}, description="a value may be a secret: {file: …}")
    body: str | None = Field(default=None, max_length=1_000_000)
    expect: Expect = Expect()
    proxy: ProxyRef | None = None
    tls: Tls = Tls()
    follow: Follow = Field(default="same_host", description="which redirects are followed")
    max_body: int = Field(default=1_048_576, ge=1, le=16_777_216, description="bytes of the body that are read")
    user_agent: FieldValue = USER_AGENT

    @field_validator("headers", mode="after")
    @classmethod
    def _check_headers(cls, headers: dict[str, str | Secret]) -> dict[str, str | Secret]:
        for name, value in headers.items():
            if not TOKEN.fullmatch(name):
                raise ValueError(f'"{name}" is no name of a header')
            lowered = name.lower()
            if lowered in OWN_FIELDS or lowered.startswith("proxy-") or lowered == "accept-encoding":
                raise ValueError(f"{name} is not for a configuration to set")
            if lowered in SENSITIVE and isinstance(value, str):
                raise ValueError(
                    f"{name} is a secret: name where it is, as {{file: …}}, {{env: …}} or {{credential: …}}"
                )
        return headers

    @property
    def _plain(self) -> bool:
        return self.url.lower().startswith("http:")

    @property
    def brief(self) -> bool:
        return self._plain

    def climbs(self) -> tuple[Stage, ...]:
        left_out = [stages.PROXY] if self.proxy is None or self._plain else []
        if self._plain and self.follow == "nowhere":
            left_out.append(stages.TLS)
        return tuple(stage for stage in self.LADDER if stage not in left_out)

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield from web_openings((self.url,), self.proxy)

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from tls_mode_faults(self.tls)
        if self.body is not None and self.method in ("GET", "HEAD"):
            yield f"a {self.method} has no body: set method: POST"
        if self.method == "HEAD" and (self.expect.text or self.expect.absent_text):
            yield "a HEAD has no page in which a text could be looked for"

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        if "mozilla" in self.user_agent.lower():
            yield "user_agent pretends to be a browser: a site that keeps robots out is better asked to let us in"
        if self.url.lower().startswith("http:") and any(name.lower() in SENSITIVE for name in self.headers):
            yield "a secret is sent in clear: the address begins with http://"

    async def run(self, ladder: Ladder) -> None:
        authorised = any(name.lower() in SENSITIVE for name in self.headers)

        def judge(fetched: Fetched) -> None:
            judge_answer(fetched, self.expect, proxy=self.proxy, authorised=authorised)

        fetched = await fetch(ladder, self.url, self._ask(), judge)
        with ladder.rung(stages.CONTENT):
            await self._judge_content(fetched)

    def _ask(self) -> Ask:
        return Ask(
            method=self.method,
            headers=tuple((name, _text_of(value)) for name, value in self.headers.items()),
            body=(self.body or "").encode(),
            user_agent=self.user_agent,
            tls=self.tls,
            proxy=self.proxy,
            resolver=self.resolver,
            follow=self.follow,
            most=self.max_body,
            issuer=self.expect.issuer,
            final=self.expect.wants,
        )

    async def _judge_content(self, fetched: Fetched) -> None:
        for name, pattern in self.expect.header.items():
            value = fetched.headers.get(name)
            if value is None or not re.search(pattern, value):
                raise Fall(HEADER_MISSING, f"{name}: {'none' if value is None else value}")
        if not self.expect.text and not self.expect.absent_text:
            return
        page = await page_of(fetched)
        await judge_texts(fetched, page, self.expect)
        absent = self.expect.absent_text
        missing = await missing_from(page, absent)
        present = [text for text in absent if text not in missing]
        if present:
            raise Fall(TEXT_FORBIDDEN, f'"{present[0]}"')
