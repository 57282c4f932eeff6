"""Ephemeral ports that are used up are our own lack, by whatever protocol, and no partner's silence."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real


def test_without_a_port_left_nothing_is_judged() -> None:
    alone = f"ip link set lo up && exec {sys.executable} -m tests.faults.used_up"
    root = Path(__file__).parents[2]
    ended = subprocess.run(["unshare", "--net", "sh", "-c", alone], cwd=root, check=True, capture_output=True)
    found = json.loads(ended.stdout)
    assert set(found) == {"tcp", "dns", "ntp", "containment"}
    assert {(outcome, cause) for outcome, cause, _ in found.values()} == {("unknown", "local_resources")}, found
