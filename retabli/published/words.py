"""Words for those who know nothing of flows: patients, their families, whoever reads the hospital's site."""

from retabli.model.words import Words

STATES = {
    "restored": Words("Fonctionne", "Works"),
    "degraded": Words("Fonctionne en partie", "Works in part"),
    "recovering": Words("Reprise en cours", "Being restored"),
    "down": Words("Ne fonctionne pas encore", "Does not work yet"),
    "dropped": Words("Ne fonctionne plus", "Does not work any more"),
    "unknown": Words("État inconnu", "State unknown"),
    "suspended": Words("Suspendu sur décision", "Suspended on purpose"),
}
TEXTS = {
    "title": Words("Ce qui fonctionne", "What works"),
    "state_of": Words("État au", "As of"),
    "works": Words("Fonctionne", "Works"),
    "waits": Words("Ne fonctionne pas encore", "Does not work yet"),
    "unknown": Words("État inconnu", "State unknown"),
    "suspended": Words("Suspendu sur décision", "Suspended on purpose"),
    "since": Words("depuis", "since"),
    "nothing": Words("Aucune information n'est publiée pour le moment.", "Nothing is published for the moment."),
    "measured": Words(
        "Ces états sont mesurés automatiquement\u00a0; ce ne sont pas des déclarations.",
        "These states are measured automatically; they are not declarations.",
    ),
    "renewed": Words(
        "Cette page est renouvelée régulièrement. Si l'heure ci-dessus date de plus d'{age}, elle n'est plus à jour.",
        "This page is renewed regularly. If the time above is more than {age} ago, it is out of date.",
    ),
    "too_old": Words(
        "Cette page n'a pas été renouvelée depuis plus d'{age}. Ne vous y fiez pas\u00a0: téléphonez.",
        "This page has not been renewed for more than {age}. Do not rely on it: telephone.",
    ),
    "hour": Words("une heure", "one hour"),
    "unwatched": Words(
        "Plus aucune mesure n'est faite depuis {when}\u00a0: les états ne sont pas connus.",
        "Nothing has been measured since {when}: the states are not known.",
    ),
    "follow": Words("Être averti des changements (flux Atom)", "Follow changes (Atom feed)"),
    "other": Words("English", "Français"),
    "badge": Words("Services", "Services"),
    "count": Words("{n} sur {of} fonctionnent", "{n} of {of} work"),
    "count_one": Words("{n} sur {of} fonctionne", "{n} of {of} works"),
    "none_public": Words("aucune information", "no information"),
    "reopened": Words("N'est plus suspendu", "Not suspended any more"),
}


def text(key: str, language: str, **values: object) -> str:
    return TEXTS[key][language].format(**values) if values else TEXTS[key][language]


def state_word(state: str, language: str) -> str:
    return STATES[state][language]
