"""Restauration: what the crisis cell sees."""

from collections.abc import Mapping

from deploy.grafana.common_rows import ANSWERS_NOW, LAST_ANSWER, TO_FLOW, TO_PAGE
from deploy.grafana.looks import (
    BAD,
    COLOURS,
    CRITICALITIES,
    GOOD,
    OPEN_PAGES,
    QUIET,
    REASONS,
    SIDES,
    STATES,
    UNKNOWN,
    WARNING,
)
from deploy.grafana.panels import Column, Draw, Panel, Query
from deploy.grafana.queries import EACH, HERE, alive, counted, described, state, unknown
from retabli.model.states import State
from retabli.model.words import Words

TITLE = Words("Retabli – Restauration", "Retabli – Restoration")
TELLS = Words(
    "Ce qui fonctionne de nouveau, depuis quand, et ce qui ne fonctionne pas.",
    "What works again, since when, and what does not.",
)


def number(of: State, title: Words, tells: Words) -> Panel:
    steps: Mapping[float | None, str] = {None: UNKNOWN, 0: QUIET, 1: COLOURS[of]}
    expr = unknown() if of is State.UNKNOWN else counted(of.value)
    return Panel(Draw.STAT, title, tells, [Query(expr)], 4, 4, steps=steps)


NUMBERS = (
    number(
        State.RESTORED,
        Words("● Rétablis", "● Restored"),
        Words("Flux ouverts, prouvés dans la durée.", "Open flows, proven for long enough."),
    ),
    number(
        State.DROPPED,
        Words("▼ Retombés", "▼ Dropped"),
        Words("Ils étaient rétablis et ne passent plus.", "They were restored and no longer get through."),
    ),
    number(
        State.BREACHED,
        Words("✖ Isolements rompus", "✖ Breached"),
        Words("Flux qui doivent rester fermés, et répondent.", "Flows that must stay shut, and answer."),
    ),
    number(
        State.UNKNOWN,
        Words("? Inconnus", "? Unknown"),
        Words(
            "Rien de frais n'est su d'eux, ni bon ni mauvais. Ceux d'un démon qui ne répond plus en sont.",
            "Nothing fresh is known of them, good or bad. Those of a daemon that does not answer are among them.",
        ),
    ),
    number(
        State.CONTAINED,
        Words("■ Isolés", "■ Contained"),
        Words("Flux fermés exprès, et prouvés fermés.", "Flows shut on purpose, and proven shut."),
    ),
    number(
        State.DEGRADED,
        Words("◆ Dégradés", "◆ Degraded"),
        Words("Ils passent, pas entièrement ou pas à chaque fois.", "They get through, not wholly or not every time."),
    ),
    number(
        State.RECOVERING,
        Words("↑ En reprise", "↑ Recovering"),
        Words("Ils répondent, pas encore prouvés dans la durée.", "They answer, not yet proven for long enough."),
    ),
    number(
        State.DOWN,
        Words("□ Interrompus", "□ Down"),
        Words("Pas encore rétablis depuis l'attaque.", "Not restored since the attack yet."),
    ),
)
SHARE = Panel(
    Draw.STAT,
    Words("Part des flux ouverts rétablis", "Share of open flows restored"),
    Words(
        "Rétablis ou dégradés, sur tous ceux qui doivent être ouverts. Inconnu compte comme non rétabli.",
        "Restored or degraded, of all that are to be open. Unknown counts as not restored.",
    ),
    [
        Query(
            "avg("
            + alive(f'retabli_flow_restored{{{HERE}}} and on ({EACH}) retabli_flow_info{{{HERE},intent="open"}}')
            + ")"
        )
    ],
    4,
    4,
    unit="percentunit",
    steps={None: UNKNOWN, 0: QUIET, 1: GOOD},
)
PAGES = Panel(
    Draw.STAT,
    Words("Pages ouvertes", "Pages open"),
    Words("Appels à l'astreinte qui ne sont pas refermés.", "Calls to on-call that are not closed."),
    [Query(f"sum({alive(f'retabli_flow_page_open{{{HERE}}}')})")],
    4,
    4,
    steps={None: UNKNOWN, 0: QUIET, 1: BAD},
)
FLOWS = Panel(
    Draw.TABLE,
    Words("Les flux", "The flows"),
    Words(
        "État, depuis quand, chutes et cause. Quand Retabli ne répond plus, ses flux restent listés une heure, "
        "sans état\u00a0: le dernier connu n'est pas le présent.",
        "State, since when, drops and cause. When Retabli does not answer, its flows stay listed for an hour, "
        "without a state: the last one known is not the present.",
    ),
    [
        Query(described(state(), "title", "group", "criticality", "owner")),
        Query(f"time() - max by ({EACH}) ({alive(f'retabli_flow_state_changed_timestamp_seconds{{{HERE}}}')})"),
        Query(f"1000 * max by ({EACH}) ({alive(f'retabli_flow_restored_timestamp_seconds{{{HERE}}}')})"),
        Query(f"max by ({EACH}) ({alive(f'retabli_flow_drops_total{{{HERE}}}')})"),
        Query(f"sum by ({EACH}) ({alive(f'retabli_flow_page_open{{{HERE}}}')})"),
        Query(
            f"topk by ({EACH}) (1, max by ({EACH}, probe, stage, cause, side) "
            f"({alive(f'retabli_probe_failure_info{{{HERE}}}')}))"
        ),
    ],
    24,
    13,
    columns=[
        Column("title", Words("Flux", "Flow"), link=TO_FLOW),
        Column("A", Words("État", "State"), meanings=STATES, filled=True, width=200, vital=True),
        Column("B", Words("Depuis (h:min:s)", "For (h:min:s)"), unit="dthms", width=130),
        Column("cause", Words("Cause", "Cause"), link=TO_PAGE),
        Column("side", Words("Côté", "Side"), meanings=SIDES),
        Column("stage", Words("Échelon", "Rung")),
        Column("D", Words("Chutes", "Drops"), width=80, filled=True, steps={None: "transparent", 1: WARNING}),
        Column("E", Words("Page", "Page"), meanings=OPEN_PAGES, filled=True, width=110),
        Column("C", Words("Dernier rétablissement", "Last restored"), unit="dateTimeAsIso", width=165),
        Column("criticality", Words("Criticité", "Criticality"), meanings=CRITICALITIES, width=90),
        Column("owner", Words("Responsable", "Owner")),
        Column("group", Words("Groupe", "Group")),
        Column("flow", Words("Identifiant", "Id"), link=TO_PAGE),
        Column("probe", Words("Sonde", "Probe")),
        Column("instance", Words("Démon", "Daemon")),
    ],
)
COURSE = Panel(
    Draw.TIMELINE,
    Words("Chaque flux dans le temps", "Each flow over time"),
    Words(
        "L'état de chaque flux à chaque instant. Un trou, «\u00a0sans nouvelles de Retabli\u00a0»\u00a0: aucun état.",
        "Each flow's state at each moment. A gap, or “no news from Retabli”, is no state.",
    ),
    [Query(described(state(), "title"), Words.same("{{title}}"))],
    24,
    14,
    meanings=STATES,
)
PAGES_OVER_TIME = Panel(
    Draw.LINES,
    Words("Pages ouvertes dans le temps", "Pages open over time"),
    Words("Combien de pages sont ouvertes, par raison.", "How many pages are open, by reason."),
    [
        Query(
            f"""sum({alive(f'retabli_flow_page_open{{{HERE},reason="{reason}"}}')})""",
            words,
            colour,
        )
        for reason, (words, colour) in REASONS.items()
    ],
    12,
    8,
)
PAGES_NOW = Panel(
    Draw.TABLE,
    Words("Pages ouvertes maintenant", "Pages open now"),
    Words(
        "Vide quand personne n'a à être appelé\u00a0; voir en haut si Retabli répond.",
        "Empty when nobody is to be called; see above whether Retabli answers.",
    ),
    [
        Query(
            described(f"max by ({EACH}, reason) ({alive(f'retabli_flow_page_open{{{HERE}}} == 1')})", "title", "owner")
        )
    ],
    12,
    8,
    nothing=Words("aucune page ouverte connue", "no open page known"),
    columns=[
        Column("title", Words("Flux", "Flow")),
        Column("reason", Words("Raison", "Reason"), meanings=REASONS, filled=True),
        Column("owner", Words("Responsable", "Owner")),
        Column("flow", Words("Identifiant", "Id"), link=TO_PAGE),
        Column("instance", Words("Démon", "Daemon")),
    ],
)
PANELS = (ANSWERS_NOW, LAST_ANSWER, *NUMBERS, SHARE, PAGES, FLOWS, COURSE, PAGES_OVER_TIME, PAGES_NOW)
