"""How the kinds that speak HTTP come to a site, an engine, a recogniser or a proxy."""

import json
import time
from functools import partial
from typing import Any

from probes.http import Http
from probes.promql import Promql
from probes.speech import Speech
from probes.web import Web
from retabli.model.settings import Proxy
from retabli.net.speech.recording import WORDS
from tests.climbing import settings
from tests.hostile.grounds import HERE, Grounds, Ready
from tests.hostile.ways import Way
from tests.net.metrics_engine import engine, vector
from tests.net.peers import serving
from tests.net.web_servers import page, proxy, site
from tests.net.websocket_servers import TEXT, frame, upgrading

WELL = page("<h1>Annuaire</h1>")
LISTENS = page(json.dumps({"text": WORDS}))


async def http(grounds: Grounds, *, tls: bool = False) -> Ready:
    running = await grounds.stack.enter_async_context(site(WELL, tls=grounds.identity() if tls else None))
    keys: dict[str, Any] = {"expect": {"text": "Annuaire"}, "timeout": grounds.timeout}
    keys |= {"tls": grounds.trust()} if tls else {}
    return Ready(lambda port: settings(Http, url=f"http{'s' if tls else ''}://{HERE}:{port}/", **keys), running.port)


async def proxied(grounds: Grounds, *, tls: bool = False) -> Ready:
    """The proxy is what is met; the site behind it is well."""
    running = await grounds.stack.enter_async_context(site(WELL, tls=grounds.identity() if tls else None))
    gate = await grounds.stack.enter_async_context(proxy())
    keys: dict[str, Any] = {"expect": {"text": "Annuaire"}, "timeout": grounds.long_enough_to_doubt}
    keys |= {"tls": grounds.trust()} if tls else {}

    def probe(port: int) -> Http:
        ways = {"proxies": {"main": Proxy(name="main", url=f"http://{HERE}:{port}")}}
        return settings(Http, url=running.url(), proxy="main", context=ways, **keys)

    return Ready(probe, gate.port)


async def web(grounds: Grounds) -> Ready:
    running = await grounds.stack.enter_async_context(site(WELL))

    def url(port: int) -> str:
        return f"http://{HERE}:{port}/"

    def probe(port: int) -> Web:
        return settings(Web, targets=[url(port)], expect={"text": "Annuaire"}, timeout=grounds.timeout)

    return Ready(probe, running.port, target=url)


async def promql(grounds: Grounds) -> Ready:
    running = await grounds.stack.enter_async_context(engine(vector("1"), vector(f"{time.time():.3f}")))
    query = 'retabli_flow_restored{flow="mail-out"}'
    return Ready(
        lambda port: settings(Promql, url=f"http://{HERE}:{port}", query=query, timeout=grounds.timeout), running.port
    )


async def speech(grounds: Grounds) -> Ready:
    running = await grounds.stack.enter_async_context(site(LISTENS))
    return Ready(lambda port: settings(Speech, url=f"http://{HERE}:{port}/", timeout=grounds.timeout), running.port)


async def spoken(grounds: Grounds) -> Ready:
    """Over WebSocket."""
    listening = upgrading(frame(TEXT, json.dumps({"text": WORDS})), until=b"eof")
    well = await grounds.stack.enter_async_context(serving(listening))
    keys: dict[str, Any] = {"websocket": {"end": '{"eof": 1}'}, "timeout": grounds.timeout}
    return Ready(lambda port: settings(Speech, url=f"ws://{HERE}:{port}/listen", **keys), well)


WAYS = (
    Way("http", "http", "http", http, 1),
    Way("https", "http", "http", partial(http, tls=True), 2, tls=True),
    Way("http_proxied", "http", "http", proxied, 1),
    Way("https_proxied", "http", "http", partial(proxied, tls=True), 3),
    Way("web", "web", "http", web, 1),
    Way("promql", "promql", "http", promql, 2),
    Way("speech", "speech", "http", speech, 1),
    Way("speech_websocket", "speech", "websocket", spoken, 2),
)
