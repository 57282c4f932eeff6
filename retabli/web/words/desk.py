"""Words of on-call: on rows, and on the forms of a flow's page."""

from retabli.model.words import Words

TEXTS = {
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
    "silence_means": Words(
        "Aucune alerte de ce flux pendant ce temps. Ce que cela change", "No page of this flow meanwhile. What it does"
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
}
