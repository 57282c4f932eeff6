"""Words of the log's page."""

from retabli.model.words import Words

TEXTS = {
    "log_slow": Words("elle met trop de temps à répondre", "it takes too long to answer"),
    "no_entry": Words("La main courante est vide.", "The log is empty."),
    "when": Words("Quand", "When"),
    "what": Words("Quoi", "What"),
    "filter": Words("Filtrer", "Filter"),
    "no_match": Words("Aucune ligne ne répond à ces critères.", "No row answers to these criteria."),
    "kind": Words("Événements", "Events"),
    "all_kinds": Words("Tous", "All"),
    "states": Words("États et décisions", "States and decisions"),
    "people": Words("Décisions et personnes", "Decisions and people"),
    "on_call_kind": Words("Alertes et astreinte", "Pages and on-call"),
    "watch": Words("Surveillance et configuration", "Watching and configuration"),
    "from": Words("Du", "From"),
    "to": Words("au (exclu)", "to (excluded)"),
    "older": Words("Plus anciennes", "Older"),
    "newest": Words("Les plus récentes", "The newest"),
    "added": Words("{n} flux ajoutés à la configuration", "{n} flows added to the configuration"),
    "export": Words("Exporter ces lignes", "Export these rows"),
    "head": Words("Dernière ligne", "Last row"),
    "head_why": Words(
        "Chaque ligne porte l'empreinte de la précédente. Notez celle-ci ailleurs\u00a0: plus tard, cette commande dit "
        "si une ligne a été changée ou ôtée depuis.",
        "Each row bears the hash of the one before. Note this one elsewhere: later, this command says whether a row "
        "was changed or taken away since.",
    ),
    "log_fault": Words("La main courante ne peut pas être lue en ce moment", "The log cannot be read just now"),
    "local_times": Words("Heures de l'établissement", "The site's time"),
}
