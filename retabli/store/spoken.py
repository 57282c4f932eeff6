"""A row of the log in plain words, French or English, for whoever reads it."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from retabli.model.durations import span
from retabli.model.record import Event
from retabli.model.result import clean
from retabli.model.stamps import row_stamp
from retabli.model.states import STATE_WORDS
from retabli.model.words import COLON, Words

LENGTH = 600  # characters of one value; what a remote said is far shorter already

EVENTS = {
    Event.START: Words("démarrage", "start"),
    Event.STOP: Words("arrêt", "stop"),
    Event.GAP: Words("angle mort", "blind gap"),
    Event.COPY: Words("état repris", "state restored"),
    Event.CONFIG: Words("configuration", "configuration"),
    Event.STATE: Words("état", "state"),
    Event.INTENT: Words("décision", "intent"),
    Event.PAGE: Words("alerte", "page"),
    Event.RESOLVE: Words("fin d'alerte", "resolve"),
    Event.TOLD: Words("remis", "told"),
    Event.ASIDE: Words("mis de côté", "set aside"),
    Event.DEFERRED: Words("différée", "deferred"),
    Event.ACKNOWLEDGE: Words("prise en compte", "acknowledged"),
    Event.SILENCE: Words("silence", "silence"),
    Event.LOGIN: Words("identification", "log-in"),
}
WORDS: Mapping[str, Words] = {event.value: words for event, words in EVENTS.items()}
STATES: Mapping[str, Words] = {state.value: words for state, words in STATE_WORDS.items()}
CHANGES = {
    "added": Words("ajouté", "added"),
    "removed": Words("retiré", "removed"),
    "probes": Words("sondes changées", "probes changed"),
    "refused": Words("refusée, l'ancienne reste", "refused, the old one stays"),
}
REASONS: Mapping[str, Words] = {
    **STATES,
    "superseded": Words("remplacé par une alerte", "replaced by a page"),
    "removed": Words("retiré", "removed"),
    "intent_changed": Words("décision changée", "intent changed"),
    "channel_failing": Words("canal d'alerte en panne", "alert channel fails"),
    "state_restored": Words("état repris d'une copie", "state restored from a copy"),
    "state_unwritable": Words("état impossible à écrire", "state cannot be written"),
}
STATUSES = {
    "firing": Words("appel", "page"),
    "reminder": Words("rappel", "reminder"),
    "resolved": Words("fin d'alerte", "resolve"),
    "test": Words("essai", "test"),
}
DECISIONS = {"open": Words("ouvert", "open"), "closed": Words("fermé", "closed")}
ESCALATED = Words("personne n'a pris en charge, d'autres sont appelés", "nobody has taken it, others are called")
UNTIL = Words("jusqu'au", "until")
OVER = Words("arrivé à son terme", "it ran out")
MAY = {"act": Words("peut agir", "may act"), "admin": Words("peut administrer", "may administer")}
NAMED = 5  # accounts of a row about failures
NOBODY = Words("personne : aucun canal", "nobody: no channel")

Speaker = Callable[[dict[str, Any], str], str]


def event_word(event: str, language: str) -> str:
    """The event's name; one that this version does not know stays as it is written."""
    return WORDS[event][language] if event in WORDS else clean(event)


def sentence(event: str, data: Mapping[str, Any], language: str, zone: tzinfo | None = None) -> str:
    """What the row says besides its time, event and flow. What has no words of its own follows as `name=value`.

    Instants are in `zone`; None: the machine's own.
    """
    rest = dict(data)
    for name in ("from", "until"):
        if name in rest:
            rest[name] = _local(rest[name], zone)
    said = SPEAKERS[event](rest, language) if event in SPEAKERS else ""
    left = [f"{name}={_plain(value)}" for name, value in rest.items() if value not in (None, "", [], {})]
    return clean("; ".join(part for part in (said, *left) if part), 4 * LENGTH)


def _local(value: object, zone: tzinfo | None) -> object:
    """As the stamps of the log are written; what is no instant stays."""
    try:
        return row_stamp(datetime.fromisoformat(str(value)).timestamp(), zone, seconds=False)
    except (ValueError, OverflowError):
        return value


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value)
    return clean(str(value), LENGTH)


# Why a running daemon did not look.
GAPS = {
    "asleep": Words("la machine dormait", "the machine slept"),
    "clock": Words("machine suspendue, ou horloge avancée", "the machine was paused, or its clock was set forward"),
}


def _gap(data: dict[str, Any], language: str) -> str:
    """How long nobody watched, since when, and whether somebody had ended it."""
    seconds, since, clean_stop = data.pop("seconds", None), data.pop("from", None), data.pop("clean_stop", None)
    said = []
    if isinstance(seconds, int | float):
        said.append(f"{Words('rien de surveillé pendant', 'nothing watched for')[language]} {span(seconds, language)}")
    if since:
        said.append(f"{Words('depuis', 'since')[language]} {_plain(since)}")
    behind = data.pop("clock_behind", None)
    if isinstance(behind, int | float):
        set_back = Words("l'horloge a été reculée d'au moins", "the clock was set back by at least")
        said.append(f"{set_back[language]} {span(behind, language)}")
    why = GAPS.get(str(data.get("why")))
    if why is not None:
        del data["why"]
        said.append(why[language])
    if clean_stop is not None:
        ended = Words("après un arrêt voulu", "after a wanted stop")
        broken = Words("après un arrêt imprévu", "after a stop that nobody wanted")
        said.append((ended if clean_stop else broken)[language])
    return ", ".join(said)


def _copy(data: dict[str, Any], language: str) -> str:
    """What was found, up to when the copy knows, and where the damaged file is."""
    why, until, aside = data.pop("why", None), data.pop("until", None), data.pop("aside", None)
    copy, channels = data.pop("copy", None), data.pop("channels", None)
    said = [Words("copie mise à la place de l'état", "a copy was put in the place of the state")[language]]
    if why:
        said[0] += f" ({_plain(why)})"
    if until:
        said.append(Words("rien n'est su d'après ", "nothing is known of what came after ")[language] + _plain(until))
    if copy:
        said.append(Words("copie ", "copy ")[language] + _plain(copy))
    if aside:
        said.append(Words("fichier abîmé gardé : ", "damaged file kept: ")[language] + _plain(aside))
    return f"{', '.join(said)} → {_plain(channels) if channels else NOBODY[language]}"


def _states(data: dict[str, Any], language: str) -> str:
    moved = f"{_state(data.pop('was', '?'), language)} → {_state(data.pop('now', '?'), language)}"
    because = data.pop("because", None)
    explained = f"{Words(' ; expliqué par ', '; explained by ')[language]}{_plain(because)}" if because else ""
    return f"{moved} ({why}){explained}" if (why := _why(data)) else f"{moved}{explained}"


def _state(value: object, language: str) -> str:
    return _worded(STATES, value, language)


def _worded(words: Mapping[str, Words], value: object, language: str) -> str:
    text = str(value)
    return words[text][language] if text in words else clean(text)


def _why(data: dict[str, Any]) -> str:
    """The rung, the cause and its side, as they are called everywhere; then what the remote said."""
    probe, target = data.pop("probe", None), data.pop("target", None)
    where = f"{probe}[{target}]" if target else probe
    parts = [where, data.pop("stage", None), data.pop("cause", None), data.pop("side", None)]
    named = " / ".join(_plain(part) for part in parts if part)
    detail = data.pop("detail", None)
    return f"{named}: {_plain(detail)}" if detail else named


def _intents(data: dict[str, Any], language: str) -> str:
    was, now = (_decision(data.pop(name, "?"), language) for name in ("was", "now"))
    return f"{was} → {now}{_in_brackets(data, language)}"


def _change(data: dict[str, Any], language: str) -> str:
    change = str(data.pop("change", ""))
    said = CHANGES[change][language] if change in CHANGES else clean(change)
    return f"{said}{_in_brackets(data, language)}"


def _in_brackets(data: dict[str, Any], language: str) -> str:
    """The intent and the state, where a row gives them besides."""
    intent, state = data.pop("intent", None), data.pop("state", None)
    said = [_decision(intent, language) if intent else "", _state(state, language) if state else ""]
    return f" ({', '.join(filter(None, said))})" if any(said) else ""


def _decision(value: object, language: str) -> str:
    return _worded(DECISIONS, value, language)


def _page(data: dict[str, Any], language: str) -> str:
    channels = data.pop("channels", None)
    reason = _worded(REASONS, data.pop("reason", "?"), language)
    to = _plain(channels) if channels else NOBODY[language]
    status, escalated = data.pop("status", None), data.pop("escalated", False)
    lead = ESCALATED[language] if escalated else ""
    if status not in (None, "firing", "resolved"):  # which the event says
        lead = f"{_worded(STATUSES, status, language)}{', ' if lead else ''}{lead}"
    return f"{lead}{COLON[language] if lead else ''}{reason} → {to}"


def _deferred(data: dict[str, Any], language: str) -> str:
    because, silenced_by = data.pop("because", None), data.pop("silenced_by", None)
    said = [_worded(REASONS, data.pop("reason", "?"), language)]
    if because:
        said.append(Words("à cause de ", "because of ")[language] + _plain(because))
    if silenced_by:
        by = Words("en silence par ", "silenced by ")[language] + _plain(silenced_by)
        said.append(by + _until(data, language))
    return ", ".join(said)


def _acknowledged(data: dict[str, Any], language: str) -> str:
    reason, by = data.pop("reason", None), _plain(data.pop("by", None) or "?")
    said = Words(f"par {by}", f"by {by}")[language] + _until(data, language)
    note = data.pop("note", None)
    named = f" ({_worded(REASONS, reason, language)})" if reason else ""
    return f"{said}{named}" + (f" – {_plain(note)}" if note else "")


def _silenced(data: dict[str, Any], language: str) -> str:
    by, why, ended = data.pop("by", None), data.pop("why", None), data.pop("ended", False)
    if ended:
        return Words("levé par ", "lifted by ")[language] + _plain(by) if by else OVER[language]
    begun = f"{UNTIL[language]} {_plain(data.pop('until', None) or '?')}"
    said = COLON[language].join(_plain(each) for each in (by, why) if each)
    return f"{begun} – {said}" if said else begun


def _until(data: dict[str, Any], language: str) -> str:
    until = data.pop("until", None)
    return f" {UNTIL[language]} {_plain(until)}" if until else ""


def _told(data: dict[str, Any], language: str) -> str:
    status, channel = _worded(STATUSES, data.pop("status", "?"), language), _plain(data.pop("channel", "?"))
    if reason := data.pop("reason", None):
        status += f" ({_worded(REASONS, reason, language)})"
    attempts = data.pop("attempts", 1)
    data.pop("key", None)
    after = Words(f" (au {attempts}e essai)", f" (attempt {attempts})")[language] if attempts != 1 else ""
    return f"{status} → {channel}{after}{_grouped(data, language)}"


def _grouped(data: dict[str, Any], language: str) -> str:
    """That a message of a storm told it, together with others."""
    data.pop("group", None)
    together = data.pop("together", None)
    if not isinstance(together, int):
        return ""
    return Words(f" (groupé, {together} ensemble)", f" (grouped, {together} together)")[language]


def _aside(data: dict[str, Any], language: str) -> str:
    status, channel = _worded(STATUSES, data.pop("status", "?"), language), _plain(data.pop("channel", "?"))
    if reason := data.pop("reason", None):
        status += f" ({_worded(REASONS, reason, language)})"
    error, others = _plain(data.pop("error", "?")), _plain(data.pop("left_to", []))
    data.pop("key", None)
    words = Words(
        f"{status} → {channel} : {error} ; laissé à {others}", f"{status} → {channel}: {error}; left to {others}"
    )
    return words[language]


def _login(data: dict[str, Any], language: str) -> str:
    """Who came in, or how many failed to, since when, from how many places, and at which accounts of ours."""
    failed = data.pop("failed", None)
    if failed is None:
        by, role = _plain(data.pop("by", "?")), data.pop("role", None)
        return f"{by} ({_worded(MAY, role, language)})" if role else by
    one, since, places = failed == 1, data.pop("from", None), data.pop("places", None)
    data.pop("seconds", None)
    said = _plain(failed) + Words(" échec" if one else " échecs", " failure" if one else " failures")[language]
    if since:
        said += f" {Words('depuis', 'since')[language]} {_plain(since)}"
    if places:
        few = Words(", d'une adresse", ", from one address")
        many = Words(f", de {_plain(places)} adresses", f", from {_plain(places)} addresses")
        said += (few if places == 1 else many)[language]
    named = _at_accounts(data.pop("accounts", None), failed, language)
    return f"{said}{COLON[language]}{named}" if named else said


def _at_accounts(accounts: object, failed: object, language: str) -> str:
    """`karim (12), comptes inconnus (25)`: those that were tried most often, then all that are none of ours."""
    counts = {str(name): number for name, number in accounts.items()} if isinstance(accounts, dict) else {}
    if not isinstance(failed, int) or not all(isinstance(number, int) for number in counts.values()):
        return _plain(accounts) if accounts else ""
    most = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    unknown, others = failed - sum(counts.values()), sum(number for _, number in most[NAMED:])
    said = [f"{clean(name, 64)} ({number})" for name, number in most[:NAMED]]
    for number, words in (
        (others, Words("autres comptes", "other accounts")),
        (unknown, Words("comptes inconnus", "unknown accounts")),
    ):
        said += [f"{words[language]} ({number})"] if number > 0 else []
    return ", ".join(said)


SPEAKERS: Mapping[str, Speaker] = {
    Event.GAP: _gap,
    Event.COPY: _copy,
    Event.STATE: _states,
    Event.INTENT: _intents,
    Event.CONFIG: _change,
    Event.PAGE: _page,
    Event.RESOLVE: _page,
    Event.TOLD: _told,
    Event.ASIDE: _aside,
    Event.DEFERRED: _deferred,
    Event.ACKNOWLEDGE: _acknowledged,
    Event.SILENCE: _silenced,
    Event.LOGIN: _login,
}
