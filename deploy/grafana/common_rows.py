"""What stands first on every dashboard: whether the daemon answers at all."""

from deploy.grafana.looks import ANSWERS as ANSWER_WORDS
from deploy.grafana.looks import BAD, QUIET
from deploy.grafana.panels import Draw, Panel, Query
from deploy.grafana.queries import ANSWERS, SINCE_ANSWER
from retabli.model.words import Words

# What leads from a cell on: to the flow's dashboard in the same language, to Retabli's own page of it.
_CHOSEN = "var-instance=${__data.fields.instance}&var-flow=${__data.fields.flow}"
TO_FLOW = Words(f"/d/retabli-flow-fr?{_CHOSEN}", f"/d/retabli-flow-en?{_CHOSEN}")
TO_PAGE = Words.same("${page:raw}/flows/${__data.fields.flow}")
INSTANCE = Words.same("{{instance}}")

ANSWERS_NOW = Panel(
    Draw.STAT,
    Words("Retabli répond-il\u00a0?", "Does Retabli answer?"),
    Words(
        "Ce que dit la collecte de Prometheus elle-même. En rouge, rien de ce tableau ne parle du présent.",
        "What Prometheus's own scraping says. In red, nothing on this dashboard speaks of the present.",
    ),
    [Query(ANSWERS, INSTANCE)],
    span=4,
    height=4,
    meanings=ANSWER_WORDS,
    steps={None: BAD, 1: QUIET},
    nothing=Words("PROMETHEUS NE LE CHERCHE PLUS", "PROMETHEUS NO LONGER LOOKS FOR IT"),
)
LAST_ANSWER = Panel(
    Draw.STAT,
    Words("Dernière réponse, il y a", "Last answer, how long ago"),
    Words(
        "Temps écoulé (h:min:s) depuis la dernière collecte réussie. Au-delà, rien n'est mesuré.",
        "Time (h:min:s) since the last scrape that succeeded. After it, nothing was measured.",
    ),
    [Query(SINCE_ANSWER, INSTANCE)],
    span=4,
    height=4,
    unit="dthms",
    steps={None: BAD, 0: QUIET, 90: BAD},
    nothing=Words("plus d'un jour", "more than a day"),
)
