"""What a group says: how many of what, the worst first, ten by name with their causes, the others counted."""

from typing import Any

import pytest

from retabli.alerts.message import Letterhead
from retabli.alerts.outbox.gathering import Gathering, group_key
from retabli.model.causes import REFUSED
from retabli.model.record import Message
from retabli.model.words import Words

FRENCH = Letterhead("CHU de Rennes", "inside", "fr", url="https://retabli.chu.example/")
ENGLISH = Letterhead("CHU de Rennes", "", "en")


def words(code: str) -> Words:
    return REFUSED.words if code == REFUSED.code else Words.same(code)


def page(number: int, **more: Any) -> Message:
    body = {
        "key": f"{number}-firing",
        "status": "firing",
        "reason": "dropped",
        "flow": f"f{number}",
        "title": f"Flux {number}",
        "state": "dropped",
        "cause": REFUSED.code,
        "side": REFUSED.side.value,
        "because": None,
        "criticality": "normal",
        "escalated": False,
    } | more
    return Message(f"{number}-firing", "duty", f"f{number}", body)


def test_a_group_in_french_names_the_first_ten_counts_the_others_and_links() -> None:
    messages = [
        page(0, reason="breached", title="Internet", cause=None),
        page(1, criticality="vital", title="Urgences"),
        *(page(number) for number in range(2, 37)),
    ]
    body = Gathering(FRENCH, words)(messages, 1688371200.0).body
    lines = body["text"].splitlines()
    refused = "connexion refusée (chez le partenaire, en panne)"
    assert lines[0] == "1 isolement rompu, 36 flux retombés\u00a0:"
    assert lines[1:4] == ["- Internet", f"- Urgences (vital) – {refused}", f"- Flux 2 – {refused}"]
    assert len([line for line in lines if line.startswith("- ")]) == 10
    assert lines[11:] == ["+27 autres", "CHU de Rennes (vu de l'intérieur)", "Voir\u00a0: https://retabli.chu.example/"]
    assert body["summary"].startswith("1 isolement rompu, 36 flux retombés : Internet, Urgences, Flux 2, ")
    assert body["summary"].endswith(" autres - CHU de Rennes")
    assert len(body["summary"]) <= 160


def test_the_fields_that_programs_read() -> None:
    messages = [page(number) for number in range(3)]
    group = Gathering(ENGLISH)(messages, 1688371200.0)
    assert {name: value for name, value in group.body.items() if name not in ("text", "summary")} == {
        "key": group.key,
        "status": "firing",
        "site": "CHU de Rennes",
        "standpoint": "",
        "flow": None,
        "pages": [message.body for message in messages],
        "url": "",
        "sent_at": "2023-07-03T08:00:00Z",
    }
    assert (group.channel, group.key) == ("duty", group_key(["2-firing", "0-firing", "1-firing"]))
    assert group.body["summary"] == "3 flows dropped: Flux 0, Flux 1, Flux 2 - CHU de Rennes"


def test_a_parent_that_explains_them_all_is_named_and_one_that_explains_some_is_not() -> None:
    shared = Gathering(ENGLISH)([page(number, because="own_link") for number in range(3)], 0.0)
    assert "Because of: the probe's own link" in shared.body["text"].splitlines()
    partly = Gathering(ENGLISH)([page(1, because="own_link"), page(2)], 0.0)
    assert "own link" not in partly.body["text"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"status": "resolved", "state": "restored"}, "2 flux rétablis"),
        ({"status": "resolved", "state": "degraded"}, "2 flux rétablis en partie"),
        ({"status": "resolved", "reason": "removed"}, "2 flux retirés de la surveillance"),
        ({"status": "resolved", "reason": "intent_changed"}, "2 flux dont la décision a changé"),
        ({"status": "resolved", "reason": "something new"}, "2 autres messages"),
        ({"status": "reminder", "reason": "unknown"}, "Rappel – 2 flux dont plus rien n'est su"),
        ({"escalated": True}, "Personne n'a répondu – 2 flux retombés"),
    ],
)
def test_what_is_no_recovery_is_never_called_one(given: dict[str, Any], said: str) -> None:
    body = Gathering(FRENCH)([page(1, **given), page(2, **given)], 0.0).body
    assert body["text"].splitlines()[0] == f"{said}\u00a0:"
    assert body["summary"].startswith(said.replace("–", "-"))


def test_a_summary_fits_into_a_short_message_whatever_the_names_are() -> None:
    for length in (1, 20, 80, 150, 400):
        long = Gathering(Letterhead("S" * length, "", "fr"))([page(n, title="T" * length) for n in range(20)], 0.0)
        assert len(long.body["summary"]) <= 160
        assert long.body["summary"].startswith("20 flux retombés")
