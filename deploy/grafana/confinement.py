"""Confinement: what must stay shut, and whether that is proven."""

from deploy.grafana.common_rows import ANSWERS_NOW, LAST_ANSWER, TO_FLOW, TO_PAGE
from deploy.grafana.looks import BAD, CLOSED, CONTROL, PROVEN, QUIET, SIDES, STATES, UNKNOWN
from deploy.grafana.panels import Column, Draw, Panel, Query
from deploy.grafana.queries import EACH, HERE, OF_CLOSED, alive, closed, counted, described, or_silent, state, unknown
from retabli.model.words import Words

TITLE = Words("Retabli – Confinement", "Retabli – Containment")
TELLS = Words(
    "Ce qui doit rester fermé, et la preuve qu'il l'est. Sans preuve, rien n'est dit fermé.",
    "What must stay shut, and the proof that it is. Without proof, nothing is called shut.",
)
# A probe that never proved anything has a last success of 0: the flow then has no last proof at all.
LAST_PROOF = f"min by ({EACH}) (retabli_probe_last_success_timestamp_seconds{{{HERE}}}) > 0"
SINCE_PROOF = f"time() - ({closed(alive(LAST_PROOF))})"
OLD = 300  # seconds; a closed flow is tried far more often
NUMBERS = (
    Panel(
        Draw.STAT,
        Words("■ Isolés, prouvés", "■ Contained, proven"),
        Words("Flux fermés dont la fermeture est prouvée.", "Closed flows that are proven shut."),
        [Query(counted("contained"))],
        4,
        4,
        steps={None: UNKNOWN, 0: QUIET, 1: CLOSED},
    ),
    Panel(
        Draw.STAT,
        Words("✖ Isolements rompus", "✖ Breached"),
        Words("Ils doivent rester fermés, et répondent.", "They must stay shut, and answer."),
        [Query(counted("breached"))],
        4,
        4,
        steps={None: UNKNOWN, 0: QUIET, 1: BAD},
    ),
    Panel(
        Draw.STAT,
        Words("? Non prouvés", "? Not proven"),
        Words("Ni ouverts ni fermés\u00a0: rien ne le prouve.", "Neither open nor shut: nothing proves it."),
        [Query(unknown(also=OF_CLOSED))],
        4,
        4,
        steps={None: UNKNOWN, 0: QUIET, 1: UNKNOWN},
    ),
    Panel(
        Draw.STAT,
        Words("Preuve la plus ancienne, il y a", "Oldest proof, how long ago"),
        Words(
            "Du flux fermé dont la dernière preuve est la plus ancienne (h:min:s).",
            "Of the closed flow whose last proof is the oldest (h:min:s).",
        ),
        [Query(f"max({SINCE_PROOF})")],
        4,
        4,
        unit="dthms",
        steps={None: UNKNOWN, 0: QUIET, OLD: BAD},
        nothing=Words("aucune preuve connue", "no proof known"),
    ),
)
FLOWS = Panel(
    Draw.TABLE,
    Words("Les flux fermés", "The closed flows"),
    Words(
        "Preuve du dernier tour, ce qui lui donne son sens (chemin, cible vivante), ruptures.",
        "The latest round's proof, what gives it its meaning (path, target alive), breaches.",
    ),
    [
        Query(described(closed(state()), "title", "owner")),
        Query(f"max by ({EACH}) ({alive(f'retabli_closure_proven{{{HERE}}}')})"),
        *(
            Query(f"min by ({EACH}) (" + alive(f'retabli_closure_control_success{{{HERE},control="{control}"}}') + ")")
            for control in ("path", "alive")
        ),
        Query(SINCE_PROOF),
        Query(closed(f"max by ({EACH}) ({alive(f'retabli_flow_breaches_total{{{HERE}}}')})")),
        Query(
            f"topk by ({EACH}) (1, "
            + closed(f"max by ({EACH}, probe, stage, cause, side) ({alive(f'retabli_probe_failure_info{{{HERE}}}')})")
            + ")"
        ),
    ],
    24,
    8,
    columns=[
        Column("title", Words("Flux", "Flow"), link=TO_FLOW),
        Column("A", Words("État", "State"), meanings=STATES, filled=True, width=200, vital=True),
        Column("B", Words("Preuve", "Proof"), meanings=PROVEN, filled=True, width=120),
        Column("C", Words("Le chemin sort", "The path leads out"), meanings=CONTROL, filled=True, width=140),
        Column("D", Words("La cible vit", "The target lives"), meanings=CONTROL, filled=True, width=140),
        Column(
            "E",
            Words("Dernière preuve, il y a", "Last proof, ago"),
            unit="dthms",
            steps={None: UNKNOWN, 0: "transparent", OLD: BAD},
            filled=True,
            width=170,
        ),
        Column("F", Words("Ruptures", "Breaches"), steps={None: "transparent", 1: BAD}, filled=True, width=90),
        Column("cause", Words("Pourquoi rien n'est prouvé", "Why nothing is proven")),
        Column("side", Words("Côté", "Side"), meanings=SIDES),
        Column("stage", Words("Échelon", "Rung")),
        Column("probe", Words("Sonde", "Probe")),
        Column("owner", Words("Responsable", "Owner")),
        Column("flow", Words("Identifiant", "Id"), link=TO_PAGE),
        Column("instance", Words("Démon", "Daemon")),
    ],
)
COURSE = Panel(
    Draw.TIMELINE,
    Words("L'isolement dans le temps", "Containment over time"),
    Words("L'état de chaque flux fermé.", "The state of each closed flow."),
    [Query(described(closed(state()), "title"), Words.same("{{title}}"))],
    24,
    6,
    meanings=STATES,
)
PROOFS = Panel(
    Draw.TIMELINE,
    Words("La preuve à chaque tour", "The proof, round by round"),
    Words("Si le dernier tour a prouvé la fermeture.", "Whether the latest round proved the flow shut."),
    [Query(or_silent(f"retabli_closure_proven{{{HERE}}}"), Words.same("{{flow}}"))],
    12,
    7,
    meanings=PROVEN,
)
CONTROLS = Panel(
    Draw.TIMELINE,
    Words("Les contrôles", "The controls"),
    Words(
        "path\u00a0: nous sortons d'ici. alive\u00a0: la cible répond à d'autres. Sans eux, un refus ne prouve rien.",
        "path: we can get out of here. alive: the target answers others. Without them a denial proves nothing.",
    ),
    [
        Query(
            or_silent(f"retabli_closure_control_success{{{HERE}}}", f"{EACH}, control"),
            Words.same("{{flow}} {{control}}"),
        )
    ],
    12,
    7,
    meanings=CONTROL,
)
AGES = Panel(
    Draw.LINES,
    Words("Âge de la dernière preuve", "Age of the last proof"),
    Words("Il monte tant que rien n'est prouvé.", "It rises while nothing is proven."),
    [Query(SINCE_PROOF, Words.same("{{flow}}"))],
    12,
    7,
    unit="s",
)
BREACHES = Panel(
    Draw.LINES,
    Words("Ruptures, depuis le début", "Breaches, since the beginning"),
    Words("Combien de fois chaque flux fermé a répondu.", "How often each closed flow answered."),
    [
        Query(
            closed(f"max by ({EACH}) ({alive(f'retabli_flow_breaches_total{{{HERE}}}')})"),
            Words.same("{{flow}}"),
        )
    ],
    12,
    7,
)
PANELS = (ANSWERS_NOW, LAST_ANSWER, *NUMBERS, FLOWS, COURSE, PROOFS, CONTROLS, AGES, BREACHES)
