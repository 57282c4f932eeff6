"""Rows of the log as sentences for people."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from retabli.model.causes import SIDE_WORDS, Side
from retabli.model.record import Entry, Event
from retabli.model.states import STATE_WORDS, State
from retabli.model.words import COLON, Words
from retabli.store import spoken
from retabli.view import View
from retabli.view.times import moment, span
from retabli.web.words import INTENTS, REASONS, text

_CHANGES = {
    "added": Words("Flux ajouté à la configuration", "Flow added to the configuration"),
    "removed": Words("Flux retiré de la configuration", "Flow removed from the configuration"),
    "probes": Words("Sondes modifiées", "Probes changed"),
    "reloaded": Words("Configuration relue", "Configuration reloaded"),
    "refused": Words("Configuration refusée", "Configuration refused"),
}

log = logging.getLogger("retabli")

_BETTER = (State.RECOVERING.value, State.RESTORED.value)  # of which a cause is what still fails, and no reason


def sentence(entry: Entry, view: View, language: str) -> str:
    """What this row says, without its flow's title."""
    speaker = _SENTENCES.get(entry.event)
    if speaker is not None:
        try:
            return speaker(entry.data, view, language)
        except (TypeError, ValueError, OverflowError):  # not as this version writes it: told as it stands
            log.debug("a row of the log is worded otherwise: %s", entry.event)
    said = spoken.sentence(entry.event, entry.data, language, view.site.zone)  # of a later version's
    return f"{spoken.event_word(entry.event, language)} — {said}" if said else spoken.event_word(entry.event, language)


def _state(data: Mapping[str, Any], view: View, language: str) -> str:
    said = f"{_state_word(data.get('was'), language)} → {_state_word(data.get('now'), language)}"
    if data.get("cause"):
        colon = COLON[language]
        where = view.stage_words(str(data["stage"]))[language] + colon if data.get("stage") else ""
        side = data.get("side")
        whose = f" ({SIDE_WORDS[Side(side)][language]})" if side in tuple(Side) else ""
        left = Words(f"reste{colon}", f"what is left{colon}")[language] if data.get("now") in _BETTER else ""
        said += f" — {left}{where}{view.cause_words(str(data['cause']))[language]}{whose}"
    if data.get("because"):
        parent = view.pictures.get(str(data["because"]))
        title = parent.flow.title[language] if parent else str(data["because"])
        said += f" — {Words('expliqué par', 'explained by')[language]} {title}"
    return said


def _state_word(value: object, language: str) -> str:
    return STATE_WORDS[State(str(value))][language] if value in tuple(State) else str(value)


def _page(data: Mapping[str, Any], view: View, language: str) -> str:
    if data.get("escalated"):
        what = Words("Personne n'a pris en charge, d'autres sont appelés", "Nobody has taken it, others are paged")
    elif data.get("status") == "reminder":
        what = Words("Rappel à l'astreinte", "On-call reminded")
    elif data.get("reason") == "degraded":
        what = Words("Équipe avertie", "Team warned")
    else:
        what = Words("Astreinte appelée", "On-call paged")
    return _told(Words("Alerte", "Page") if data.get("channels") == [] else what, data, language)


def _resolve(data: Mapping[str, Any], view: View, language: str) -> str:
    return _told(Words("Fin d'alerte", "Page resolved"), data, language)


def _told(what: Words, data: Mapping[str, Any], language: str) -> str:
    reason = str(data.get("reason", ""))
    channels = ", ".join(str(each) for each in data.get("channels") or ())
    said = f"{what[language]} — {REASONS.get(reason, Words.same(reason))[language]}" if reason else what[language]
    if data.get("channel"):  # it is of no flow: it is this channel that fails
        said += f" ({data['channel']})"
    if data.get("channels") == []:
        channels = Words("personne, il n'y a pas de canal", "nobody, there is no channel")[language]
    return f"{said} → {channels}" if channels else said


def _config(data: Mapping[str, Any], view: View, language: str) -> str:
    change = str(data.get("change", ""))
    if change == "refused" and data.get("first"):
        more = data.get("faults")
        count = f" ({more})" if isinstance(more, int) and more > 1 else ""
        return f"{_CHANGES[change][language]}{count}{text('colon', language)} {data['first']}"
    by = f" — {data['by']}" if data.get("by") else ""
    return _CHANGES.get(change, Words(f"Configuration {change}", f"Configuration {change}"))[language].strip() + by


def _intent(data: Mapping[str, Any], view: View, language: str) -> str:
    was, now = (INTENTS.get(str(data.get(key)), Words.same("?"))[language] for key in ("was", "now"))
    return f"{Words('Décision', 'Decision')[language]} — {was} → {now}"


def _gap(data: Mapping[str, Any], view: View, language: str) -> str:
    seconds = data.get("seconds")
    if not isinstance(seconds, int | float):
        return Words("Période sans surveillance", "Blind gap")[language]
    behind = data.get("clock_behind")
    if isinstance(behind, int | float):
        said = Words(
            "Sans surveillance, on ne sait combien de temps : l'horloge a été reculée d'au moins ",
            "Not watching, nobody knows for how long: the clock was set back by at least ",
        )
        return said[language] + span(behind, language)
    lasted = Words("Sans surveillance pendant ", "Not watching for ")[language] + span(seconds, language)
    why = spoken.GAPS.get(str(data.get("why")))
    return lasted if why is None else f"{lasted}{COLON[language]}{why[language]}"


def _copy(data: Mapping[str, Any], view: View, language: str) -> str:
    known = _until(data, view, language)
    said = Words("État abîmé ou perdu, repris d'une copie", "State damaged or lost, restored from a copy")[language]
    return f"{said}{Words(' connue', ' that is known')[language]}{known}" if known else said


def _until(data: Mapping[str, Any], view: View, language: str) -> str:
    """` jusqu'au 3 juil. à 12 h 00`, or nothing where nothing readable is said."""
    try:
        instant = datetime.fromisoformat(str(data.get("until")))
        shown = view.stamp(instant.timestamp())
    except (ValueError, OverflowError):
        return ""
    return f" {text('until', language)} {moment(shown, view.now, view.site.zone, language)}"


def _deferred(data: Mapping[str, Any], view: View, language: str) -> str:
    reason = str(data.get("reason", ""))
    said = text("deferred", language).capitalize()
    said += f" — {REASONS.get(reason, Words.same(reason))[language]}" if reason else ""
    if data.get("because"):
        parent = view.pictures.get(str(data["because"]))
        title = parent.flow.title[language] if parent else str(data["because"])
        said += f" — {Words('à cause de', 'because of')[language]} {title}"
    if data.get("silenced_by"):
        by = f"{Words('en silence par', 'silenced by')[language]} {data['silenced_by']}"
        said += f" — {by}{_until(data, view, language)}"
    return said


def _acknowledged(data: Mapping[str, Any], view: View, language: str) -> str:
    by = str(data.get("by") or "?")
    said = Words(f"Alerte prise en charge par {by}", f"Page taken by {by}")[language] + _until(data, view, language)
    return f"{said} — {data['note']}" if data.get("note") else said


def _silenced(data: Mapping[str, Any], view: View, language: str) -> str:
    by, why = data.get("by"), data.get("why")
    if data.get("ended"):
        ended = Words("Fin du silence", "Silence over")[language]
        return f"{ended}, {Words('levé par', 'lifted by')[language]} {by}" if by else ended
    said = Words("En silence", "Silenced")[language] + _until(data, view, language)
    colon = text("colon", language)
    return f"{said} — {by}{colon} {why}" if by and why else f"{said} — {by or why}" if by or why else said


def _aside(data: Mapping[str, Any], view: View, language: str) -> str:
    channel, others = data.get("channel"), data.get("left_to")
    said = Words("Message mis de côté", "Message set aside")[language] + (f" — {channel}" if channel else "")
    if data.get("error"):
        said += f"{text('colon', language)} {data['error']}"
    names = ", ".join(map(str, others)) if isinstance(others, list) else str(others or "")
    return f"{said} → {names}" if names else said


def _by(what: Words) -> Callable[[Mapping[str, Any], View, str], str]:
    def said(data: Mapping[str, Any], view: View, language: str) -> str:
        who = f" — {data['by']}" if data.get("by") else ""
        why = f" — {data['why']}" if data.get("why") else ""
        return what[language] + who + why

    return said


_RECEIVED = {  # not "delivered": that is what mails are
    "firing": Words("Alerte reçue", "Page received"),
    "reminder": Words("Rappel reçu", "Reminder received"),
    "resolved": Words("Fin d'alerte reçue", "End of the page received"),
}
_RECEIVED_OTHER = Words("Message reçu", "Message received")


def _delivered(data: Mapping[str, Any], view: View, language: str) -> str:
    channel, together = data.get("channel"), data.get("together")
    said = _RECEIVED.get(str(data.get("status")), _RECEIVED_OTHER)[language]
    if channel:
        said += f" {Words('par', 'by')[language]} {channel}"
    if isinstance(together, int):
        said += Words(f" (groupé, {together} ensemble)", f" (grouped, {together} together)")[language]
    return said


def _login(data: Mapping[str, Any], view: View, language: str) -> str:
    said = spoken.sentence(Event.LOGIN, data, language, view.site.zone)
    return f"{Words('Identification', 'Log-in')[language]} — {said}"


_SENTENCES: dict[str, Callable[[Mapping[str, Any], View, str], str]] = {
    Event.START: _by(Words("Démarrage de la surveillance", "Watching began")),
    Event.STOP: _by(Words("Arrêt de la surveillance", "Watching stopped")),
    Event.GAP: _gap,
    Event.COPY: _copy,
    Event.CONFIG: _config,
    Event.STATE: _state,
    Event.INTENT: _intent,
    Event.PAGE: _page,
    Event.RESOLVE: _resolve,
    Event.TOLD: _delivered,
    Event.ASIDE: _aside,
    Event.DEFERRED: _deferred,
    Event.ACKNOWLEDGE: _acknowledged,
    Event.SILENCE: _silenced,
    Event.LOGIN: _login,
}
