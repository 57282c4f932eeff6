"""The messages that tests of channels send: a page, its resolve, several pages in one, and a heartbeat."""

from typing import Any

from retabli.model.record import Message

PAGE: dict[str, Any] = {
    "incident": "4f2a",
    "status": "firing",
    "reason": "dropped",
    "site": "CHU de l'Exemple",
    "flow": "mail-out",
    "title": "Messagerie : émission",
    "state": "dropped",
    "owner": "Équipe messagerie",
    "detail": "450 greylisted",
    "text": "Retombé : Messagerie : émission\nCHU de l'Exemple\nCause : délai dépassé.",
    "summary": "Retombé : Messagerie : émission – délai dépassé",
    "url": "https://retabli.chu.example/flows/mail-out",
}


def page(status: str = "firing", channel: str = "duty", **fields: Any) -> Message:
    body = {**PAGE, "status": status, "key": f"4f2a-{status}"} | fields
    return Message(body["key"], channel, "mail-out", body)


def grouped(channel: str = "duty") -> Message:
    """Several pages in one message, as a storm gives them."""
    pages = [page(incident=name, flow=f"flow-{name}", key=f"{name}-firing").body for name in ("4f2a", "5b3c")]
    text = "2 flux retombés : flow-4f2a, flow-5b3c"
    body = {"key": "storm-7", "status": "firing", "flow": None, "pages": pages, "text": text, "summary": text}
    return Message("storm-7", channel, "", body)


def heartbeat(channel: str = "duty") -> Message:
    """What a dead-man's switch is sent: it has next to no fields."""
    return Message(
        "heartbeat-9", channel, "", {"key": "heartbeat-9", "status": "heartbeat", "site": "CHU de l'Exemple"}
    )
