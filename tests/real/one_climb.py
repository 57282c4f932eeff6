"""Climbs one ladder in a process of its own, inside a network namespace: `python -m tests.real.one_climb KIND KEYS`."""

import asyncio
import json
import sys

from probes import kind
from tests.climbing import climb, settings

result = asyncio.run(climb(settings(kind(sys.argv[1]), **json.loads(sys.argv[2]))))
seen = result.as_json({}) | {"properties": dict(result.properties), "measures": dict(result.measures)}
sys.stdout.write(json.dumps(seen))
