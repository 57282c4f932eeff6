"""How `containment` meets whoever stands at a door, a filter or a control: none of them may make it say "closed"."""

from functools import partial
from typing import Any

from probes.containment import Containment
from retabli.model.settings import Proxy
from tests.climbing import settings
from tests.hostile.grounds import HERE, Grounds, Ready
from tests.hostile.ways import Way
from tests.kinds.doors import BLOCKED, DECLARED, shut
from tests.net.metrics_engine import engine, vector
from tests.net.peers import echoing, serving
from tests.net.web_servers import proxy


async def _path(grounds: Grounds) -> dict[str, Any]:
    """A control that passes: we can get out of here."""
    return {"to": HERE, "port": await grounds.stack.enter_async_context(serving(echoing))}


async def direct(grounds: Grounds, *, page: bool = False, **attempt: Any) -> Ready:
    """The door that must be shut opens to the hostile server. Both controls pass. `page`: a filter's page is known."""
    control = {"path": await _path(grounds), "alive": DECLARED}
    known = {"deny_page": {"header": "X-Filter: deny"}} if page else {}

    def probe(port: int) -> Containment:
        attempts = [{"to": HERE, "port": port, **attempt}]
        return settings(Containment, attempts=attempts, control=control, timeout=grounds.timeout, **known)

    return Ready(probe, await grounds.stack.enter_async_context(serving(echoing)))


async def by_proxy(grounds: Grounds, *, number: int) -> Ready:
    """The filtering proxy is hostile: it neither denies as it is known to, nor lets through. Both controls pass."""
    control = {"path": await _path(grounds), "alive": DECLARED}
    gate = await grounds.stack.enter_async_context(proxy(denies=BLOCKED))

    def probe(port: int) -> Containment:
        denied = {"status": [403], "header": "X-Filter: deny"}
        main = Proxy.model_validate({"name": "main", "url": f"http://{HERE}:{port}", "denied": denied})
        attempts = [{"to": "random.invalid", "ports": [number], "via": "main"}]
        keys = {"attempts": attempts, "control": control, "timeout": grounds.timeout}
        return settings(Containment, context={"proxies": {"main": main}}, **keys)

    return Ready(probe, gate.port)


async def alive(grounds: Grounds) -> Ready:
    """The door is shut, and who should know whether the target is alive is hostile: nothing is proven."""
    path = await _path(grounds)
    running = await grounds.stack.enter_async_context(engine(vector("1")))
    door = shut()

    def probe(port: int) -> Containment:
        asked = {"promql": {"url": f"http://{HERE}:{port}", "query": "canary_up"}}
        return settings(Containment, **door, control={"path": path, "alive": asked}, timeout=grounds.timeout)

    return Ready(probe, running.port)


WAYS = (
    Way("containment", "containment", "door", direct, 0),
    Way("containment_page", "containment", "door", partial(direct, page=True), 1),
    Way("containment_says", "containment", "door", partial(direct, says="we"), 1),
    Way("containment_proxy", "containment", "http", partial(by_proxy, number=80), 1),
    Way("containment_tunnel", "containment", "http", partial(by_proxy, number=443), 1),
    Way("containment_alive", "containment", "http", alive, 2),
)
