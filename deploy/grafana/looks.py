"""How values look: the words, marks and colours of Retabli's own page, as Grafana's mappings and thresholds."""

import re
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

import retabli.web
from retabli.model.causes import SIDE_WORDS
from retabli.model.result import Outcome
from retabli.model.states import STATE_WORDS, State
from retabli.model.words import Words
from retabli.web import words

STYLE = Path(retabli.web.__file__).with_name("static") / "style.css"

# The marks that `retabli status` puts before each state.
MARKS = {
    State.BREACHED: "✖",
    State.DROPPED: "▼",
    State.UNKNOWN: "?",
    State.DEGRADED: "◆",
    State.DOWN: "□",
    State.RECOVERING: "↑",
    State.RESTORED: "●",
    State.CONTAINED: "■",
}
# What a panel calls each state; 0 is no state of a flow: nothing is heard of the daemon, so that nothing is known.
NUMBERS = {state: number for number, state in enumerate(State, 1)}
SILENT = 0
# True whether the daemon died, or Prometheus was away and nobody asked it.
NO_NEWS = Words("sans nouvelles de Retabli", "no news from Retabli")


def colours() -> Mapping[State, str]:
    """The page's, on white: dark enough to be filled areas with white text, on Grafana's light and dark themes."""
    light = STYLE.read_text().partition("}")[0]
    return {state: re.findall(rf"--{state.value}: (#[0-9a-f]{{6}})", light)[0] for state in State}


COLOURS = colours()
GOOD, CLOSED, BAD = COLOURS[State.RESTORED], COLOURS[State.CONTAINED], COLOURS[State.DROPPED]
QUIET, WARNING, UNKNOWN = COLOURS[State.DOWN], COLOURS[State.DEGRADED], COLOURS[State.UNKNOWN]

# A value, what it is called, and its colour.
Meanings = Mapping[str, tuple[Words, str]]

STATES: Meanings = {
    str(SILENT): (Words(f"? {NO_NEWS.fr}", f"? {NO_NEWS.en}"), UNKNOWN),
    **{
        str(NUMBERS[state]): (Words(f"{MARKS[state]} {called.fr}", f"{MARKS[state]} {called.en}"), COLOURS[state])
        for state, called in STATE_WORDS.items()
    },
}
ANSWERS: Meanings = {
    "1": (Words("répond", "answers"), QUIET),
    "0": (Words("NE RÉPOND PLUS", "DOES NOT ANSWER"), BAD),
}
PROVEN: Meanings = {
    str(SILENT - 1): (NO_NEWS, UNKNOWN),
    "0": (Words("? non prouvé", "? not proven"), UNKNOWN),
    "1": (Words("■ prouvé", "■ proven"), CLOSED),
}
CONTROL: Meanings = {
    str(SILENT - 1): (NO_NEWS, UNKNOWN),
    "0": (Words("✗ échoue", "✗ fails"), BAD),
    "1": (Words("✓ passe", "✓ passes"), CLOSED),
}
FAILING: Meanings = {"1": (Words("en échec", "failing"), BAD)}
TAKEN: Meanings = {"1": (Words("acceptée", "taken"), QUIET), "0": (Words("REFUSÉE", "REFUSED"), BAD)}
OPEN_PAGES: Meanings = {"0": (Words("–", "–"), "transparent"), "1": (Words("page ouverte", "page open"), BAD)}
SIDES: Meanings = {side.value: (words, "text") for side, words in SIDE_WORDS.items()}
CRITICALITIES: Meanings = {each.value: (found, "text") for each, found in words.CRITICALITIES.items()}
# What a climb ended with.
OUTCOMES: Meanings = {
    each.value: (words.TEXTS[f"outcome_{each.value}"], colour)
    for each, colour in ((Outcome.OK, GOOD), (Outcome.FAILED, BAD), (Outcome.UNKNOWN, UNKNOWN))
}
ENDS: Meanings = {**OUTCOMES, "skipped": (Words("sautées", "skipped"), QUIET)}
REASONS: Meanings = {
    state.value: (STATE_WORDS[state], COLOURS[state]) for state in (State.DROPPED, State.BREACHED, State.UNKNOWN)
}


def mappings(meanings: Meanings, language: str) -> list[model.ValueMapping]:
    """The colour "text" is the theme's own: a word without a colour of its own."""
    options = {
        value: model.ValueMappingResult(called[language], None if colour == "text" else colour, index=place)
        for place, (value, (called, colour)) in enumerate(meanings.items())
    }
    return [model.ValueMap(options)]


def thresholds(steps: Mapping[float | None, str]) -> build.ThresholdsConfig:
    """From each value on, a colour; None is for what is below all others, and for no value at all."""
    return build.ThresholdsConfig().steps([model.Threshold(value, colour) for value, colour in steps.items()])
