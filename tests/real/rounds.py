"""Runs a closed flow's probe round by round through the real pipeline, inside a network namespace: `python -m
tests.real.rounds KEYS ROUNDS` prints the state that the flow has afterwards, and what each round gave."""

import asyncio
import json
import sys
import time
from typing import Any

from probes.containment import Containment
from retabli.model.flow import UnitName
from retabli.model.settings import Proxy
from retabli.model.states import Intent
from retabli.pipeline import Pipeline
from tests.climbing import climb, settings
from tests.restoration.worlds import TELL, Memory, Shown, flow


async def main(keys: dict[str, Any], rounds: int) -> dict[str, Any]:
    proxies = {name: Proxy.model_validate({"name": name, **each}) for name, each in keys.pop("proxies", {}).items()}
    memory_before = keys.pop("memory", {})
    probe = settings(Containment, context={"proxies": proxies}, **keys)
    internet = flow("internet", intent=Intent.CLOSED, probes={"ways": probe})
    shown, memory = Shown(), Memory()
    pipeline = Pipeline(memory, [shown], TELL, clock=time.monotonic)
    await pipeline.begin({"internet": internet}, {}, {}, {"internet": "same"})
    name = UnitName("internet", "ways")
    pipeline.memory(name).update(memory_before)
    results = []
    for number in range(rounds):
        result = await climb(probe, memory=pipeline.memory(name), confirming=number > 0 and pipeline.wanted(name) > 0)
        await pipeline.accept(name, probe, result)
        results.append(result.as_json({}) | {"properties": dict(result.properties)})
    picture = shown.pictures["internet"]
    assert picture.closure is not None
    return {
        "state": picture.state.value,
        "proven": picture.closure.proven,
        "path": picture.closure.path,
        "alive": picture.closure.alive,
        "pages": [message.body["status"] for message in memory.messages],
        "rounds": results,
    }


sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1]), int(sys.argv[2])))))
