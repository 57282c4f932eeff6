"""What people fill in, by a form or as JSON: read, cleaned and bounded, every fault at once."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from retabli.model.result import clean
from retabli.model.settings import did_you_mean
from retabli.model.words import Words
from retabli.view import View
from retabli.web.instants import written

LARGEST = 16 * 1024  # bytes of a body
LONGEST = {"by": 80, "note": 400, "why": 300, "until": 40}  # characters
NAMED = 5  # unknown keys that are told of
DAY = 86_400.0

_FAULTS = {
    "missing": Words("{name}\u00a0: à renseigner", "{name} is missing"),
    "long": Words("{name}\u00a0: {most} caractères au plus", "{name} is longer than {most} characters"),
    "text": Words("{name}\u00a0: un texte est attendu", "{name} is no text"),
    "instant": Words(
        "{name}\u00a0: ni un instant avec son décalage (2026-11-25T18:30:00+01:00), ni une durée (2h, 30m)",
        "{name} is neither an instant with its offset (2026-11-25T18:30:00+01:00) nor a duration (2h, 30m)",
    ),
    "far": Words("{name}\u00a0: à plus de {days} jours", "{name} is more than {days} days away"),
    "unknown": Words("{name} est inconnu{near}", "{name} is not known{near}"),
    "json": Words("le corps n'est pas un objet JSON", "the body is not a JSON object"),
    "form": Words("le corps n'est ni du JSON ni un formulaire simple", "the body is neither JSON nor a plain form"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    name: str = ""
    near: str = ""
    days: int = 0

    def said(self, language: str, labels: Mapping[str, str] | None = None) -> str:
        """As a sentence. `labels` are what the fields are called on a page."""
        name = (labels or {}).get(self.name, self.name)
        return _FAULTS[self.kind][language].format(
            name=name, most=LONGEST.get(self.name), near=self.near, days=self.days
        )


class Faulty(Exception):
    """Something that was filled in cannot be taken."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.said("en") for fault in faults))
        self.faults = tuple(faults)


class Fields:
    """What was filled in, asked for one by one; `check` tells of all that was wrong with it."""

    def __init__(self, given: Mapping[str, object], known: Collection[str], view: View) -> None:
        self._given = given
        self._view = view
        strange = [name for name in given if name not in known]
        self._faults = [Fault("unknown", clean(name, 40), did_you_mean(name, known)) for name in strange[:NAMED]]

    def text(self, name: str, *, wanted: bool = True) -> str:
        """One line without control characters; empty where nothing usable was given."""
        given = self._given.get(name)
        if given is not None and not isinstance(given, str):
            self._faults.append(Fault("text", name))
            return ""
        kept = clean(given or "", LARGEST)
        if wanted and not kept:
            self._faults.append(Fault("missing", name))
        if len(kept) > LONGEST[name]:
            self._faults.append(Fault("long", name))
        return kept

    def instant(self, name: str, *, wanted: bool = True, furthest: int | None = None) -> float | None:
        """A wall time, at most `furthest` days away, or None where nothing usable was given."""
        faults = len(self._faults)
        said = self.text(name, wanted=wanted)
        if not said or len(self._faults) > faults:
            return None
        try:
            instant = written(said, self._view)
        except (ValueError, OverflowError):
            self._faults.append(Fault("instant", name))
            return None
        if furthest is not None and instant > self._view.unstamped_now + furthest * DAY:
            self._faults.append(Fault("far", name, days=furthest))
            return None
        return instant

    def check(self) -> None:
        """
        Raises:
            Faulty: with every fault that was met until now.
        """
        if self._faults:
            raise Faulty(self._faults)


def read(body: bytes, content_type: str) -> Mapping[str, object]:
    """The fields of a body, JSON or a form's.

    Raises:
        Faulty: it is neither.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json") or body.lstrip()[:1] == b"{":  # curl calls whatever it sends a form
        return _json(body)
    if kind not in ("", "application/x-www-form-urlencoded"):
        raise Faulty([Fault("form")])
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:  # more fields than anybody fills in, or no text
        raise Faulty([Fault("form")]) from None
    return {name: values[0] for name, values in fields.items()}


def _json(body: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Faulty([Fault("json")]) from None
    if not isinstance(value, dict):
        raise Faulty([Fault("json")])
    return value
