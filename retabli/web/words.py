"""The pages' own words, in French and in English."""

from retabli.model.result import Outcome
from retabli.model.states import Criticality
from retabli.model.words import Words

LANGUAGES = ("fr", "en")
OUTCOMES = {
    Outcome.OK: Words("en ordre", "ok"),
    Outcome.FAILED: Words("en échec", "failed"),
    Outcome.UNKNOWN: Words("indéterminé", "unknown"),
}
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
}
INTENTS = {"open": Words("ouvert", "open"), "closed": Words("fermé", "closed")}

TEXTS = {
    "restoration": Words("Rétablissement des flux", "Restoration of flows"),
    "flows": Words("Flux", "Flows"),
    "log": Words("Main courante", "Log"),
    "public": Words("Page publique", "Public page"),
    "as_of": Words("au", "as of"),
    "since": Words("depuis", "for"),
    "since_date": Words("depuis le", "since"),
    "verified_none": Words("rien n'est vérifié", "nothing verified"),
    "rung_of": Words("échelon {n} sur {m}", "rung {n} of {m}"),
    "seen": Words("essayé il y a", "tried"),
    "seen_after": Words("", "ago"),
    "cause": Words("Cause", "Cause"),
    "first_look": Words("Que faire", "What to do"),
    "drops": Words("retombé {n} fois", "dropped {n} times"),
    "drops_once": Words("retombé 1 fois", "dropped once"),
    "breaches": Words("rompu {n} fois", "breached {n} times"),
    "declared": Words("annoncé rétabli le", "declared restored on"),
    "notice": Words("En attendant", "Meanwhile"),
    "because": Words("expliqué par", "explained by"),
    "page_open": Words("astreinte appelée", "on-call paged"),
    "page_untold": Words("alerte sans canal, personne n'est prévenu", "page without a channel, nobody is told"),
    "page_warning": Words("équipe avertie", "team warned"),
    "reminders": Words("{n} rappel{s}", "{n} reminder{s}"),
    "on_call": Words("Astreinte", "On call"),
    "taken": Words("prise en charge par", "taken by"),
    "not_taken": Words("pas encore prise en charge", "not taken yet"),
    "take": Words("J'ai pris en charge", "I have taken it"),
    "take_over": Words("Je prends la suite", "I take over"),
    "take_title": Words("Prendre l'alerte en charge", "Take the page"),
    "take_what": Words(
        "Plus de rappel, et personne d'autre n'est appelé, tant que cette alerte est ouverte. Sa fin sera dite.",
        "No more reminder, and nobody else is called, while this page is open. Its end will be told.",
    ),
    "no_page": Words("Aucune alerte n'est ouverte pour ce flux.", "No page is open for this flow."),
    "who": Words("Qui", "Who"),
    "who_hint": Words("votre nom", "your name"),
    "note": Words("Note (facultative)", "Note (optional)"),
    "note_label": Words("Note", "Note"),
    "why": Words("Pourquoi", "Why"),
    "until_label": Words("Jusqu'à quand", "Until when"),
    "until": Words("jusqu'au", "until"),
    "silence": Words("Travaux prévus", "Planned work"),
    "silence_what": Words(
        "Aucune alerte de ce flux, ni de ceux qui en dépendent tant qu'il est coupé. Les sondes continuent et les "
        "états restent vrais\u00a0; une rupture d'isolement est dite de toute façon. Si le flux est encore retombé à "
        "la fin, l'alerte part alors.",
        "No page of this flow, nor of those that depend on it while it is down. Probing goes on and states stay true; "
        "a breach is told in any case. If the flow is still down at the end, it pages then.",
    ),
    "silence_for": Words("Pas d'alerte pendant", "No page for"),
    "silence_until": Words("ou jusqu'au", "or until"),
    "silence_set": Words("Mettre en silence", "Silence"),
    "silence_end": Words("Finir le silence maintenant", "End the silence now"),
    "silenced": Words("en silence jusqu'au", "silenced until"),
    "hour_1": Words("1\u00a0h", "1\u00a0h"),
    "hour_4": Words("4\u00a0h", "4\u00a0h"),
    "tomorrow": Words("jusqu'à demain, {at}", "until tomorrow, {at}"),
    "site_time": Words("heure de l'établissement", "the site's time"),
    "deferred": Words("alerte retenue", "page held back"),
    "deferred_parent": Words("alerte retenue à cause de", "page held back because of"),
    "deferred_silence": Words("alerte retenue jusqu'à la fin du silence", "page held back until the silence ends"),
    "not_done": Words("Rien n'a été changé", "Nothing was changed"),
    "not_live": Words(
        "Sans JavaScript, cette page ne se met pas à jour d'elle-même.",
        "Without JavaScript, this page does not renew itself.",
    ),
    "again": Words("Recharger", "Reload"),
    "last_standing": Words("dernier état prouvé", "last proven state"),
    "probes_ok": Words("{ok} sonde{s} sur {of} en ordre", "{ok} of {of} probes ok"),
    "targets_ok": Words("{ok} cible{s} sur {of} en ordre", "{ok} of {of} targets ok"),
    "others": Words("Autres flux", "Other flows"),
    "closed": Words("Doit rester fermé", "Must stay closed"),
    "closed_why": Words(
        "Fermé sur décision. Une réponse ici serait une rupture de l'isolement.",
        "Closed on purpose. An answer here would be a breach.",
    ),
    "own": Words("Retabli lui-même", "Retabli itself"),
    "proven": Words("prouvé il y a", "proven"),
    "proven_after": Words("", "ago"),
    "control_path": Words("notre sortie fonctionne", "our way out works"),
    "control_alive": Words("la cible répond ailleurs", "the target answers elsewhere"),
    "control_declared": Words(
        "la cible répond ailleurs (déclaré, non mesuré)", "the target answers elsewhere (declared, not measured)"
    ),
    "passes": Words("oui", "yes"),
    "fails": Words("non", "no"),
    "not_evaluated": Words("non évalué", "not evaluated"),
    "lost": Words("Connexion perdue", "Connection lost"),
    "lost_age": Words("données d'il y a", "data is this old:"),
    "ladder": Words("Échelle", "Ladder"),
    "probes": Words("Sondes", "Probes"),
    "policy": Words("Règles", "Policy"),
    "history": Words("Derniers événements", "Latest events"),
    "no_history": Words("Aucun événement récent.", "No recent event."),
    "never_run": Words("pas encore essayé", "not tried yet"),
    "stale": Words("périmé", "stale"),
    "not_counted": Words("montré, non jugé", "shown, not judged"),
    "not_asked": Words("sans objet", "not needed"),
    "not_reached": Words("non atteint", "not reached"),
    "fell": Words("échec", "fell"),
    "held": Words("tenu", "held"),
    "first_restored": Words("rétabli la première fois", "first restored"),
    "restored_at": Words("rétabli la dernière fois", "last restored"),
    "never": Words("jamais", "never"),
    "owner": Words("Responsable", "Owner"),
    "criticality": Words("Criticité", "Criticality"),
    "runbook": Words("Procédure", "Runbook"),
    "intent": Words("Intention", "Intent"),
    "whole_ratio": Words("tours complets sur les 20 derniers", "whole rounds of the last 20"),
    "require": Words("exigé", "required"),
    "rise": Words("succès de suite pour être rétabli", "successes in a row to be restored"),
    "rise_closed": Words(
        "tours prouvés de suite pour qu'une rupture finisse", "proven rounds in a row to end a breach"
    ),
    "fall_closed": Words(
        "essais sans preuve de suite pour être inconnu", "rounds without proof in a row to be unknown"
    ),
    "soak": Words("sur au moins", "over at least"),
    "fall": Words("échecs de suite pour retomber", "failures in a row to drop"),
    "confirm": Words("confirmations espacées de", "confirmations apart by"),
    "every": Words("toutes les", "every"),
    "depends_on": Words("Dépend de", "Depends on"),
    "detail": Words("Ce qui a été dit", "What was said"),
    "all_flows": Words("Tous les flux", "All flows"),
    "no_flow": Words("Aucun flux n'est configuré.", "No flow is configured."),
    "no_public": Words("Aucun flux n'est public.", "No flow is public."),
    "no_entry": Words("La main courante est vide.", "The log is empty."),
    "report": Words("Point de situation", "Point of situation"),
    "as_text": Words("Pour l'envoyer", "To send it on"),
    "plain_text": Words("texte", "text"),
    "for_the_public": Words("pour le public", "for the public"),
    "when": Words("Quand", "When"),
    "what": Words("Quoi", "What"),
    "flow": Words("Flux", "Flow"),
    "filter": Words("Filtrer", "Filter"),
    "measured": Words(
        "Mesuré de bout en bout par Retabli, non déclaré.", "Measured end to end by Retabli, not declared."
    ),
    "suspended": Words("suspendu sur décision", "suspended on purpose"),
    "other_language": Words("English", "Français"),
    "switches": Words("Couper et rétablir", "Cut and heal"),
    "switches_why": Words(
        "Chaque bouton agit sur l'hôpital simulé. Retabli n'en est pas averti : il le mesure.",
        "Each button acts on the simulated hospital. Retabli is not told: it measures.",
    ),
    "all": Words("toutes les sondes", "all probes"),
    "any": Words("une sonde au moins", "at least one probe"),
    "not_found": Words("Cette page n'existe pas.", "This page does not exist."),
    "error": Words("Erreur", "Error"),
    "skip": Words("Aller au contenu", "Skip to content"),
    "colon": Words("\u00a0:", ":"),
}


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
