"""A page says what dropped, since when, why, on whose side, and what to look at first; programs get exact fields."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from retabli.alerts.message import Letterhead, compose
from retabli.model import causes, stages
from retabli.model.flow import Flow, UnitName
from retabli.model.record import Deciding, FlowPicture, Incident, UnitPicture, UnitRecord
from retabli.model.result import Outcome, Result, Rung
from retabli.model.stamps import iso
from retabli.model.states import Criticality, Intent, State
from retabli.model.words import Words
from retabli.restoration import begin
from retabli.view.times import spoken
from tests.restoration.worlds import Told

NINE = 1688367600.0  # 3 July 2023, 07:00 UTC, 9:00 in Rennes
CHU = Letterhead("CHU de Rennes", "inside", "fr", ZoneInfo("Europe/Paris"), "https://retabli.chu.example/")
KEYS = [
    *("key", "incident", "status", "reason", "site", "standpoint", "flow", "title", "state", "since", "opened_at"),
    *("restored_at", "probe", "stage", "cause", "side", "detail", "because", "owner", "criticality", "runbook", "url"),
    *("acknowledge_url", "escalated", "summary", "text", "sent_at"),
]


def picture(
    *, state: State = State.DROPPED, since: float = NINE + 4440, restored_at: float | None = NINE, intent: str = "open"
) -> FlowPicture:
    flow = Flow(
        id="mail-out",
        title=Words("Messagerie : émission vers l'extérieur", "Outbound mail"),
        intent=Intent(intent),
        probes={},
        owner="Équipe messagerie",
        runbook="https://wiki.chu.example/mail-out",
        criticality=Criticality.VITAL,
    )
    standing = replace(
        begin(intent, NINE), state=state, since=since, shown=state, shown_since=since, restored_at=restored_at
    )
    rungs = (Rung(stages.RESOLVE, 0.1), Rung(stages.CONNECT, 0.1, causes.REFUSED, "10.0.0.25:25"))
    result = Result(Outcome.FAILED, rungs, 11, stages.CONNECT, causes.REFUSED, "10.0.0.25:25", 0.0, 0.0, 0.2, since)
    return FlowPicture(flow, standing, (), ("resolve", 1, 11), Deciding(UnitName("mail-out", "relay"), result))


def page(
    shown: FlowPicture, status: str = "firing", reason: str = "dropped", letterhead: Letterhead = CHU, **incident: Any
) -> Mapping[str, Any]:
    opened = Incident("4f2a", incident.pop("why", "dropped"), NINE + 4440, **incident)
    body = compose(shown, opened, status, reason, letterhead, NINE + 4500)
    return {**body, "text": body["text"].replace("\u00a0", " ")}  # the spaces have a test of their own


def test_no_line_of_a_french_page_is_broken_before_a_colon_or_within_an_hour() -> None:
    text = compose(picture(), Incident("4f2a", "dropped", NINE), "firing", "dropped", CHU, NINE)["text"]
    assert "État\u00a0: retombé depuis le 3\u00a0juillet 2023 à\u00a010\u00a0h\u00a014." in text
    assert "«\u00a0connexion\u00a0»" in text
    assert " :" not in text
    assert "https://retabli.chu.example/flows/mail-out#page" in text


@pytest.mark.parametrize("site", ["CHU de Rennes", "Centre hospitalier intercommunal de la vallée " * 3])
@pytest.mark.parametrize("title", ["Messagerie", "Réception des résultats d'analyses sanguines et des avis " * 3])
def test_a_summary_is_one_short_message_and_names_what_and_where(site: str, title: str) -> None:
    shown = picture()
    named = replace(shown, flow=replace(shown.flow, title=Words.same(title)))
    summary = page(named, letterhead=replace(CHU, site=site))["summary"]
    assert len(summary) <= 160
    assert summary.startswith(f"Retombé : {title[:20]}"[:30])
    assert site[:20] in summary
    assert not {"\u00a0", "–", "…", "\n"} & set(summary)  # with one of these a telephone cuts it after 70


def test_where_a_summary_is_too_long_the_side_gives_way_before_the_cause_and_the_site() -> None:
    shown = picture()
    named = replace(shown, flow=replace(shown.flow, title=Words.same("Réception " * 10)))
    assert page(named)["summary"].endswith("- connexion refusée - CHU de Rennes")


def test_a_page_has_exactly_the_promised_fields() -> None:
    body = page(picture())
    assert list(body) == KEYS
    assert {key: value for key, value in body.items() if key != "text"} == {
        "key": "4f2a-firing",
        "incident": "4f2a",
        "status": "firing",
        "reason": "dropped",
        "site": "CHU de Rennes",
        "standpoint": "inside",
        "flow": "mail-out",
        "title": "Messagerie : émission vers l'extérieur",
        "state": "dropped",
        "since": "2023-07-03T08:14:00Z",
        "opened_at": "2023-07-03T08:14:00Z",
        "restored_at": "2023-07-03T07:00:00Z",
        "probe": "relay",
        "stage": "connect",
        "cause": "refused",
        "side": "partner_down",
        "detail": "10.0.0.25:25",
        "because": None,
        "owner": "Équipe messagerie",
        "criticality": "vital",
        "runbook": "https://wiki.chu.example/mail-out",
        "url": "https://retabli.chu.example/flows/mail-out",
        "acknowledge_url": "https://retabli.chu.example/flows/mail-out#page",
        "escalated": False,
        "summary": "Retombé : Messagerie : émission vers l'extérieur - connexion refusée "
        "(chez le partenaire, en panne) - CHU de Rennes",
        "sent_at": "2023-07-03T08:15:00Z",
    }


def test_a_page_reads_in_french() -> None:
    assert page(picture())["text"].splitlines() == [
        "Retombé : Messagerie : émission vers l'extérieur",
        "CHU de Rennes (vu de l'intérieur)",
        "État : retombé depuis le 3 juillet 2023 à 10 h 14.",
        "Était rétabli depuis le 3 juillet 2023 à 9 h 00.",
        "Où : étape « connexion », sonde relay.",
        "Cause : connexion refusée (chez le partenaire, en panne).",
        "Détail : 10.0.0.25:25",
        "À faire d'abord : Joindre le partenaire : son service ne répond pas.",
        "Responsable : Équipe messagerie",
        "Procédure : https://wiki.chu.example/mail-out",
        "Prendre en charge : https://retabli.chu.example/flows/mail-out#page",
    ]


def test_a_page_reads_in_english() -> None:
    assert page(picture(), letterhead=replace(CHU, language="en"))["text"].splitlines() == [
        "Dropped: Outbound mail",
        "CHU de Rennes (seen from inside)",
        "State: dropped since 3 July 2023 at 10:14.",
        "Had been restored since 3 July 2023 at 09:00.",
        f"Where: step “{stages.CONNECT.words.en}”, probe relay.",
        "Cause: connection refused (at the partner's, who is down).",
        "Detail: 10.0.0.25:25",
        "Do first: Call the partner: their service does not answer.",
        "Owner: Équipe messagerie",
        "Runbook: https://wiki.chu.example/mail-out",
        "Take it in hand: https://retabli.chu.example/flows/mail-out#page",
    ]


def test_a_resolve_says_since_when_it_is_restored_and_names_no_cause() -> None:
    body = page(picture(state=State.RESTORED, since=NINE + 4450, restored_at=NINE + 4450), "resolved")
    assert body["text"].splitlines()[:4] == [
        "Rétabli : Messagerie : émission vers l'extérieur",
        "CHU de Rennes (vu de l'intérieur)",
        "État : rétabli depuis le 3 juillet 2023 à 10 h 14.",
        "Alerte ouverte le 3 juillet 2023 à 10 h 14, il y a 1 min.",
    ]
    assert "Cause" not in body["text"]
    assert (body["key"], body["incident"], body["state"]) == ("4f2a-resolved", "4f2a", "restored")


def test_a_flow_that_comes_back_in_part_is_not_called_restored() -> None:
    body = page(picture(state=State.DEGRADED), "resolved")
    assert body["text"].startswith("Rétabli en partie : ")


@pytest.mark.parametrize("reason", ["removed", "intent_changed"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_page_that_ends_because_people_decided_so_is_never_worded_as_a_recovery(reason: str, language: str) -> None:
    text = page(picture(), "resolved", reason, replace(CHU, language=language))["text"]
    assert ("n'est pas un rétablissement" if language == "fr" else "is no recovery") in text.splitlines()[0]
    assert not text.startswith(("Rétabli", "Restored"))


def test_a_breach_says_that_a_flow_that_must_stay_shut_answers() -> None:
    shown = picture(state=State.BREACHED, intent="closed", restored_at=None)
    text = page(shown, reason="breached", why="breached")["text"]
    assert text.startswith("Isolement rompu : ")
    assert "Ce flux doit rester fermé, et il répond." in text
    assert "rétabli" not in text


def test_blindness_is_never_told_as_a_fall() -> None:
    text = page(picture(state=State.UNKNOWN), reason="unknown", why="unknown")["text"]
    assert text.startswith("Plus rien n'est su : ")
    assert "État : inconnu depuis" in text
    assert "Retombé" not in text


def test_each_reminder_is_another_message_of_the_same_incident() -> None:
    first, second = page(picture(), "reminder", reminders=1), page(picture(), "reminder", reminders=2)
    assert (first["key"], second["key"]) == ("4f2a-reminder1", "4f2a-reminder2")
    assert first["incident"] == second["incident"]
    assert first["text"].startswith("Rappel – Retombé : ")


def test_without_a_deciding_unit_an_address_or_an_owner_the_page_stands_all_the_same() -> None:
    shown = picture()
    bare = replace(shown, deciding=None, flow=replace(shown.flow, owner="", runbook=""))
    body = page(bare, letterhead=Letterhead("CHU"))
    assert (body["probe"], body["stage"], body["cause"], body["side"], body["detail"]) == (None, None, None, None, "")
    assert body["url"] == ""
    assert body["text"].splitlines()[1:] == [
        "CHU",
        "État : retombé depuis le 3 juillet 2023 à 8 h 14.",
        "Était rétabli depuis le 3 juillet 2023 à 7 h 00.",
    ]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("fr", "Plus aucune mesure depuis le 3 juillet 2023 à 10 h 14."),
        ("en", "No measurement since 3 July 2023 at 10:14."),
    ],
)
def test_a_page_for_a_flow_that_nobody_looked_at_says_since_when_and_names_no_side(language: str, said: str) -> None:
    shown = picture(state=State.UNKNOWN)
    assert shown.deciding is not None
    of, result = shown.deciding.name, shown.deciding.result
    unit = UnitPicture(of, Told(), UnitRecord(outcome=Outcome.FAILED, judged=Outcome.FAILED), result, fresh=False)
    unlooked = replace(shown, units=(unit,), deciding=None)
    letterhead = replace(CHU, language=language)
    assert said in page(unlooked, "firing", "unknown", letterhead)["text"].splitlines()
    assert page(unlooked, "firing", "unknown", letterhead)["side"] is None
    for other in (
        page(unlooked, "resolved", "unknown", letterhead),  # it is known again
        page(replace(unlooked, units=(unit, replace(unit, fresh=True))), "firing", "unknown", letterhead),
        page(replace(unlooked, units=(replace(unit, result=None),)), "firing", "unknown", letterhead),
    ):
        assert said not in other["text"]


def test_the_parent_that_explains_a_fall_is_named() -> None:
    shown = picture()
    body = page(replace(shown, standing=replace(shown.standing, because="own_link")))
    assert body["because"] == "own_link"
    assert "À cause de : le lien propre de la sonde" in body["text"]


def test_instants_are_written_for_programs_in_utc_and_for_people_in_their_own_time() -> None:
    assert iso(NINE + 0.99) == "2023-07-03T07:00:00Z"
    assert spoken(1690840800.0, ZoneInfo("Europe/Paris"), "fr") == "le 1er août 2023 à 0 h 00"
    assert spoken(1690840800.0, ZoneInfo("UTC"), "en") == "31 July 2023 at 22:00"


# to whom -----------------------------------------------------------------------------------------------------------


def test_every_notice_that_the_pipeline_gives_has_its_heading() -> None:
    reasons = ("dropped", "breached", "unknown", "degraded")
    for status, reason in (
        *(("firing", reason) for reason in reasons),
        *(("resolved", reason) for reason in (*reasons, "removed", "intent_changed", "superseded")),
    ):
        for state in State:
            text = page(picture(state=state), status, reason)["text"]
            assert ": Messagerie" in text.splitlines()[0]
