"""A value that a Prometheus-compatible engine knows, and that must be as expected: how one daemon follows others."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.stages import Stage
from retabli.net.web import promql, promql_causes
from retabli.net.web.http_settings import web_openings
from retabli.net.web.promql_settings import PromqlQuery


class Promql(Probe, PromqlQuery):
    """`retabli_flow_restored{flow="mail-out"}` of another daemon: 1 is ok, 0 is failed, no series is unknown.

    Only a whole, fresh value that is not as expected is a failure. An engine that does not answer, a partial answer,
    an old value, none, or NaN is unknown. That series is 0 too while the other daemon itself does not know; where this
    is to be unknown here as well:

        query: retabli_flow_restored{flow="mail-out"} unless on(flow) retabli_flow_state{state="unknown"} == 1
        samples: retabli_flow_restored{flow="mail-out"}
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        stages.RESOLVE,
        stages.CONNECT,
        stages.PROXY,
        stages.TLS,
        stages.REQUEST,
        stages.RESPONSE,
        promql.EVALUATED,
        promql.SAMPLED,
        promql.VALUE,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (causes.SECRET_UNREADABLE, *promql_causes.CAUSES)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un moteur compatible avec Prometheus connaît une valeur récente, et elle est celle attendue.",
        "A Prometheus-compatible engine knows a recent value, and it is the expected one.",
    )

    kind: Literal["promql"]

    def climbs(self) -> tuple[Stage, ...]:
        return (*promql.query_stages(self), promql.VALUE)

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield from web_openings((self.url,), self.proxy)

    def warnings(self) -> Iterator[str]:
        yield from super().warnings()
        if self.plain and (self.user is not None or self.bearer is not None):
            yield "a secret is sent in clear: the address begins with http://"

        if "retabli_flow_restored" in self.query and "retabli_flow_state" not in self.query:
            yield (
                "retabli_flow_restored is 0 too while that daemon does not know: append "
                'unless on(flow) retabli_flow_state{state="unknown"} == 1, and name the series in samples'
            )

    async def run(self, ladder: Ladder) -> None:
        answer = await promql.ask(self, ladder=ladder, resolver=self.resolver)
        with ladder.rung(promql.VALUE):
            promql.judge(answer, self.expect)
