"""Un flux: how far it gets, what stops it, and how long each rung takes."""

from deploy.grafana.common_rows import ANSWERS_NOW, LAST_ANSWER
from deploy.grafana.looks import BAD, ENDS, FAILING, GOOD, OUTCOMES, QUIET, SIDES, STATES, UNKNOWN, WARNING
from deploy.grafana.panels import Column, Draw, Panel, Query
from deploy.grafana.queries import ALIVE, BLACKBOX, FLOW, alive, quantile, state
from retabli.model.words import Words

TITLE = Words("Retabli – Un flux", "Retabli – A flow")
TELLS = Words("Un flux\u00a0: son état, son échelle, ses causes.", "One flow: its state, its ladder, its causes.")
UNIT = "probe, target"
UNIT_LEGEND = Words.same("{{probe}} {{target}}")


def blackbox(expression: str) -> str:
    """probe_* have an `instance` of their own: they are told from a dead daemon's by the chosen daemon."""
    return f"{expression}\nand on () ({ALIVE})"


NOW = (
    Panel(
        Draw.STAT,
        Words("État", "State"),
        Words("Ce qui est mesuré maintenant.", "What is measured now."),
        [Query(f"max({state(FLOW)})", Words("état", "state"))],
        5,
        4,
        meanings=STATES,
    ),
    Panel(
        Draw.STAT,
        Words("Dans cet état depuis (h:min:s)", "In this state for (h:min:s)"),
        Words("Depuis le dernier changement d'état.", "Since the state last changed."),
        [Query(f"time() - max({alive(f'retabli_flow_state_changed_timestamp_seconds{{{FLOW}}}')})")],
        4,
        4,
        unit="dthms",
        steps={None: UNKNOWN, 0: QUIET},
    ),
    Panel(
        Draw.STAT,
        Words("Chutes", "Drops"),
        Words("Combien de fois, rétabli, il est retombé.", "How often it dropped again once restored."),
        [Query(f"max({alive(f'retabli_flow_drops_total{{{FLOW}}}')})")],
        2,
        4,
        steps={None: UNKNOWN, 0: QUIET, 1: WARNING},
    ),
    Panel(
        Draw.STAT,
        Words("Page", "Page"),
        Words("Pages ouvertes pour ce flux.", "Pages open for this flow."),
        [Query(f"sum({alive(f'retabli_flow_page_open{{{FLOW}}}')})")],
        2,
        4,
        steps={None: UNKNOWN, 0: QUIET, 1: BAD},
    ),
    Panel(
        Draw.STAT,
        Words("Tours entiers", "Whole rounds"),
        Words(
            "Part des vingt derniers tours où tout est passé, sans lenteur.",
            "Share of the last twenty rounds in which everything got through, and nothing was slow.",
        ),
        [Query(f"max({alive(f'retabli_flow_whole_ratio{{{FLOW}}}')})")],
        3,
        4,
        unit="percentunit",
        steps={None: UNKNOWN, 0: WARNING, 0.85: GOOD},
        nothing=Words("aucun tour connu", "no round known"),
    ),
)
COURSE = Panel(
    Draw.TIMELINE,
    Words("L'état dans le temps", "The state over time"),
    Words("«\u00a0Sans nouvelles\u00a0» n'est aucun état du flux.", "“No news” is no state of the flow."),
    [Query(state(FLOW), Words.same("{{flow}}"))],
    24,
    5,
    meanings=STATES,
)
UNITS = Panel(
    Draw.TABLE,
    Words("Les unités et leur échelon", "The units and their rung"),
    Words(
        "Chaque sonde, chaque cible\u00a0: l'échelon atteint, ce qui l'arrête, et de quand cela date.",
        "Each probe and target: the rung that the latest climb reached, what stops it, and how old that is.",
    ),
    [
        Query(f"max by ({UNIT}) ({alive(f'retabli_probe_rung{{{FLOW}}}')})"),
        Query(f"max by ({UNIT}) ({alive(f'retabli_probe_rungs{{{FLOW}}}')})"),
        Query(f"time() - max by ({UNIT}) ({alive(f'retabli_probe_last_run_timestamp_seconds{{{FLOW}}} > 0')})"),
        Query(f"time() - max by ({UNIT}) ({alive(f'retabli_probe_last_success_timestamp_seconds{{{FLOW}}} > 0')})"),
        Query(f"max by ({UNIT}) ({alive(f'retabli_probe_interval_seconds{{{FLOW}}}')})"),
        Query(f"max by ({UNIT}, stage, cause, side) ({alive(f'retabli_probe_failure_info{{{FLOW}}}')})"),
    ],
    24,
    9,
    columns=[
        Column("probe", Words("Sonde", "Probe")),
        Column("target", Words("Cible", "Target")),
        Column("A", Words("Échelon atteint", "Rung reached"), width=120),
        Column("B", Words("sur", "of"), width=60),
        Column("cause", Words("Cause", "Cause"), link=Words.same("${page:raw}/flows/${flow}")),
        Column("side", Words("Côté", "Side"), meanings=SIDES),
        Column("stage", Words("Échelon en échec", "Rung that fails")),
        Column("C", Words("Dernière montée, il y a", "Last climb, ago"), unit="dthms", width=170),
        Column("D", Words("Dernier succès, il y a", "Last success, ago"), unit="dthms", width=170),
        Column("E", Words("Rythme", "Rhythm"), unit="s", width=90),
    ],
)
RUNGS = Panel(
    Draw.LINES,
    Words("Échelon atteint", "Rung reached"),
    Words("Combien d'échelons ont tenu à chaque montée.", "How many rungs held at each climb."),
    [Query(f"max by ({UNIT}) ({alive(f'retabli_probe_rung{{{FLOW}}}')})", UNIT_LEGEND)],
    12,
    8,
)
BY_OUTCOME = Panel(
    Draw.STACKED,
    Words("Unités par résultat", "Units by outcome"),
    Words("Réussies, en échec, sans verdict.", "Ok, failed, not judged."),
    [
        Query(f"""sum({alive(f'retabli_flow_units{{{FLOW},outcome="{outcome}"}}')})""", words, colour)
        for outcome, (words, colour) in OUTCOMES.items()
    ],
    12,
    8,
)
CAUSES = Panel(
    Draw.TIMELINE,
    Words("En échec, et pourquoi", "Failing, and why"),
    Words(
        "Tant qu'une unité échoue\u00a0: l'échelon, la cause, le côté. Vide quand rien n'échoue.",
        "While a unit fails: its rung, cause and side. Empty when nothing fails.",
    ),
    [
        Query(
            f"max by ({UNIT}, stage, cause, side) ({alive(f'retabli_probe_failure_info{{{FLOW}}}')})",
            Words.same("{{probe}} {{target}} {{stage}}/{{cause}}"),
        )
    ],
    12,
    8,
    meanings=FAILING,
    nothing=Words("aucun échec connu", "no failure known"),
)
COUNTED_CAUSES = Panel(
    Draw.BARS,
    Words("Échecs par cause depuis le démarrage", "Failures by cause since the start"),
    Words(
        "Montées en échec depuis que le démon a démarré, par échelon et cause.",
        "Failed climbs since the daemon started, by rung and cause.",
    ),
    [
        Query(
            f"topk(12, sum by (probe, stage, cause) ({alive(f'retabli_probe_failures_total{{{FLOW}}}')}))",
            Words.same("{{probe}} {{stage}}/{{cause}}"),
        )
    ],
    12,
    8,
    steps={None: QUIET, 1: BAD},
    nothing=Words("aucun échec connu", "no failure known"),
)
STAGES = Panel(
    Draw.STACKED,
    Words("Durée de chaque échelon", "Time spent on each rung"),
    Words(
        "À la dernière montée\u00a0; pour HTTP et le ping, les phases de blackbox_exporter.",
        "In the latest climb; for HTTP and ping, blackbox_exporter's phases.",
    ),
    [
        Query(
            f"max by (probe, stage) ({alive(f'retabli_probe_stage_duration_seconds{{{FLOW}}}')})",
            Words.same("{{probe}} {{stage}}"),
        ),
        Query(
            f"max by (probe, phase) ({blackbox(f'probe_http_duration_seconds{{{BLACKBOX}}}')})",
            Words.same("{{probe}} {{phase}}"),
        ),
        Query(
            f"max by (probe, phase) ({blackbox(f'probe_icmp_duration_seconds{{{BLACKBOX}}}')})",
            Words.same("{{probe}} {{phase}}"),
        ),
    ],
    12,
    9,
    unit="s",
)
RUNS = Panel(
    Draw.STACKED,
    Words("Montées par résultat", "Climbs by outcome"),
    Words("Toutes comptent, interrompues comprises.", "Every climb counts, those cut short too."),
    [
        Query(f'sum(increase(retabli_probe_runs_total{{{FLOW},outcome="{outcome}"}}[$__rate_interval]))', words, colour)
        for outcome, (words, colour) in ENDS.items()
    ],
    12,
    9,
)
CERTIFICATES = Panel(
    Draw.STAT,
    Words("Certificats\u00a0: jours avant expiration", "Certificates: days before they expire"),
    Words(
        "Le premier à expirer de la chaîne présentée. Rien tant que la sonde ne peut juger.",
        "The first to expire of the chain presented. Nothing while the probe cannot judge.",
    ),
    [
        Query(
            f"(min by (probe, target) ({blackbox(f'probe_ssl_earliest_cert_expiry{{{BLACKBOX}}}')}) - time()) / 86400",
            UNIT_LEGEND,
        )
    ],
    24,
    4,
    unit="none",
    steps={None: BAD, 7: WARNING, 30: QUIET},
    nothing=Words("aucun certificat connu", "no certificate known"),
)
ROUND_TRIPS = Panel(
    Draw.LINES,
    Words("Courrier\u00a0: aller-retour", "Mail: round trip"),
    Words(
        "De l'envoi du jeton à son arrivée\u00a0: médiane et 95\u00a0%.",
        "From sending a token to its arrival: median and 95%.",
    ),
    [
        Query(
            quantile(0.5, "retabli_mail_roundtrip_seconds", "probe", FLOW, "15m"),
            Words("{{probe}} médiane", "{{probe}} median"),
        ),
        Query(
            quantile(0.95, "retabli_mail_roundtrip_seconds", "probe", FLOW, "15m"),
            Words("{{probe}} 95\u00a0%", "{{probe}} 95%"),
        ),
    ],
    12,
    8,
    unit="s",
    nothing=Words("aucun courrier", "no mail"),
)
MAILS = {
    "sent": Words("envoyés", "sent"),
    "received": Words("reçus", "received"),
    "late": Words("en retard", "late"),
    "lost": Words("perdus", "lost"),
    "bounced": Words("rejetés", "bounced"),
    "duplicate": Words("en double", "duplicate"),
    "forged": Words("contrefaits", "forged"),
}
MAIL_COUNTS = Panel(
    Draw.LINES,
    Words("Courrier\u00a0: ce que deviennent les jetons", "Mail: what becomes of the tokens"),
    Words(
        "En un quart d'heure\u00a0; en vol\u00a0: sort pas encore connu.",
        "Within fifteen minutes; in flight: not known yet.",
    ),
    [
        *(Query(f"sum(increase(retabli_mail_{each}_total{{{FLOW}}}[15m]))", words) for each, words in MAILS.items()),
        Query(f"sum({alive(f'retabli_mail_in_flight{{{FLOW}}}')})", Words("en vol", "in flight")),
    ],
    12,
    8,
    nothing=Words("aucun courrier", "no mail"),
)
PANELS = (
    ANSWERS_NOW,
    LAST_ANSWER,
    *NOW,
    COURSE,
    UNITS,
    CAUSES,
    COUNTED_CAUSES,
    RUNGS,
    BY_OUTCOME,
    STAGES,
    RUNS,
    CERTIFICATES,
    ROUND_TRIPS,
    MAIL_COUNTS,
)
