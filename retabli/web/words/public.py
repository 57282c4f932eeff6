"""Words of the point of situation and of the public page."""

from retabli.model.words import Words

TEXTS = {
    "no_public": Words("Aucun flux n'est public.", "No flow is public."),
    "as_text": Words("Pour l'envoyer", "To send it on"),
    "plain_text": Words("texte", "text"),
    "for_the_public": Words("pour le public", "for the public"),
    "suspended": Words("suspendu sur décision", "suspended on purpose"),
}
