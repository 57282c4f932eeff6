"""Words of the log's page."""

from retabli.model.words import Words

TEXTS = {
    "no_entry": Words("La main courante est vide.", "The log is empty."),
    "when": Words("Quand", "When"),
    "what": Words("Quoi", "What"),
    "filter": Words("Filtrer", "Filter"),
}
