"""View and metrics behind the real pipeline: what it decides is what they show, at once."""

import json

from prometheus_client import CollectorRegistry

from retabli.metrics import Figures, Metrics
from retabli.pipeline import Outlet, Pipeline
from retabli.view import Site, View
from tests.restoration.worlds import TELL, Memory, World, flow


async def test_a_flow_that_is_restored_and_drops_is_shown_so_by_both() -> None:
    world = World(flow(rise=2, soak=10.0, fall=2))
    view = View(Site("CHU"), wall=lambda: world.wall_time)
    metrics = Metrics(Figures(CollectorRegistry(), version="0", standpoint="inside"))
    outlets: list[Outlet] = [view, metrics]
    world.pipeline = Pipeline(Memory(), outlets, TELL, clock=lambda: world.now, wall=lambda: world.wall_time)
    await world.begin()

    async def shown() -> tuple[str, bool]:
        page = b"".join([piece async for piece in metrics.page()]).decode()
        state = json.loads(view.form("mail-out") or b"{}")["state"]
        assert f'retabli_flow_state{{flow="mail-out",state="{state}"}} 1' in page, "both say the same"
        return state, 'retabli_flow_page_open{flow="mail-out",reason="dropped"} 1' in page

    assert await shown() == ("unknown", False)
    await world.ok(3, apart=30.0)
    assert await shown() == ("restored", False)
    await world.fail(2, apart=30.0)
    assert await shown() == ("dropped", True)
    assert [str(each.entry.event) for each in view.entries(limit=2)] == ["page", "state"]
    await world.pass_time(600.0)
    assert (await shown())[0] == "unknown", "stale evidence is not shown as it was"
    assert metrics.blackbox("mail-out/p0") == "# the outcome is unknown\n"
