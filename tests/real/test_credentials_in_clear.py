"""A password is not sent in clear to another machine: to an address that is not loopback, in a network of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

ELSEWHERE = "192.0.2.7"
CLIMB = """
import asyncio, json, os, sys
from tests import mail_servers
from tests.climbing import climb, settings
from probes.smtp import Smtp

mail_servers.HOST = sys.argv[1]
os.environ["PASSWORD"] = "secret"

async def main():
    server = mail_servers.SmtpServer(("AUTH PLAIN",), accounts={"probe": "secret"})
    async with server.listening() as port:
        probe = settings(Smtp, host=sys.argv[1], port=port, user="probe", password={"env": "PASSWORD"})
        result = await climb(probe)
    print(json.dumps({"cause": result.cause.code if result.cause else None, "commands": server.commands}))

asyncio.run(main())
"""


def test_a_password_is_never_sent_in_clear_to_another_machine() -> None:
    namespace = f"rl-{os.getpid()}-clear"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        inside = ["ip", "netns", "exec", namespace]
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        subprocess.run([*inside, "ip", "addr", "add", f"{ELSEWHERE}/32", "dev", "lo"], check=True)
        command = [*inside, sys.executable, "-c", CLIMB, ELSEWHERE]
        done = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True)
    finally:
        subprocess.run(["ip", "netns", "del", namespace], check=True)
    seen = json.loads(done.stdout)
    assert seen["cause"] == "credentials_in_clear"
    assert not any(command.startswith("AUTH") for command in seen["commands"])
