"""Members of an Alertmanager cluster on real sockets, which answer as each test has them answer."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

from retabli.alerts.channels import CHANNELS
from retabli.alerts.channels.alertmanager import Alertmanager, AlertmanagerChannel
from retabli.model.record import Message
from tests.alerts.hooks import Answer, Hook, Request, says
from tests.alerts.test_message import page, picture

NOW = 1_700_000_000.0
TOLD = "2023-11-14T22:13:20Z"  # NOW
IN_A_WEEK = "2023-11-21T22:13:20Z"
OPENED = "2023-07-03T08:14:00Z"  # as test_message opens its page
BURNS = "2023-07-03T10:14:00.000+02:00"  # OPENED, as some members write it
LABELS = {
    "alertname": "FlowDropped",
    "severity": "page",
    "reason": "dropped",
    "flow": "mail-out",
    "criticality": "vital",
    "owner": "Équipe messagerie",
    "site": "CHU de Rennes",
    "standpoint": "inside",
    "incident": "4f2a",
}


def settings(*urls: str, **given: Any) -> Alertmanager:
    described = {"kind": "alertmanager", "urls": list(urls)} | given
    found = CHANNELS["alertmanager"].model_validate(described, context={"folder": Path("/")})
    assert isinstance(found, Alertmanager)
    return found


@asynccontextmanager
async def channel(*members: Hook, **given: Any) -> AsyncIterator[AlertmanagerChannel]:
    urls = [member.url.removesuffix("/hook") for member in members]
    found = AlertmanagerChannel(settings(*urls, **{"timeout": "5s"} | given), wall=lambda: NOW)
    try:
        yield found
    finally:
        await found.close()


def message(status: str = "firing", reason: str = "dropped", **changed: Any) -> Message:
    body = dict(page(picture(), status, reason)) | changed
    return Message(body["key"], "am", "mail-out", body)


def posted(member: Hook) -> list[list[dict[str, Any]]]:
    return [json.loads(request.body) for request in member.requests if request.line.startswith("POST /api/v2/alerts ")]


def asked(member: Hook) -> list[Request]:
    return [request for request in member.requests if request.line.startswith("GET /api/v2/alerts?")]


def holding(*labels: Mapping[str, str], date: float = NOW) -> Answer:
    """A member that answers to everything, and holds alerts with these labels."""
    said = json.dumps([{"labels": each, "annotations": {}, "startsAt": BURNS} for each in labels]).encode()
    return says(200, said, f"Date: {formatdate(date, usegmt=True)}")


takes = holding()
