"""What a page says: the fields that programs read, and the text that whoever is on call reads. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any
from urllib.parse import quote

from retabli.model.causes import Side
from retabli.model.record import Deciding, FlowPicture, Incident
from retabli.model.stamps import iso
from retabli.model.states import STATE_WORDS, Intent, State
from retabli.model.words import Words
from retabli.own_link import ID as OWN_LINK
from retabli.view.site import seen_from
from retabli.view.times import span, spoken
from retabli.view.typography import typeset

HEADINGS = {  # by status and reason
    ("firing", "dropped"): Words("Retombé", "Dropped"),
    ("firing", "breached"): Words("Isolement rompu", "Isolation breached"),
    ("firing", "unknown"): Words("Plus rien n'est su", "Nothing is known any more"),
    ("firing", "degraded"): Words("Dégradé", "Degraded"),
    ("resolved", "dropped"): Words("Rétabli", "Restored"),
    ("resolved", "breached"): Words("De nouveau isolé", "Contained again"),
    ("resolved", "unknown"): Words("De nouveau suivi", "Known again"),
    ("resolved", "degraded"): Words("N'est plus dégradé", "No longer degraded"),
    ("resolved", "superseded"): Words("Aggravé, ce n'est plus un avertissement", "Worse now, no longer a warning"),
    ("resolved", "removed"): Words(
        "Retiré de la surveillance, ce qui n'est pas un rétablissement", "No longer watched, which is no recovery"
    ),
    ("resolved", "intent_changed"): Words(
        "La décision a changé, ce qui n'est pas un rétablissement", "The decision changed, which is no recovery"
    ),
}
IN_PART = Words("Rétabli en partie", "Restored in part")
REMINDER = Words("Rappel", "Reminder")
ESCALATION = Words("Personne n'a répondu", "Nobody has answered")
OWN_LINK_WORDS = Words("le lien propre de la sonde", "the probe's own link")
SUMMARY = 160  # characters: one short message of a telephone

SIDES = {
    Side.OURS: Words("de notre côté", "on our side"),
    Side.NETWORK: Words("sur le réseau", "in the network"),
    Side.PARTNER_DOWN: Words("chez le partenaire, en panne", "at the partner's, who is down"),
    Side.PARTNER_REFUSES: Words("chez le partenaire, qui refuse", "at the partner's, who refuses"),
    Side.CONTENT: Words("dans le contenu", "in the content"),
    Side.PROBE: Words("dans la sonde elle-même", "in the probe itself"),
}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What stands on every page of a site. `url` is where this daemon's pages are reached, or empty."""

    site: str
    standpoint: str = ""
    language: str = "fr"
    zone: tzinfo = UTC
    url: str = ""


def compose(
    picture: FlowPicture,
    incident: Incident,
    status: str,
    reason: str,
    letterhead: Letterhead,
    now: float,
    *,
    escalated: bool = False,
) -> dict[str, Any]:
    """The message as a webhook receives it. `status` is firing, resolved or reminder; `now` in wall seconds.

    Its `key` is the same for every attempt at the same message, and the same on every channel. `escalated`: it goes
    to somebody further, because nobody had acknowledged it.
    """
    flow, standing, deciding = picture.flow, picture.standing, picture.deciding
    cause = deciding.result.cause if deciding else None
    stage = deciding.result.stage if deciding else None
    heading = _heading(picture, incident, status, reason, escalated=escalated)[letterhead.language]
    link = link_to(letterhead, flow.id)
    return {
        "key": message_key(incident, status),
        "incident": incident.id,
        "status": status,
        "reason": reason,
        "site": letterhead.site,
        "standpoint": letterhead.standpoint,
        "flow": flow.id,
        "title": flow.title[letterhead.language],
        "state": picture.state.value,
        "since": iso(picture.since),
        "opened_at": iso(incident.opened_at),
        "restored_at": None if standing.restored_at is None else iso(standing.restored_at),
        "probe": deciding.name.probe if deciding else None,
        "stage": stage.id if stage else None,
        "cause": cause.code if cause else None,
        "side": cause.side.value if cause else None,
        "detail": deciding.result.detail if deciding else "",
        "because": standing.because,
        "owner": flow.owner,
        "criticality": flow.criticality.value,
        "runbook": flow.runbook,
        "url": link,
        "acknowledge_url": f"{link}#page" if link and status != "resolved" else "",
        "escalated": escalated,
        "summary": _summary(picture, status, heading, letterhead),
        "text": text_of(_lines(picture, incident, status, reason, heading, letterhead, now), letterhead),
        "sent_at": iso(now),
    }


def message_key(incident: Incident, status: str) -> str:
    return f"{incident.id}-{status}{incident.reminders or ''}" if status == "reminder" else f"{incident.id}-{status}"


def link_to(letterhead: Letterhead, flow: str) -> str:
    """The flow's page, or an empty text when nobody said where this daemon's pages are reached."""
    return f"{letterhead.url.rstrip('/')}/flows/{quote(flow, safe='')}" if letterhead.url else ""


def text_of(lines: Iterable[str], letterhead: Letterhead) -> str:
    """The text of every kind of message, one line each."""
    return typeset("\n".join(lines), letterhead.language)


def _summary(picture: FlowPicture, status: str, heading: str, letterhead: Letterhead) -> str:
    """One line: what, which flow, why, where. The side gives way first, then the cause's end: never the site."""
    language = letterhead.language
    said = short(f"{heading}{_colon(language)} {picture.flow.title[language]}")
    place = short(f" – {letterhead.site}")
    cause = picture.deciding.result.cause if picture.deciding else None
    if cause is not None and status != "resolved":
        why, side = short(f" – {cause.words[language]}"), f" ({SIDES[cause.side][language]})"
        said += why + side if len(said + why + side + place) <= SUMMARY else why
    return cut(cut(said, max(SUMMARY - len(place), SUMMARY // 2)) + place)


def short(text: str) -> str:
    """In the characters of a short message, as far as its words allow.

    GSM 03.38 has neither the dash nor the space without break: with one of them a message holds 70 characters.
    """
    return text.replace("\u00a0", " ").replace("–", "-")


def cut(text: str, length: int = SUMMARY) -> str:
    return text if len(text) <= length else f"{text[: length - 3].rstrip()}..."


def _colon(language: str) -> str:
    return " :" if language == "fr" else ":"


def _lines(
    picture: FlowPicture,
    incident: Incident,
    status: str,
    reason: str,
    heading: str,
    letterhead: Letterhead,
    now: float,
) -> list[str]:
    language = letterhead.language
    colon = _colon(language)
    place = f" ({seen_from(letterhead.standpoint, language)})" if letterhead.standpoint else ""
    lines = [
        f"{heading}{colon} {picture.flow.title[language]}",
        f"{letterhead.site}{place}",
        *_times(picture, incident, status, reason, letterhead, now),
    ]
    if status != "resolved":
        if picture.flow.intent is Intent.CLOSED and reason == "breached":
            lines.append(
                Words("Ce flux doit rester fermé, et il répond.", "This flow must stay shut; it answers.")[language]
            )
        if picture.deciding is not None:
            lines += _cause(picture.deciding, language)
        elif picture.state is State.UNKNOWN:
            lines += _unlooked(picture, letterhead)
    because = picture.standing.because
    link = link_to(letterhead, picture.flow.id)
    labelled = [
        (Words("À cause de", "Because of"), parent_words(because, language) if status != "resolved" else None),
        (Words("Responsable", "Owner"), picture.flow.owner),
        (Words("Procédure", "Runbook"), picture.flow.runbook),
        (Words("Prendre en charge", "Take it in hand"), f"{link}#page" if link and status != "resolved" else None),
        (Words("Voir", "See"), link if status == "resolved" else None),
    ]
    return [*lines, *(f"{label[language]}{colon} {value}" for label, value in labelled if value)]


def _heading(picture: FlowPicture, incident: Incident, status: str, reason: str, *, escalated: bool) -> Words:
    if status == "reminder" or escalated:
        before, said = (ESCALATION if escalated else REMINDER), HEADINGS["firing", incident.reason]
        return Words(f"{before.fr} – {said.fr}", f"{before.en} – {said.en}")
    if (status, reason) == ("resolved", "dropped") and picture.state is not State.RESTORED:
        return IN_PART
    return HEADINGS[status, reason]


def _times(
    picture: FlowPicture, incident: Incident, status: str, reason: str, letterhead: Letterhead, now: float
) -> list[str]:
    """What it is now and since when; since when it had been restored; how long a page was open."""
    language, zone = letterhead.language, letterhead.zone
    french = language == "fr"
    state = STATE_WORDS[picture.state][language]
    since = spoken(picture.since, zone, language)
    lines = [f"État : {state} depuis {since}." if french else f"State: {state} since {since}."]
    restored_at = picture.standing.restored_at
    if status in ("firing", "reminder") and restored_at is not None and reason != "breached":
        was = spoken(restored_at, zone, language)
        lines.append(f"Était rétabli depuis {was}." if french else f"Had been restored since {was}.")
    if status in ("resolved", "reminder"):
        opened, lasted = spoken(incident.opened_at, zone, language), span(now - incident.opened_at, language)
        lines.append(f"Alerte ouverte {opened}, il y a {lasted}." if french else f"Paged on {opened}, {lasted} ago.")
    taken = incident.acknowledged
    if taken is not None:
        when = spoken(taken.at, zone, language)
        lines.append(f"Prise en charge par {taken.by}, {when}." if french else f"Taken in hand by {taken.by}, {when}.")
    elif status == "reminder":
        lines.append("Personne ne l'a prise en charge." if french else "Nobody has taken it in hand.")
    return lines


def _cause(deciding: Deciding, language: str) -> list[str]:
    """The rung and the cause in plain words, on whose side, what the remote said, and what to look at first."""
    result = deciding.result
    probe = deciding.name.probe + (f" [{deciding.name.target}]" if deciding.name.target else "")
    stage = result.stage.words[language] if result.stage else ""
    french = language == "fr"
    where = f"Où : étape « {stage} », sonde {probe}." if french else f"Where: step “{stage}”, probe {probe}."
    lines = [where if result.stage else f"Sonde : {probe}." if french else f"Probe: {probe}."]
    if result.cause is None:
        return lines
    said, side = result.cause.words[language], SIDES[result.cause.side][language]
    lines.append(f"Cause : {said} ({side})." if french else f"Cause: {said} ({side}).")
    if result.detail:
        lines.append(f"Détail : {result.detail}" if french else f"Detail: {result.detail}")
    first = result.cause.advice(language)
    return [*lines, f"À faire d'abord : {first}" if french else f"Do first: {first}"]


def _unlooked(picture: FlowPicture, letterhead: Letterhead) -> list[str]:
    """Why nothing is known where no run says it: there was none for too long. Nobody's side is at fault for that."""
    counted = [unit for unit in picture.units if unit.probe.counts]
    ran = [unit.result.at for unit in counted if unit.result is not None]
    if not ran or any(unit.fresh for unit in counted):
        return []
    when = spoken(max(ran), letterhead.zone, letterhead.language)
    return [Words(f"Plus aucune mesure depuis {when}.", f"No measurement since {when}.")[letterhead.language]]


def parent_words(because: str | None, language: str) -> str | None:
    """The flow that explains this one; the built-in one in plain words, for nobody has written it down."""
    return OWN_LINK_WORDS[language] if because == OWN_LINK else because
