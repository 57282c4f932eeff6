"""The page in a real browser: first paint, size, event to open page; and what two hundred open pages cost.

`python -m bench.pages [--flows 1000] [--pages 200] [--times 7]` prints the figures; it tests nothing. Needs Chromium.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser

from bench.scale import configuration, flows
from bench.targets import Targets, raise_descriptors, serving
from bench.whole import cpu, resident
from tests.browser.chromium import chromium
from tests.daemon.living import Post
from tests.entrance import ENTRANCE, ROOT
from tests.net.peers import closed_port

PATIENCE = 60.0  # seconds
SPAN = 20.0  # seconds over which the cost of open pages is taken
SWITCHED = "switched"

# What the browser itself measured of the page it has just drawn (Paint Timing, Resource Timing).
MEASURED = """() => new Promise((resolve) => {
  const told = () => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    if (!paint) { setTimeout(told, 20); return; }
    const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const of = (each) => ({size: each.transferSize, plain: each.decodedBodySize});
    resolve({
      paint: paint.startTime,
      answered: performance.getEntriesByType("navigation")[0].responseEnd,
      elements: document.querySelectorAll("*").length,
      page: of(all[0]),
      rest: all.slice(1).filter((each) => !each.name.includes("/live")).map(of),
    });
  };
  told();
})"""
# When a flow's row was last replaced by one in another state, by the clock that both share.
MOVED = """(flow) => {
  window.moves = [];
  let before = document.querySelector(`[data-flow="${flow}"]`).dataset.state;
  new MutationObserver(() => {
    const state = document.querySelector(`[data-flow="${flow}"]`).dataset.state;
    if (state !== before) window.moves.push([state, performance.timeOrigin + performance.now()]);
    before = state;
  }).observe(document.querySelector("main"), {subtree: true, childList: true, attributes: true});
}"""


@asynccontextmanager
async def daemon(*words: str, port: int) -> AsyncIterator[tuple[int, str]]:
    """Its process id, and where it answers."""
    process = await asyncio.create_subprocess_exec(*ENTRANCE, *words, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"{url}/-/healthy")
                    break
                await asyncio.sleep(0.05)  # another process: there is nothing here to await
        yield process.pid, url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def say(name: str, figure: str) -> None:
    print(f"  {name:30}{figure}")


async def paint(browser: Browser, url: str, times: int) -> None:
    """`/` in a browser that has never been there, several times over."""
    seen: list[dict[str, Any]] = []
    for _ in range(times):
        context = await browser.new_context(viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        await page.goto(f"{url}/")
        seen.append(await page.evaluate(MEASURED))
        await context.close()
    paints = [each["paint"] for each in seen]
    say("first contentful paint", f"{statistics.median(paints):.0f} ms, {max(paints):.0f} ms at most of {times}")
    say("the page was whole after", f"{statistics.median(each['answered'] for each in seen):.0f} ms")
    last = seen[-1]
    rest = sum(each["size"] for each in last["rest"])
    say("on the wire", f"{last['page']['size'] / 1e3:.1f} kB, and {rest / 1e3:.1f} kB of {len(last['rest'])} files")
    say("unpacked", f"{last['page']['plain'] / 1e3:.0f} kB, {last['elements']} elements")


async def render(url: str, times: int) -> None:
    """The server's own part, on a connection that stands."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, headers={"accept-encoding": "gzip"}) as client:
        took = []
        for _ in range(times + 1):
            began = time.perf_counter()
            (await client.get("/")).raise_for_status()
            took.append((time.perf_counter() - began) * 1e3)
    say("asked for → last byte", f"{statistics.median(took[1:]):.0f} ms, {max(took[1:]):.0f} ms at most of {times}")


async def event(browser: Browser, url: str, post: Post, times: int) -> None:
    """From the stamp of a change of state to its row in an open page."""
    delays = []
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{url}/")
    await page.evaluate(MOVED, SWITCHED)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        for number in range(times):
            await (post.start() if number % 2 == 0 else post.stop())
            state = "restored" if number % 2 == 0 else "dropped"
            await page.locator(f"[data-flow='{SWITCHED}'][data-state='{state}']").wait_for(timeout=PATIENCE * 1e3)
            since = (await client.get(f"/api/v1/flows/{SWITCHED}")).json()["since"]
            told = await page.evaluate("(since) => Date.parse(since)", since)
            delays.append(dict(await page.evaluate("window.moves"))[state] - told)
    await post.stop()
    await context.close()
    say("event → open page", f"{statistics.median(delays):.0f} ms, {max(delays):.0f} ms at most of {times}")


async def listen(url: str, counts: list[int]) -> None:
    """An open page, as far as the daemon is concerned."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(
            f"GET /live?lang=fr&since=0 HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        while data := await reader.read(1 << 16):
            counts[0] += len(data)
    finally:
        writer.close()


async def crowd(pid: int, url: str, pages: int) -> None:
    """What so many open pages cost the daemon beyond what it does anyhow."""
    await asyncio.sleep(2.0)
    alone = await share(pid)
    counts = [0]
    readers = [asyncio.create_task(listen(url, counts)) for _ in range(pages)]
    await asyncio.sleep(5.0)  # each is told once of everything
    counts[0] = 0
    together = await share(pid)
    told = counts[0] / pages / SPAN
    memory = resident(pid)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    say(f"{pages} open pages", f"{together - alone:.1f} % of a core ({alone:.1f} % without, {together:.1f} % with)")
    say("told to each", f"{told / 1e3:.2f} kB a second; the daemon holds {memory:.0f} MiB")


async def share(pid: int) -> float:
    """Per cent of one core that the process uses."""
    used, began = cpu(pid), time.monotonic()
    await asyncio.sleep(SPAN)
    return (cpu(pid) - used) / (time.monotonic() - began) * 100


async def many(browser: Browser, folder: Path, targets: Targets, options: argparse.Namespace) -> None:
    port, post = closed_port(), Post()
    path = folder / "bench.yaml"
    quick = "intent: open, rise: 1, soak: 0s, fall: 1, every: 300ms, timeout: 300ms"
    probe = f"{{p: {{kind: tcp, host: 127.0.0.1, port: {post.port}}}}}"
    path.write_text(
        configuration(flows(targets, options.flows - 1, 30.0))
        + f'  {SWITCHED}: {{title: Switched, {quick}, probes: {probe}}}\nweb: {{listen: "127.0.0.1:{port}"}}\n'
    )
    async with daemon("run", "--config", str(path), "--log-level", "error", port=port) as (pid, url):
        await asyncio.sleep(32.0)  # every flow was tried once
        print(f"{options.flows} flows, every 30 s")
        await render(url, options.times)
        await paint(browser, url, options.times)
        await event(browser, url, post, options.times)
        await crowd(pid, url, options.pages)


async def few(browser: Browser, options: argparse.Namespace) -> None:
    port = closed_port()
    words = ("demo", "--hold", "--listen", f"127.0.0.1:{port}", "--lang", "fr", "--log-level", "error")
    async with daemon(*words, port=port) as (pid, url):
        await asyncio.sleep(8.0)  # everything was tried a few times
        print("the demo, each flow every 2 to 3 s, the simulated hospital in the same process")
        await render(url, options.times)
        await paint(browser, url, options.times)
        await crowd(pid, url, options.pages)


async def measure(options: argparse.Namespace, targets: Targets) -> None:
    with tempfile.TemporaryDirectory(prefix="retabli-bench-") as folder:
        async with chromium() as browser:
            print(f"Python {platform.python_version()}, Chromium {browser.version}, {os.cpu_count()} cores")
            await few(browser, options)
            await many(browser, Path(folder), targets, options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=200, help="open at once")
    parser.add_argument("--times", type=int, default=7, help="each measurement")
    options = parser.parse_args()
    raise_descriptors()
    with serving(0) as targets:
        asyncio.run(measure(options, targets))


if __name__ == "__main__":
    main()
