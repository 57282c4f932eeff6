"""The pages' own words, in French and in English."""

from retabli.model.states import Criticality
from retabli.model.words import Words
from retabli.web.words import access, common, desk, flow, log, public

LANGUAGES = ("fr", "en")
CRITICALITIES = {
    Criticality.VITAL: Words("vital", "vital"),
    Criticality.HIGH: Words("important", "high"),
    Criticality.NORMAL: Words("normal", "normal"),
}
REASONS = {
    "dropped": Words("flux retombé", "flow dropped"),
    "breached": Words("isolement rompu", "closure breached"),
    "unknown": Words("état inconnu depuis trop longtemps", "unknown for too long"),
    "degraded": Words("flux dégradé", "flow degraded"),
    "superseded": Words("remplacé par une alerte", "replaced by a page"),
    "removed": Words("flux retiré de la configuration", "flow removed from the configuration"),
    "intent_changed": Words("l'intention a changé (ce n'est pas une reprise)", "intent changed (not a recovery)"),
    "channel_failing": Words("canal d'alerte en panne", "alert channel fails"),
    "state_restored": Words("état repris d'une copie", "state restored from a copy"),
    "state_unwritable": Words("état impossible à écrire", "state cannot be written"),
}
INTENTS = {"open": Words("ouvert", "open"), "closed": Words("fermé", "closed")}

TEXTS = {**common.TEXTS, **access.TEXTS, **flow.TEXTS, **desk.TEXTS, **log.TEXTS, **public.TEXTS}


def reading(wanted: str | None, own: str) -> tuple[str, str]:
    """The language of whoever reads, and what links carry so that it stays."""
    language = wanted if wanted in LANGUAGES else own
    return language, "" if language == own else f"?lang={language}"


def text(key: str, language: str, **values: object) -> str:
    return TEXTS[key][language].format(**values) if values else TEXTS[key][language]


def required(written: str, language: str) -> str:
    """How many of a flow's units must be ok, as `require` writes it: `all`, `any`, `36/40`, `90%`."""
    if written in ("all", "any"):
        return text(written, language)
    if "/" in written:
        return written.replace("/", Words(" sur ", " of ")[language])
    return written.replace("%", "\u00a0%") if language == "fr" else written
