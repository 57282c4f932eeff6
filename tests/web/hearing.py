"""What a stream of server-sent events says."""

import json
from collections.abc import AsyncIterator
from typing import Any


async def events(lines: AsyncIterator[str], *wanted: str) -> list[tuple[str, Any]]:
    """What is heard until each of these kinds was heard once."""
    missing, found, kind = set(wanted), [], ""
    async for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((kind, json.loads(line.removeprefix("data: "))))
            missing.discard(kind)
            if not missing:
                break
    return found
