"""A whole daemon whose webhook is bad for a while: bounded, told in the end, once under each key, and counted.

With `-s` each test prints what was seen.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.alerts.hooks import Answer, Hook, endless, hangs, hangs_up, ok, receiving, says
from tests.daemon.living import Life, Post

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

GROWTH = 50  # MB
ATTEMPTS = 4  # that go wrong: 1, 2, 4 and 8 s are waited after them


@dataclass
class Elsewhere(Post):
    """Where a redirect points to: nobody ought to come."""

    visits: int = 0

    async def talk(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    life = Life(tmp_path, Post(), Post())
    await life.watched.start()
    try:
        yield life
    finally:
        await life.leave()
        await life.watched.stop()


async def begin(life: Life, *hooks: str) -> None:
    channels = ", ".join(
        f"hook{number}: {{kind: webhook, url: '{url}', timeout: 500ms}}" for number, url in enumerate(hooks)
    )
    head, _, flows = life.config.read_text().partition("alerts:")
    flows = flows.partition("flows:\n")[2]
    life.config.write_text(f"{head}alerts: {{channels: {{{channels}}}}}\nflows:\n{flows}")
    await life.start()
    await life.until_state("restored")


async def metric(life: Life, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(f"http://127.0.0.1:{life.port}/metrics")).text
    return float(next(line for line in text.splitlines() if line.startswith(name)).rpartition(" ")[2])


def memory(life: Life) -> int:
    """The most that the daemon ever held, in MB."""
    assert life.process is not None
    status = Path(f"/proc/{life.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) // 1024


async def until_taken(life: Life, number: int) -> None:
    """Until that many messages were accepted, by the daemon's own count."""
    async with asyncio.timeout(60):
        while await metric(life, 'retabli_alerts_sent_total{channel="hook0"}') < number:
            await asyncio.sleep(0.1)  # another process: there is nothing here to await


def pages(hook: Hook, status: str) -> list[dict[str, Any]]:
    return [request.json for request in hook.requests if request.json["status"] == status]


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ("hangs", hangs),
        ("answers 500", says(500, b"not now")),
        ("answers 500 with a gigabyte", endless(500)),
        ("hangs up", hangs_up),
    ],
)
async def test_a_webhook_that_is_bad_for_a_while_is_told_in_the_end_under_the_same_key(
    life: Life, how: str, answer: Answer
) -> None:
    async with receiving(*[answer] * ATTEMPTS, ok) as hook:
        await begin(life, hook.url)
        before, began = memory(life), time.monotonic()
        await life.watched.stop()
        await until_taken(life, 1)
        took = time.monotonic() - began
        assert await metric(life, 'retabli_alerts_failed_total{channel="hook0"}') == ATTEMPTS
        await life.watched.start()
        await until_taken(life, 2)
        grew = memory(life) - before
        firing, resolved = pages(hook, "firing"), pages(hook, "resolved")
        failed = len(firing) - 1
        print(  # noqa: T201 - evidence
            f"\n| {how} | {failed} attempts failed and were counted | told after {took:.1f} s, under one key | "
            f"resolved once | {grew} MB more |"
        )
        assert len(firing) == ATTEMPTS + 1
        assert len({page["key"] for page in firing}) == 1
        assert len(resolved) == 1
        assert took < 1 + 2 + 4 + 8 + ATTEMPTS * 0.5 + 10
        assert grew < GROWTH


async def test_a_gigabyte_in_an_answer_that_accepts_is_not_read_and_the_message_not_repeated(life: Life) -> None:
    async with receiving(endless(200)) as hook:
        await begin(life, hook.url)
        before = memory(life)
        await life.watched.stop()
        await until_taken(life, 1)
        await life.watched.start()
        await until_taken(life, 2)
        grew = memory(life) - before
        assert Counter(request.json["status"] for request in hook.requests) == {"firing": 1, "resolved": 1}
        print(f"\n| answers 200 with a gigabyte | nothing failed | each told once | {grew} MB more |")  # noqa: T201
        assert grew < GROWTH


async def test_a_redirect_is_followed_by_no_page_and_the_other_channel_tells_it_and_of_it(life: Life) -> None:
    elsewhere = Elsewhere()
    await elsewhere.start()
    try:
        away = says(302, b"", f"Location: http://127.0.0.1:{elsewhere.port}/")
        async with receiving(away) as moved, receiving(ok) as other:
            await begin(life, other.url, moved.url)
            await life.watched.stop()
            await until_taken(life, 1)
            async with asyncio.timeout(30):
                while await metric(life, 'retabli_alerts_failed_total{channel="hook1"}') < 3:
                    await asyncio.sleep(0.1)  # another process: there is nothing here to await
            failed = await metric(life, 'retabli_alerts_failed_total{channel="hook1"}')
            assert elsewhere.visits == 0
            assert len({request.json["key"] for request in moved.requests}) == 1
            assert [page["flow"] for page in pages(other, "firing")].count("port") == 1
            print(f"\n| redirects | never followed, {failed:.0f} attempts counted | the other channel tells it once |")  # noqa: T201
    finally:
        await elsewhere.stop()
