"""Words of the page of the point of situation."""

from retabli.model.words import Words

TEXTS = {
    "as_text": Words("Pour l'envoyer", "To send it on"),
    "plain_text": Words("texte", "text"),
    "as_html": Words("page seule", "page by itself"),
    "for_the_public": Words("pour le public", "for the public"),
    "at_moment": Words("Situation au", "Situation as of"),
    "since_moment": Words("Ce qui a changé depuis le", "What has changed since"),
    "show": Words("Afficher", "Show"),
    "now": Words("maintenant", "now"),
    "day_ago": Words("il y a 24\u00a0h", "24\u00a0h ago"),
    "week_ago": Words("il y a 7\u00a0jours", "7\u00a0days ago"),
    "change_day": Words("ce qui a changé en 24\u00a0h", "what has changed in 24\u00a0h"),
    "not_read": Words("Cette date ne peut pas être lue.", "This date cannot be read."),
    "no_future": Words(
        "Ce moment est à venir, ou la comparaison ne commence pas avant lui.",
        "That moment is yet to come, or the comparison does not begin before it.",
    ),
    "report_unread": Words(
        "La main courante n'a pas pu être lue\u00a0: la situation de ce moment n'est pas connue.",
        "The log could not be read: the situation of that moment is not known.",
    ),
}
