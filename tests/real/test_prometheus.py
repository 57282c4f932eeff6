"""The kind `promql` against a real Prometheus, which scrapes itself and an exporter of the test's that may die."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from probes.promql import Promql
from retabli.model.ladder import Fall
from retabli.model.result import Result
from retabli.net.web import promql
from retabli.net.web.promql_settings import PromqlQuery
from tests.climbing import climb, settings
from tests.net.peers import closed_port
from tests.real.servers import Server, accepts
from tests.said import told

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]

RESTORED = 'retabli_flow_restored{flow="mail-out"}'
CONFIGURATION = """
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
scrape_configs:
  - job_name: self
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: daemon
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
  - job_name: stamped
    metrics_path: /stamped
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
"""


class Exporter:
    """Another daemon's /metrics. What is at /stamped bears a time of its own: that minute ago, whenever it is asked."""

    def __init__(self) -> None:
        self.restored = "1"
        self.unknown = "0"
        self.port = closed_port()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/stamped":
                    text = f"old_sample 1 {int(time.time() - 60) * 1000}\n"
                else:
                    text = (
                        f'retabli_flow_restored{{flow="mail-out"}} {exporter.restored}\n'
                        f'retabli_flow_state{{flow="mail-out",state="unknown"}} {exporter.unknown}\n'
                    )
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass
class Metrics:
    """A running Prometheus and the daemon that it scrapes."""

    server: Server
    exporter: Exporter
    url: str

    async def ask(self, query: str = RESTORED, **keys: Any) -> Result:
        return await climb(settings(Promql, url=self.url, query=query, **keys))

    async def until(self, cause: str | None, query: str = RESTORED, **keys: Any) -> Result:
        """Ask until that is the cause: Prometheus scrapes at its own rhythm."""
        async with asyncio.timeout(15):
            while told(result := await self.ask(query, **keys))[2] != cause:
                await asyncio.sleep(0.05)
        return result


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    folder = tmp_path_factory.mktemp("prometheus")
    exporter, port = Exporter(), closed_port()
    exporter.start()
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(port=port, exporter=exporter.port))
    command = [
        *("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--query.timeout=1s"),
    ]
    server = Server(command, lambda: accepts(port), folder / "log", listens=(port,))
    try:
        server.start()
        yield Metrics(server, exporter, f"http://127.0.0.1:{port}")
    finally:
        server.stop()
        exporter.stop()


async def test_one_daemon_follows_another(metrics: Metrics) -> None:
    result = await metrics.until(None)
    assert told(result) == ("ok", "value", None)
    assert 'flow="mail-out"' in result.properties["samples"]
    assert float(result.properties["age"].removesuffix(" s")) < 5
    metrics.exporter.restored = "0"
    result = await metrics.until("unexpected_value")
    assert told(result) == ("failed", "value", "unexpected_value")
    metrics.exporter.restored = "NaN"
    assert told(await metrics.until("sample_not_a_number")) == ("unknown", "value", "sample_not_a_number")
    metrics.exporter.restored = "1"
    assert told(await metrics.until(None))[0] == "ok"


async def test_a_daemon_that_does_not_know_is_unknown_here_too(metrics: Metrics) -> None:
    keys = {"query": f'{RESTORED} unless on(flow) retabli_flow_state{{state="unknown"}} == 1', "samples": RESTORED}
    assert told(await metrics.until(None, **keys)) == ("ok", "value", None)
    metrics.exporter.restored, metrics.exporter.unknown = "0", "1"
    assert told(await metrics.until("series_missing", **keys)) == ("unknown", "evaluated", "series_missing")
    metrics.exporter.unknown = "0"
    assert told(await metrics.until("unexpected_value", **keys)) == ("failed", "value", "unexpected_value")
    metrics.exporter.restored = "1"
    await metrics.until(None, **keys)


async def test_an_expression_is_as_fresh_as_the_series_it_names(metrics: Metrics) -> None:
    await metrics.until(None)
    result = await metrics.ask(query=f"count({RESTORED} == 1)", samples=RESTORED, expect={"equals": 1})
    assert told(result) == ("ok", "value", None)


async def test_a_daemon_that_died_is_unknown_and_so_is_one_never_heard_of(metrics: Metrics) -> None:
    await metrics.until(None)
    metrics.exporter.stop()
    try:
        result = await metrics.until("series_missing")
        assert told(result) == ("unknown", "evaluated", "series_missing")
        masked = await metrics.ask(query=f"{RESTORED} or vector(1)", samples=RESTORED)
        assert told(masked) == ("unknown", "sampled", "series_missing")  # a value that nothing stands behind
    finally:
        metrics.exporter.start()
    assert told(await metrics.ask('up{job="unheard-of"}'))[2] == "series_missing"
    assert told(await metrics.until(None))[0] == "ok"


async def test_a_value_whose_sample_is_old_is_unknown_though_the_engine_gives_it(metrics: Metrics) -> None:
    result = await metrics.until("sample_stale", "old_sample", fresh="30s")
    assert told(result) == ("unknown", "sampled", "sample_stale")
    assert told(await metrics.ask("old_sample", fresh="2m"))[0] == "ok"


async def test_prometheus_tells_of_an_expression_the_time_of_its_evaluation(metrics: Metrics) -> None:
    """Why the age is asked of selectors alone: of what is computed it would always be 0."""
    await metrics.until("sample_stale", "old_sample", fresh="30s")

    async def age(samples: str) -> float:
        query = PromqlQuery(url=metrics.url, query="old_sample", samples=None, fresh=300.0)
        asked = query.model_copy(update={"samples": samples})  # as no configuration may have it
        return (await promql.ask(asked)).age

    assert await age("old_sample") > 50
    assert await age("old_sample == 1") < 1


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ("up ==", "query_refused"),
        ("up * on(job) group_left() {job=~'.+'} * on() up", "query_failed"),
        ("up[1m]", "query_gives_no_numbers"),
        ('"restored"', "query_gives_no_numbers"),
        ("nothing_of_the_kind", "series_missing"),
        ("scalar(nothing_of_the_kind)", "sample_not_a_number"),
    ],
)
async def test_a_query_that_gives_nothing_to_judge_by(metrics: Metrics, query: str, cause: str) -> None:
    await metrics.until(None)
    result = await metrics.ask(query, samples='up{job="self"}')
    assert (result.outcome.value, told(result)[2]) == ("unknown", cause), result.detail


async def test_another_kind_asks_without_a_ladder(metrics: Metrics) -> None:
    await metrics.until(None)
    query = PromqlQuery(url=metrics.url, query=RESTORED)
    promql.judge(await promql.ask(query), query.expect)
    with pytest.raises(Fall) as raised:
        await promql.ask(PromqlQuery(url=metrics.url, query='up{job="unheard-of"}'))
    assert raised.value.detail == "evaluated: no series"


async def test_an_engine_that_is_frozen_or_stopped_says_nothing_of_the_flow(metrics: Metrics) -> None:
    metrics.server.freeze()
    try:
        result = await metrics.until("engine_unreachable", timeout="1s")  # its threads stop within moments
    finally:
        metrics.server.thaw()
    assert told(result) == ("unknown", "response", "engine_unreachable")
    assert result.detail == "timeout"
    metrics.server.stop()
    try:
        result = await metrics.ask()
    finally:
        metrics.server.start()
    assert told(result) == ("unknown", "connect", "engine_unreachable")
    assert "refused" in result.detail
    assert told(await metrics.until(None))[0] == "ok"


async def test_what_is_no_engine(metrics: Metrics, tmp_path: Path) -> None:
    result = await climb(settings(Promql, url=f"{metrics.url}/graph/", query="up"))
    assert told(result) == ("unknown", "evaluated", "not_an_engine")
