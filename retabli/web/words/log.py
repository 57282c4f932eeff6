"""Words of the log's page."""

from retabli.model.words import Words

TEXTS = {
    "no_entry": Words("Aucun événement.", "No event."),
    "when": Words("Quand", "When"),
    "what": Words("Quoi", "What"),
    "number": Words("N°", "No."),
    "filter": Words("Filtrer", "Filter"),
    "all_rows": Words("tout montrer", "show everything"),
    "kind": Words("Événements", "Events"),
    "all_kinds": Words("Tous", "All"),
    "people": Words("Décisions et astreinte", "Decisions and on-call"),
    "from": Words("Du", "From"),
    "to": Words("Au (exclu)", "Until (excluded)"),
    "older": Words("Plus anciens", "Older"),
    "newest": Words("Les plus récents", "Newest"),
    "export": Words("Exporter ces événements\u00a0:", "Export these events:"),
    "export_why": Words(
        "Chaque ligne avec son heure locale et UTC, son numéro et son empreinte.",
        "Each row with its local and UTC time, its number and its hash.",
    ),
    "chain": Words(
        "La main courante compte {n} lignes\u00a0; chacune est scellée avec la précédente, la dernière est {hash}.",
        "The log has {n} rows; each is sealed with the one before, the last is {hash}.",
    ),
    "chain_verify": Words(
        "Pour prouver que rien n'a été changé, notez cette ligne ailleurs, puis lancez plus tard\u00a0:",
        "To prove that nothing was changed, note this line elsewhere, then run later:",
    ),
    "log_unread": Words(
        "La main courante entière n'a pas pu être lue\u00a0; seules ses dernières lignes sont montrées.",
        "The whole log could not be read; only its latest rows are shown.",
    ),
    "bad_moment": Words("Cette date ne peut pas être lue\u00a0:", "This date cannot be read:"),
    "site_zone": Words("Heures de l'établissement ({zone}).", "Times of the site ({zone})."),
}
