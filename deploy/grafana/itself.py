"""Retabli lui-même: whether what measures can be relied on."""

from deploy.grafana.common_rows import ANSWERS_NOW, INSTANCE, LAST_ANSWER
from deploy.grafana.looks import BAD, ENDS, QUIET, TAKEN, UNKNOWN, WARNING
from deploy.grafana.panels import Column, Draw, Panel, Query
from deploy.grafana.queries import HERE, alive, quantile
from retabli.model.words import Words

TITLE = Words("Retabli lui-même", "Retabli itself")
TELLS = Words(
    "Si ce qui mesure est lui-même en bon état\u00a0: retards, canaux, redémarrages, ressources.",
    "Whether what measures is itself well: lateness, channels, restarts, resources.",
)
STARTED = Panel(
    Draw.STAT,
    Words("En marche depuis (h:min:s)", "Running for (h:min:s)"),
    Words("Depuis le démarrage du démon.", "Since the daemon started."),
    [Query(f"time() - {alive(f'process_start_time_seconds{{{HERE}}}')}", INSTANCE)],
    4,
    4,
    unit="dthms",
    steps={None: UNKNOWN, 0: WARNING, 600: QUIET},
)
VERSION = Panel(
    Draw.NAMED,
    Words("Version et point de vue", "Version and standpoint"),
    Words("Ce qu'il est, et d'où il regarde.", "What it is, and where it looks from."),
    [
        Query(
            f"max by (instance, version, standpoint) ({alive(f'retabli_build_info{{{HERE}}}')})",
            Words.same("{{version}} {{standpoint}}"),
        )
    ],
    4,
    4,
    steps={None: QUIET},
)
RELOADED = Panel(
    Draw.STAT,
    Words("Configuration", "Configuration"),
    Words(
        "Si le dernier rechargement a été accepté\u00a0; sinon l'ancienne continue.",
        "Whether the last reload was taken; if not, the old one goes on.",
    ),
    [Query(f"min by (instance) ({alive(f'retabli_config_last_reload_successful{{{HERE}}}')})", INSTANCE)],
    4,
    4,
    meanings=TAKEN,
)
RELOADED_AT = Panel(
    Draw.STAT,
    Words("Lue le", "Read at"),
    Words("Quand la configuration a été lue.", "When the configuration was read."),
    [
        Query(
            f"1000 * max by (instance) ({alive(f'retabli_config_last_reload_timestamp_seconds{{{HERE}}}')})",
            INSTANCE,
        )
    ],
    4,
    4,
    unit="dateTimeAsIso",
    steps={None: UNKNOWN, 0: QUIET},
)
CHANNELS = Panel(
    Draw.TABLE,
    Words("Canaux d'alerte", "Alert channels"),
    Words(
        "Messages acceptés, tentatives en échec, en attente, et canal dit en panne.",
        "Messages taken, attempts that failed, those waiting, and whether the channel is called failing.",
    ),
    [
        Query(f"sum by (instance, channel) ({alive(f'retabli_alerts_{each}{{{HERE}}}')})")
        for each in ("sent_total", "failed_total", "pending", "failing")
    ],
    12,
    8,
    columns=[
        Column("channel", Words("Canal", "Channel")),
        Column("A", Words("Acceptés", "Taken")),
        Column("B", Words("Échecs", "Failed"), steps={None: "transparent", 1: WARNING}, filled=True),
        Column("C", Words("En attente", "Waiting"), steps={None: "transparent", 1: WARNING}, filled=True),
        Column("D", Words("En panne", "Failing"), steps={None: "transparent", 1: BAD}, filled=True),
        Column("instance", Words("Démon", "Daemon")),
    ],
)
HEARTBEATS = Panel(
    Draw.LINES,
    Words("Dernier battement accepté, il y a", "Last heartbeat taken, how long ago"),
    Words("Par canal, tant que des battements sont configurés.", "By channel, where heartbeats are configured."),
    [
        Query(
            f"time() - max by (channel) ({alive(f'retabli_heartbeat_last_success_timestamp_seconds{{{HERE}}} > 0')})",
            Words.same("{{channel}}"),
        )
    ],
    12,
    8,
    unit="s",
    nothing=Words("aucun battement connu", "no heartbeat known"),
)
LATENESS = Panel(
    Draw.LINES,
    Words("Retard des sondes", "How late probes start"),
    Words("De l'heure prévue au départ\u00a0; médiane et 99\u00a0%.", "From due to start; median and 99%."),
    [
        Query(quantile(0.5, "retabli_scheduler_lateness_seconds"), Words("médiane", "median")),
        Query(quantile(0.99, "retabli_scheduler_lateness_seconds"), Words("99\u00a0%", "99%")),
        Query(
            quantile(0.99, "retabli_scheduler_wait_seconds"),
            Words("attente d'une place, 99\u00a0%", "wait for a place, 99%"),
        ),
    ],
    12,
    8,
    unit="s",
)
STALLS = Panel(
    Draw.LINES,
    Words("Arrêts de la boucle", "Loop stalls"),
    Words(
        "Retard de la boucle à se réveiller, 99\u00a0%, et arrêts de plus d'une seconde en un quart d'heure.",
        "How late the loop woke, 99%, and stops of over a second within fifteen minutes.",
    ),
    [
        Query(quantile(0.99, "retabli_loop_stall_seconds"), Words("réveil, 99\u00a0% (s)", "waking, 99% (s)")),
        Query(
            f"sum(increase(retabli_loop_stall_seconds_count{{{HERE}}}[15m]))\n"
            f'- sum(increase(retabli_loop_stall_seconds_bucket{{{HERE},le="1.0"}}[15m]))',
            Words("arrêts de plus d'une seconde", "stops of over a second"),
        ),
    ],
    12,
    8,
)
RUNS = Panel(
    Draw.STACKED,
    Words("Montées par seconde et résultat", "Climbs a second, by outcome"),
    Words("De toutes les sondes.", "Of all probes."),
    [
        Query(f'sum(rate(retabli_probe_runs_total{{{HERE},outcome="{outcome}"}}[$__rate_interval]))', words, colour)
        for outcome, (words, colour) in ENDS.items()
    ],
    12,
    8,
)
DURATIONS = Panel(
    Draw.LINES,
    Words("Durée des montées, 99\u00a0%, par nature", "How long climbs take, 99%, by kind"),
    Words("Le délai maximal de chaque sonde les borne.", "Each probe's deadline bounds them."),
    [Query(quantile(0.99, "retabli_probe_run_duration_seconds", "kind"), Words.same("{{kind}}"))],
    12,
    8,
    unit="s",
)
OVERDUE = Panel(
    Draw.BARS,
    Words("Sondes les plus en retard (en rythmes)", "Probes most overdue (in rhythms)"),
    Words(
        "Temps depuis la dernière montée, divisé par son rythme. Jusqu'à trois, rien d'anormal.",
        "Time since the last climb, over its rhythm. Up to three is nothing unusual.",
    ),
    [
        Query(
            "topk(8, max by (flow, probe) ("
            + alive(
                f"(time() - (retabli_probe_last_run_timestamp_seconds{{{HERE}}} > 0)) "
                f"/ retabli_probe_interval_seconds{{{HERE}}}"
            )
            + "))",
            Words.same("{{flow}}/{{probe}}"),
        )
    ],
    12,
    8,
    steps={None: QUIET, 3: WARNING, 10: BAD},
)
PARTS = Panel(
    Draw.BARS,
    Words("Redémarrages de parties", "Restarts of parts"),
    Words(
        "Chaque partie du démon qui meurt est relancée et comptée\u00a0; un redémarrage est un défaut de Retabli.",
        "Each part of the daemon that dies is started again and counted; a restart is a defect of Retabli.",
    ),
    [Query(f"sum by (part) ({alive(f'retabli_part_restarts_total{{{HERE}}}')})", Words.same("{{part}}"))],
    12,
    8,
    steps={None: QUIET, 1: BAD},
)
MEMORY = Panel(
    Draw.LINES,
    Words("Mémoire", "Memory"),
    Words("Mémoire résidente.", "Resident memory."),
    [Query(alive(f"process_resident_memory_bytes{{{HERE}}}"), INSTANCE)],
    6,
    8,
    unit="bytes",
)
CPU = Panel(
    Draw.LINES,
    Words("Processeur", "CPU"),
    Words("Part d'un cœur.", "Share of one core."),
    [Query(f"rate(process_cpu_seconds_total{{{HERE}}}[$__rate_interval])", INSTANCE)],
    6,
    8,
    unit="percentunit",
)
LOG = Panel(
    Draw.LINES,
    Words("Lignes du journal, par heure", "Rows of the log, an hour"),
    Words("Ce qui est écrit dans la main courante.", "What is written into the log."),
    [Query(f"3600 * rate(retabli_log_rows_total{{{HERE}}}[$__rate_interval])", INSTANCE)],
    6,
    8,
)
UNDELIVERED = Panel(
    Draw.LINES,
    Words("Envois abandonnés par Alertmanager", "Notifications that Alertmanager gave up"),
    Words(
        "En cinq minutes, par moyen d'envoi. Rien, si Prometheus ne collecte pas Alertmanager.",
        "Within five minutes, by means. Nothing, where Prometheus does not scrape Alertmanager.",
    ),
    [
        Query(
            "sum by (instance, integration) (increase(alertmanager_notifications_failed_total[5m]))",
            Words.same("{{integration}} ({{instance}})"),
        )
    ],
    6,
    8,
    nothing=Words("Alertmanager n'est pas collecté", "Alertmanager is not scraped"),
)
PANELS = (
    ANSWERS_NOW,
    LAST_ANSWER,
    STARTED,
    VERSION,
    RELOADED,
    RELOADED_AT,
    CHANNELS,
    HEARTBEATS,
    LATENESS,
    STALLS,
    RUNS,
    DURATIONS,
    OVERDUE,
    PARTS,
    MEMORY,
    CPU,
    LOG,
    UNDELIVERED,
)
