"""The page of what is said of a flow: states, outcomes, sides, rungs, reasons, events of the log."""

from collections.abc import Iterable, Iterator

import probes
from docs.writing.markdown import code, codes, said, table
from retabli.model.causes import LOOK, SIDE_WORDS, Side
from retabli.model.probe import Probe
from retabli.model.record import Event
from retabli.model.result import Outcome
from retabli.model.stages import Stage
from retabli.model.states import STATE_WORDS, State
from retabli.model.words import Words
from retabli.own_link import OwnLink

TITLE = Words("États, issues, échelons", "States, outcomes, rungs")
ABOUT = Words(
    "Ce que dit Retabli d'un flux, avec ses mots exacts : ceux de la page, des messages, de l'API, des métriques et de "
    "la main courante. Pourquoi un échelon ne tient pas : [les causes](causes.md).",
    "What Retabli says of a flow, in its exact words: those of the page, of messages, of the API, of metrics and of "
    "the log. Why a rung does not hold: [the causes](causes.md).",
)

MEANS = {
    State.BREACHED: Words(
        "Ce flux doit rester fermé, et il a répondu deux fois de suite.",
        "This flow must stay closed, and it answered twice in a row.",
    ),
    State.DROPPED: Words(
        "Il était rétabli ; il a échoué `fall` fois de suite, confirmations comprises.",
        "It was restored; it failed `fall` times in a row, confirmations included.",
    ),
    State.UNKNOWN: Words(
        "Aucune preuve fraîche, ou aucune qui permette de juger. Ce n'est ni un succès ni une panne.",
        "No fresh evidence, or none that can be judged. It is neither a success nor a failure.",
    ),
    State.DEGRADED: Words(
        "Il passe, mais pas en entier : une partie des unités, trop lentement, ou par intermittence.",
        "It gets through, but not wholly: a part of its units, too slowly, or on and off.",
    ),
    State.DOWN: Words(
        "Ouvert, et jamais prouvé depuis que Retabli le surveille : le travail de rétablissement n'est pas fini.",
        "Open, and never proven since Retabli has watched it: it has not been brought back yet.",
    ),
    State.RECOVERING: Words(
        "Il répond, mais pas encore `rise` fois de suite sur au moins `soak`.",
        "It answers, but not yet `rise` times in a row over at least `soak`.",
    ),
    State.RESTORED: Words(
        "Il répond, prouvé jusqu'au dernier échelon, depuis assez longtemps.",
        "It answers, proven up to its last rung, for long enough.",
    ),
    State.CONTAINED: Words(
        "Fermé : refusé comme prévu, pendant que les témoins passent.",
        "Closed: denied in the expected way, while the controls pass.",
    ),
}
DO = {
    State.BREACHED: Words(
        "Refermer d'abord, chercher ensuite : la page du flux nomme la tentative qui a abouti.",
        "Shut it first, search afterwards: the flow's page names the attempt that got through.",
    ),
    State.DROPPED: Words(
        "Lire la cause et son côté, prendre en charge, puis `retabli probe FLUX`.",
        "Read the cause and its side, acknowledge, then `retabli probe FLOW`.",
    ),
    State.UNKNOWN: Words(
        "Réparer la mesure avant le flux : boîte témoin, proxy, secret, témoin de fermeture, lien propre. En "
        "attendant, faire comme s'il ne marchait pas.",
        "Mend the measurement before the flow: witness mailbox, proxy, secret, control, own link. Until then, act as "
        "if it did not work.",
    ),
    State.DEGRADED: Words(
        "Voir quelles unités manquent et la durée des échelons ; une file de relais retenue se vide à la main.",
        "See which units are missing and how long rungs take; a relay's held queue is flushed by hand.",
    ),
    State.DOWN: Words(
        "Rien d'urgent : gravir l'échelle avec `retabli probe FLUX` et lever un échelon après l'autre.",
        "Nothing urgent: climb with `retabli probe FLOW` and clear one rung after the other.",
    ),
    State.RECOVERING: Words("Attendre `soak`. Ne pas l'annoncer encore.", "Wait for `soak`. Do not announce it yet."),
    State.RESTORED: Words(
        "Rien. L'annoncer : il s'affiche, et sur la page publique s'il est `public`.",
        "Nothing. Announce it: it is shown, on the public page too if it is `public`.",
    ),
    State.CONTAINED: Words("Rien. La preuve est datée sur la page du flux.", "Nothing. Its page dates the proof."),
}
TOLD = {
    State.BREACHED: Words("alerte immédiate, malgré tout silence", "page at once, whatever the silence"),
    State.DROPPED: Words("alerte", "page"),
    State.UNKNOWN: Words(
        "alerte après `page_unknown_after`, si le flux était rétabli ou isolé et qu'il est vital, important ou fermé",
        "page after `page_unknown_after`, if the flow was restored or contained and is vital, high or closed",
    ),
    State.DEGRADED: Words("avertissement, à qui le demande", "warning, to those who ask"),
    State.DOWN: Words("non", "no"),
    State.RECOVERING: Words("non", "no"),
    State.RESTORED: Words("fin d'alerte, s'il y en avait une", "end of the page, if one was open"),
    State.CONTAINED: Words("fin d'alerte, s'il y en avait une", "end of the page, if one was open"),
}
OUTCOMES = {
    Outcome.OK: Words(
        "tous les échelons ont tenu ; d'un flux fermé, la fermeture est prouvée",
        "every rung held; of a closed flow, closure is proven",
    ),
    Outcome.FAILED: Words(
        "un échelon n'a pas tenu ; d'un flux fermé, une réponse est venue",
        "a rung did not hold; of a closed flow, an answer came",
    ),
    Outcome.UNKNOWN: Words("on ne peut pas juger", "it cannot be judged"),
}
EVENTS = {
    Event.START: Words("le démon commence à surveiller", "the daemon begins to watch"),
    Event.STOP: Words("il s'arrête, à la demande de quelqu'un", "it stops, because somebody asked"),
    Event.GAP: Words(
        "personne ne regardait entre ces deux instants : démon tué, machine figée",
        "nobody looked between these two instants: the daemon was killed, its machine stood still",
    ),
    Event.COPY: Words(
        "l'état était abîmé ou perdu : une copie est à sa place ([Sauvegarder](../../sauvegarde.md))",
        "the state was damaged or lost: a copy is in its place ([Backup](../../backup.md))",
    ),
    Event.CONFIG: Words("la configuration a changé, ou a été refusée", "the configuration changed, or was refused"),
    Event.STATE: Words("un flux a changé d'état", "a flow changed its state"),
    Event.INTENT: Words(
        "quelqu'un a décidé d'ouvrir ou de fermer un flux", "somebody decided to open or to close a flow"
    ),
    Event.PAGE: Words("une alerte s'ouvre", "a page is opened"),
    Event.RESOLVE: Words("elle se ferme", "it ends"),
    Event.TOLD: Words("un canal a accepté un message", "a channel accepted a message"),
    Event.ASIDE: Words(
        "un canal ne peut pas prendre un message, qui part par un autre",
        "a channel cannot take a message, which goes by another one",
    ),
    Event.DEFERRED: Words(
        "une alerte due attend : un parent en a une, ou un silence court",
        "a page that is due waits: a parent has one, or a silence runs",
    ),
    Event.ACKNOWLEDGE: Words("quelqu'un a pris l'alerte en charge", "somebody took the page in hand"),
    Event.SILENCE: Words("un silence commence ou finit", "a silence begins or ends"),
    Event.LOGIN: Words(
        "un compte qui peut agir s'est identifié, ou tant d'essais ont échoué",
        "an account that may act logged in, or so many attempts failed",
    ),
}
HEADS = {
    "told": Words("- **Astreinte** : {}.", "- **On call**: {}."),
    "do": Words("- **À faire** : {}", "- **To do**: {}"),
    "outcomes": Words("## L'issue d'un essai", "## The outcome of a run"),
    "sides": Words("## De quel côté", "## Whose side"),
    "rungs": Words("## Les échelons", "## The rungs"),
    "events": Words("## La main courante", "## The log"),
}
COLUMNS = {
    "outcome": Words("issue|sens", "outcome|means"),
    "side": Words("côté|en clair|que regarder", "side|in words|what to look at"),
    "rung": Words("échelon|en clair|sondes", "rung|in words|kinds"),
    "event": Words("ligne|sens", "row|means"),
}
ABOVE = {
    "outcomes": Words(
        "Un essai `skipped`, dans les métriques, n'a pas eu lieu : le précédent durait encore, ou un compte refusé "
        "n'est pas réessayé.",
        "A run that is `skipped`, in metrics, did not take place: the one before was still under way, or an account "
        "that was refused is not tried again.",
    ),
    "sides": Words(
        "Chaque cause est d'un côté. Les routes d'alerte le demandent par `side`.",
        "Each cause is on one side. Routes ask for it by `side`.",
    ),
    "rungs": Words(
        "L'échelle d'une sonde est une suite de ceux-ci, dans l'ordre : chaque échelon suppose le précédent.",
        "A probe's ladder is a row of these, in order: each rung stands on the one before.",
    ),
    "events": Words(
        "`retabli log --event page` n'affiche que cette sorte de lignes.",
        "`retabli log --event page` prints rows of this kind alone.",
    ),
}


def lines(language: str) -> Iterator[str]:
    for state in State:
        yield from _state(state, language)
    yield from _part("outcomes", language)
    yield from _table("outcome", ((each.value, OUTCOMES[each][language]) for each in Outcome), language)
    yield from _part("sides", language)
    rows = ((side.value, SIDE_WORDS[side][language], LOOK[side][language]) for side in Side)
    yield from _table("side", rows, language)
    yield from _part("rungs", language)
    yield from _table("rung", ((stage.id, stage.words[language], met) for stage, met in rungs()), language)
    yield from _part("events", language)
    yield from _table("event", ((each.value, EVENTS[each][language]) for each in Event), language)


def rungs() -> Iterator[tuple[Stage, str]]:
    """Every rung, sorted by name, and the kinds that climb it."""
    climbers: dict[Stage, list[str]] = {}
    kinds: dict[str, type[Probe]] = {name: probes.kind(name) for name in probes.kinds()} | {"own_link": OwnLink}
    for name, kind in kinds.items():
        for stage in kind.LADDER:
            climbers.setdefault(stage, []).append(name)
    for stage in sorted(climbers, key=str):
        yield stage, codes(climbers[stage])


def _state(state: State, language: str) -> Iterator[str]:
    words, do = STATE_WORDS[state][language], DO[state][language]
    yield from (f"## {state.value}", "")
    yield f"**{words}** : {within(MEANS[state][language])}" if language == "fr" else MEANS[state][language]
    yield ""
    yield HEADS["told"][language].format(TOLD[state][language])
    yield HEADS["do"][language].format(within(do))
    yield ""


def _part(name: str, language: str) -> Iterator[str]:
    yield from (HEADS[name][language], "", said(ABOVE[name], language), "")


def within(sentence: str) -> str:
    """A sentence that goes on after a colon."""
    return sentence[0].lower() + sentence[1:]


def _table(what: str, rows: Iterable[tuple[str, ...]], language: str) -> list[str]:
    return table(COLUMNS[what][language].split("|"), ((code(first), *rest) for first, *rest in rows))
