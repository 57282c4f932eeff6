"""The page of the kinds of probes: what each proves, its rungs, its settings, its causes."""

from collections.abc import Iterator

import probes
from config.schema import of_kind
from docs.writing.markdown import code, said
from docs.writing.settings import rows
from retabli.model.causes import COMMON, Cause
from retabli.model.probe import Probe
from retabli.model.words import Words

TITLE = Words("Les sondes", "Kinds of probes")
ABOUT = Words(
    "Une sonde gravit une échelle : chaque échelon tient ou donne une cause. Ce qu'elles ont toutes "
    "(`every`, `timeout`, `slow`, `temporary`, `counts`, `resolver`) est répété dans chaque table, car la valeur par "
    "défaut peut y différer. `retabli kinds SONDE --lang fr` affiche la même chose dans un terminal.",
    "A probe climbs a ladder: each rung holds, or gives a cause. What all of them have (`every`, `timeout`, `slow`, "
    "`temporary`, `counts`, `resolver`) stands in each table, for its default may differ. `retabli kinds KIND` prints "
    "the same in a terminal.",
)
LADDER = Words("**Échelle** : {}", "**Ladder**: {}")
CAUSES = Words("**Causes**, outre les [communes]({}) : {}", "**Causes**, beyond the [common ones]({}): {}")
COMMON_PLACE = Words("causes.md#communes-à-toutes-les-sondes", "causes.md#common-to-all-kinds")


def lines(language: str) -> Iterator[str]:
    yield ", ".join(f"[{code(name)}](#{name})" for name in probes.kinds())
    yield ""
    for name in probes.kinds():
        yield from _kind(name, probes.kind(name), language)


def _kind(name: str, kind: type[Probe], language: str) -> Iterator[str]:
    yield from (f"## {name}", "", said(kind.SUMMARY[0 if language == "fr" else 1], language), "")
    climbed = " › ".join(f"{code(stage)} ({stage.words[language]})" for stage in kind.LADDER)
    yield from (LADDER[language].format(climbed), "")
    yield from rows(of_kind(kind), language)
    if own := [each for each in dict.fromkeys(kind.CAUSES) if each not in COMMON]:
        yield from (CAUSES[language].format(COMMON_PLACE[language], ", ".join(map(_link, own))), "")


def _link(cause: Cause) -> str:
    return f"[{code(cause)}](causes.md#{cause})"
