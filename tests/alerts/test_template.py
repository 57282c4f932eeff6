"""A webhook's body in the receiver's own words: placeholders of the message, which nothing in a message can break."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from retabli.alerts.channels import CHANNELS, build, placeholders
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.channels.webhook import Webhook
from retabli.model.record import Message
from tests.alerts.hooks import ok, receiving
from tests.alerts.messages import grouped, heartbeat, page
from tests.alerts.test_message import page as composed
from tests.alerts.test_message import picture


def webhook(**given: Any) -> Webhook:
    settings = CHANNELS["webhook"].model_validate({"kind": "webhook"} | given, context={"folder": Path("/")})
    assert isinstance(settings, Webhook)
    return settings


async def arrives(wanted: dict[str, Any], message: Message, **given: Any) -> Any:
    async with receiving(ok) as hook:
        channel = build(webhook(url=hook.url, template=wanted, **given))
        await channel.send(message)
        await channel.close()
    (request,) = hook.requests
    return json.loads(request.body)


@pytest.mark.parametrize(
    ("wanted", "body"),
    [
        ({"text": "{text}"}, {"text": page().body["text"]}),  # Slack, Mattermost, Google Chat
        (
            {"topic": "oncall", "title": "{summary}", "message": "{text}", "priority": 5},  # ntfy
            {
                "topic": "oncall",
                "title": page().body["summary"],
                "message": page().body["text"],
                "priority": 5,
            },
        ),
        (
            {  # Teams, by a workflow: an adaptive card
                "type": "message",
                "attachments": [
                    {"content": {"body": [{"type": "TextBlock", "text": "{title}: {state}", "wrap": True}]}}
                ],
            },
            {
                "type": "message",
                "attachments": [
                    {
                        "content": {
                            "body": [{"type": "TextBlock", "text": "Messagerie : émission: dropped", "wrap": True}]
                        }
                    }
                ],
            },
        ),
        ({"a": "{{{flow}}} {{flow}} }}"}, {"a": "{mail-out} {flow} }"}),
        ({"by": {"key": "{key}", "none": None}}, {"by": {"key": "4f2a-firing", "none": None}}),
    ],
)
async def test_the_body_is_what_the_template_makes_of_the_message(wanted: dict[str, Any], body: dict[str, Any]) -> None:
    assert await arrives(wanted, page()) == body


async def test_a_placeholder_alone_keeps_its_type_and_one_within_a_text_is_text() -> None:
    seen = await arrives({"alone": "{pages}", "within": "{pages}!", "none": "{owner}", "empty": "({owner})"}, grouped())
    assert seen["alone"] == grouped().body["pages"]
    assert json.loads(seen["within"].removesuffix("!")) == grouped().body["pages"]
    assert (seen["none"], seen["empty"]) == (None, "()")


async def test_what_a_remote_said_is_never_read_as_a_template_nor_breaks_out_of_its_text() -> None:
    said = '{site} {{x}} ", "admin": true, "x": "\n\\'
    seen = await arrives({"said": "-{detail}-", "alone": "{detail}"}, page(detail=said))
    assert seen == {"said": f"-{said}-", "alone": said}


@pytest.mark.parametrize("message", [grouped(), heartbeat()], ids=["grouped", "heartbeat"])
async def test_several_pages_in_one_and_a_heartbeat_have_a_text_and_a_summary_too(message: Message) -> None:
    seen = await arrives({"text": "{text}", "summary": "{summary}", "status": "{status}"}, message)
    assert seen["text"]
    assert seen["summary"]
    assert "\n" not in seen["summary"]
    assert seen["status"] == message.body["status"]


async def test_a_secret_of_the_body_is_read_from_where_it_is_when_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("routing-key\n")
    secret = {"file": str(tmp_path / "key")}
    wanted = {"routing_key": secret, "list": [{"token": secret}], "payload": {"summary": "{summary}"}}
    seen = await arrives(wanted, page())
    assert seen == {
        "routing_key": "routing-key",
        "list": [{"token": "routing-key"}],
        "payload": {"summary": page().body["summary"]},
    }
    settings = webhook(url="https://h.example", template=wanted)
    assert not list(settings.faults())
    assert len(list(settings.secrets())) == 2
    (tmp_path / "key").unlink()
    with pytest.raises(NotAccepted, match="key: No such file"):
        await build(settings).send(page())


def test_a_secret_in_clear_is_a_fault() -> None:
    wanted = {"routing_key": "0123", "author": "Retabli", "dedup_key": "{key}", "in": {"api_token": "x"}}
    assert list(webhook(url="https://h.example", template=wanted).faults()) == [
        "template.routing_key: a secret is not written in clear: name where it is, as {file: …}",
        "template.in.api_token: a secret is not written in clear: name where it is, as {file: …}",
    ]


async def test_sent_at_is_when_this_attempt_was_made() -> None:
    assert (await arrives({"at": "{sent_at}"}, page(sent_at="before")))["at"] > "2023"


async def test_a_body_of_a_template_is_signed_as_it_is_sent(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"between us")
    async with receiving(ok) as hook:
        channel = build(webhook(url=hook.url, template={"text": "{text}"}, key={"file": str(tmp_path / "key")}))
        await channel.send(page())
        await channel.close()
    (request,) = hook.requests
    stamp, signature = (part.partition("=")[2] for part in request.headers["x-retabli-signature"].split(","))
    assert signature == hmac.new(b"between us", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["idempotency-key"] == "4f2a-firing"


def test_each_placeholder_that_no_message_has_is_a_fault_which_says_where_and_what_was_meant() -> None:
    wanted = {"a": "{sumary}", "b": ["ok", {"c": "{text} {"}], "d": "{zzz}"}
    assert list(webhook(url="https://h.example", template=wanted).faults()) == [
        'template.a: a message has no field "sumary" (did you mean "summary"?)',
        "template.b[1].c: a single { means nothing: write {field}, or {{ for a brace",
        f'template.d: a message has no field "zzz": the fields are {", ".join(placeholders.FIELDS)}',
    ]


def test_every_field_of_a_page_may_stand_in_a_template() -> None:
    assert set(composed(picture())) <= set(placeholders.FIELDS)


def test_a_summary_is_one_line_of_an_sms_where_the_message_has_none() -> None:
    assert placeholders.summary_of({"text": "é" * 200 + "\nsecond"}) == "é" * 159 + "…"
    assert placeholders.summary_of({"summary": "said\nbefore", "text": "x"}) == "said before"
