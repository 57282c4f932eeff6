"""What a monitoring plugin says: its text, and its performance data (Monitoring Plugins Development Guidelines)."""

import math
import re
from dataclasses import dataclass

MOST_VALUES = 20
LONGEST_LABEL = 40

# 'label'=value[UOM];[warn];[crit];[min];[max] — a quote within a quoted label is doubled. An item begins where a blank
# has ended: were one looked for at each character, what is none would take time with the square of its length.
_ITEM = re.compile(r"(?<![^\s|])(?:'(?P<quoted>(?:[^']|'')+)'|(?P<bare>[^\s='|]+))=(?P<rest>\S+)")
_NUMBER = re.compile(r"(?P<value>[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)(?P<unit>[^\d;.,]{0,8})")


@dataclass(frozen=True, slots=True)
class Value:
    """One number that a plugin measured; the bounds are those that it was told, where they are plain numbers."""

    label: str
    value: float
    unit: str = ""
    warning: float | None = None
    critical: float | None = None
    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        return f"{self.label}={self.value:.12g}{self.unit}"


@dataclass(frozen=True, slots=True)
class Said:
    """`text` is the first line's; `values` are bounded in number."""

    text: str
    values: tuple[Value, ...]


def read_output(output: bytes) -> Said:
    """The first line up to `|` is the text; what follows `|` there, and in the lines below once one has it, is data."""
    lines = output.decode("utf-8", "replace").splitlines() or [""]
    text, _, data = lines[0].partition("|")
    below = "\n".join(lines[1:]).partition("|")[2]
    return Said(text.strip(), _values(f"{data} {below}"))


def _values(data: str) -> tuple[Value, ...]:
    found = []
    for item in _ITEM.finditer(data):
        value = _value(item)
        if value is not None:
            found.append(value)
        if len(found) == MOST_VALUES:
            break
    return tuple(found)


def _value(item: "re.Match[str]") -> Value | None:
    """None for `U` (it could not be measured), and for what is no number."""
    first, *bounds = item["rest"].split(";")
    number = _NUMBER.fullmatch(first)
    if number is None:
        return None
    value = _float(number["value"])
    if value is None:
        return None
    label = (item["bare"] or item["quoted"].replace("''", "'"))[:LONGEST_LABEL]
    plain = [_float(bound) for bound in bounds[:4]] + [None] * 4
    return Value(label, value, number["unit"], plain[0], plain[1], plain[2], plain[3])


def _float(text: str) -> float | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:  # a range (`10:20`), or nothing
        return None
    return number if math.isfinite(number) else None
