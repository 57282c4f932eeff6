"""The page of causes: every one that any kind can meet, what it means, on whose side, and what to look at first."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator

import probes
import retabli.net
from docs.writing.first_checks import CHECKS
from docs.writing.markdown import code, codes, said
from retabli.model.causes import COMMON, SIDE_WORDS, Cause, Verdict
from retabli.model.words import Words
from retabli.own_link import OwnLink

TITLE = Words("Les causes", "Causes")
ABOUT = Words(
    "Pourquoi un échelon n'a pas tenu. Une cause a un **code** (dans les messages, l'API, la main courante, les "
    "métriques), un **côté** (chez qui regarder) et un **verdict** (ce qu'elle permet de dire) :\n\n"
    "- *échec* : le flux ne passe pas ;\n"
    "- *temporaire* : indéterminé pendant `temporary` (15 min par défaut), puis échec ;\n"
    "- *indéterminé* : la mesure n'a pas pu juger ; le flux n'en devient ni vert, ni rouge ;\n"
    "- *pas entièrement* : le flux passe, mais pas comme il faut ; jamais une chute.\n\n"
    "Le code est sur la page du flux et dans l'alerte ; chercher ce code ici (Ctrl+F), ou suivre "
    "[l'index](#index). `retabli kinds SONDE --lang fr` donne les causes d'une sonde.",
    "Why a rung did not hold. A cause has a **code** (in messages, the API, the log, metrics), a **side** (where to "
    "look) and a **verdict** (what it lets us say):\n\n"
    "- *failed*: the flow does not get through;\n"
    "- *temporary*: unknown for `temporary` (15 minutes by default), then failed;\n"
    "- *unknown*: the measurement could not judge; the flow turns neither green nor red by it;\n"
    "- *not wholly*: the flow gets through, but not as it should; never a drop.\n\n"
    "The code stands on the flow's page and in the message; look for it here (Ctrl+F), or follow the "
    "[index](#index). `retabli kinds KIND` prints the causes of one kind.",
)
VERDICTS = {
    Verdict.FAILED: Words("échec", "failed"),
    Verdict.TEMPORARY: Words("temporaire", "temporary"),
    Verdict.UNKNOWN: Words("indéterminé", "unknown"),
    Verdict.IMPAIRED: Words("pas entièrement", "not wholly"),
}
FIRST = Words("**D'abord** : {}", "**First**: {}")
KINDS = Words("Sondes : {}", "Kinds: {}")
CREDENTIAL = Words(
    "Un compte refusé n'est pas réessayé aussitôt : les comptes se verrouillent.",
    "An account that was refused is not tried again at once: accounts lock.",
)
COMMON_WORDS = Words("Communes à toutes les sondes", "Common to all kinds")
# The part of the page that a cause stands in: the first that has one of its kinds.
FAMILIES: tuple[tuple[Words, frozenset[str]], ...] = (
    (Words("Le lien propre du démon", "The daemon's own link"), frozenset({"own_link"})),
    (
        Words("Messagerie", "Mail"),
        frozenset({"smtp", "imap", "mail_loop", "mail_in", "mail_beacon", "apicrypt", "mssante"}),
    ),
    (Words("Comptes rendus et HL7", "Reports and HL7"), frozenset({"report_loop", "hl7_mllp"})),
    (Words("Imagerie (DICOM)", "Images (DICOM)"), frozenset({"dicom", "dicom_receive", "dicomweb"})),
    (Words("Fichiers et SFTP", "Files and SFTP"), frozenset({"file_drop", "sftp"})),
    (Words("Web et reconnaissance vocale", "Web and speech recognition"), frozenset({"http", "web", "speech"})),
    (Words("Flux fermés", "Closed flows"), frozenset({"containment"})),
    (Words("Questions à Prometheus", "Questions to Prometheus"), frozenset({"promql"})),
    (Words("Réseau, noms, heure", "Network, names, time"), frozenset({"dns", "ntp", "icmp", "tcp", "tls"})),
    (Words("Téléphonie", "Telephones"), frozenset({"sip"})),
    (Words("Greffons de supervision", "Monitoring plugins"), frozenset({"exec"})),
)
OTHERS = Words("Autres sondes", "Other kinds")


def every_cause() -> dict[str, Cause]:
    """Every cause by its code: the common ones, those that a kind names, and all that stand in `retabli.net`."""
    found = {cause.code: cause for cause in COMMON}
    for name in probes.kinds():
        found |= {cause.code: cause for cause in probes.kind(name).CAUSES}
    for module in pkgutil.walk_packages(retabli.net.__path__, "retabli.net."):
        values = vars(importlib.import_module(module.name)).values()
        found |= {value.code: value for value in values if isinstance(value, Cause)}
    return found


def kinds_of(code_: str) -> list[str]:
    """The kinds that can meet it, beyond those that it is common to."""
    kinds = [(name, probes.kind(name).CAUSES) for name in probes.kinds()] + [("own_link", OwnLink.CAUSES)]
    return [name for name, causes in kinds if code_ in {cause.code for cause in causes}]


def lines(language: str) -> Iterator[str]:
    for title, causes in parts():
        yield from (f"## {title[language]}", "")
        for cause in causes:
            yield from _cause(cause, language)
    yield from ("## Index", "")
    yield ", ".join(f"[{code(each)}](#{each})" for each in sorted(every_cause()))


def parts() -> Iterator[tuple[Words, list[Cause]]]:
    """The parts of the page, each with its causes by their codes."""
    common = {cause.code for cause in COMMON}
    left = {each: cause for each, cause in every_cause().items() if each not in common}
    yield COMMON_WORDS, list(COMMON)
    for title, family in FAMILIES:
        yield title, _by_code(left.pop(each) for each in list(left) if family.intersection(kinds_of(each)))
    if left:
        yield OTHERS, _by_code(left.values())


def _by_code(causes: Iterable[Cause]) -> list[Cause]:
    return sorted(causes, key=str)


def _cause(cause: Cause, language: str) -> Iterator[str]:
    side, verdict = SIDE_WORDS[cause.side][language], VERDICTS[cause.verdict][language]
    yield from (f"### {cause.code}", "")
    yield f"{said(cause.words, language)} *{side[0].upper()}{side[1:]} · {verdict}.*"
    yield ""
    yield f"- {cause.advice(language)}"
    if cause.code in CHECKS:
        yield f"- {FIRST[language].format(CHECKS[cause.code][language])}"
    if cause.credential:
        yield f"- {CREDENTIAL[language]}"
    if kinds := kinds_of(cause.code):
        yield f"- {KINDS[language].format(codes(kinds))}"
    yield ""
