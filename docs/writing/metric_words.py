"""What each series means, which labels it bears, and when there is none: by name, in French and in English."""

from dataclasses import dataclass

from retabli.model.words import Words


@dataclass(frozen=True, slots=True)
class About:
    """`labels` beside job and instance, in order; `absent` says when there is no such series, where that can be."""

    labels: tuple[str, ...]
    means: Words
    absent: Words | None = None


_UNIT = ("flow", "probe", "target")
_BLACK = ("flow", "probe", "kind", "target")
_NOT_JUDGED = Words(
    "tant que l'issue est inconnue, et d'un flux fermé", "while the outcome is unknown, and for a closed flow"
)
_NOT_SEEN = Words("de même, et d'une sonde qui ne le voit pas", "the same, and for a kind that does not see it")
_NO_MAIL = Words("d'une sonde sans courriel", "for a kind without mail")
_FIRST = Words("avant le premier tour", "before the first round")
_ONCE = Words("avant la première fois", "before the first time")


def _mail(fr: str, en: str) -> About:
    return About(_UNIT, Words(fr, en), _NO_MAIL)


FLOWS = {
    "retabli_flow_info": About(
        ("flow", "title", "group", "intent", "criticality", "owner"),
        Words(
            "toujours 1 ; le flux comme le décrit la configuration", "always 1; the flow as the configuration has it"
        ),
    ),
    "retabli_flow_state": About(
        ("flow", "state"),
        Words("1 pour l'état du flux, 0 pour les sept autres", "1 for the flow's state, 0 for the seven others"),
    ),
    "retabli_flow_restored": About(
        ("flow",),
        Words("1 tant qu'il est rétabli ou dégradé ; inconnu vaut 0", "1 while restored or degraded; unknown is 0"),
    ),
    "retabli_flow_page_open": About(
        ("flow", "reason"),
        Words(
            "1 de l'alerte à sa fin, quoi que fasse l'état entre-temps : c'est elle qu'il faut regarder pour alerter",
            "1 from the page to its end, whatever the state does meanwhile: the one to alert on",
        ),
    ),
    "retabli_flow_restored_timestamp_seconds": About(
        ("flow",), Words("quand il a été rétabli pour la dernière fois", "when it was last restored"), _ONCE
    ),
    "retabli_flow_first_restored_timestamp_seconds": About(
        ("flow",), Words("quand il l'a été pour la première fois", "when it was for the first time"), _ONCE
    ),
    "retabli_flow_state_changed_timestamp_seconds": About(
        ("flow",), Words("depuis quand il est dans cet état", "since when it has been in this state"), _FIRST
    ),
    "retabli_flow_drops_total": About(("flow",), Words("fois qu'il est retombé", "times that it dropped")),
    "retabli_flow_breaches_total": About(
        ("flow",), Words("fois que, fermé, il a répondu", "times that, being closed, it answered")
    ),
    "retabli_flow_whole_ratio": About(
        ("flow",),
        Words(
            "part des 20 derniers tours où tout était bon et rien lent",
            "share of the last 20 rounds in which every unit was ok and none slow",
        ),
        _FIRST,
    ),
    "retabli_flow_units": About(
        ("flow", "outcome"),
        Words("unités comptées, par leur dernière issue fraîche", "counted units, by their latest fresh outcome"),
    ),
    "retabli_closure_proven": About(
        ("flow",),
        Words("1 tant que le dernier tour prouve la fermeture", "1 while the latest round proves the flow closed"),
        Words("d'un flux ouvert, et avant le premier tour", "for an open flow, and before the first round"),
    ),
    "retabli_closure_control_success": About(
        ("flow", "control"),
        Words("1 si ce témoin passe (`path`, `alive`)", "1 if that control passes (`path`, `alive`)"),
        Words("d'un témoin qui n'est pas demandé", "for a control that is not asked for"),
    ),
}
UNITS = {
    "retabli_probe_runs_total": About(
        (*_UNIT, "kind", "outcome"),
        Words("essais par issue ; skipped : un battement sans essai", "runs by outcome; skipped: a beat without a run"),
    ),
    "retabli_probe_rung": About(_UNIT, Words("échelons tenus au dernier essai", "rungs that held in the latest run")),
    "retabli_probe_rungs": About(_UNIT, Words("échelons de son échelle", "rungs of its ladder")),
    "retabli_probe_last_run_timestamp_seconds": About(
        _UNIT, Words("fin du dernier essai ; 0 avant le premier", "when the latest run ended; 0 before the first")
    ),
    "retabli_probe_last_success_timestamp_seconds": About(
        _UNIT, Words("fin du dernier essai réussi ; 0 avant", "when the latest ok run ended; 0 before the first")
    ),
    "retabli_probe_interval_seconds": About(_UNIT, Words("son rythme (`every`)", "its rhythm (`every`)")),
    "retabli_probe_failures_total": About(
        (*_UNIT, "stage", "cause"),
        Words("échecs, par échelon et par cause", "failed runs, by rung and cause"),
        Words("tant qu'il n'y en a pas eu", "as long as there was none"),
    ),
    "retabli_probe_failure_info": About(
        (*_UNIT, "stage", "cause", "side"),
        Words("1 ; pourquoi l'unité échoue en ce moment", "1; why the unit fails at this moment"),
        Words("dès qu'elle n'échoue plus", "as soon as it fails no longer"),
    ),
    "retabli_probe_stage_duration_seconds": About(
        (*_UNIT, "stage"),
        Words("temps passé sur chaque échelon au dernier essai", "time on each rung in the latest run"),
        Words(
            "de `http`, `web` et `icmp`, qui ont `probe_http_duration_seconds` et `probe_icmp_duration_seconds`",
            "for `http`, `web` and `icmp`, which have `probe_http_duration_seconds` and `probe_icmp_duration_seconds`",
        ),
    ),
    "retabli_probe_clock_offset_seconds": About(
        _UNIT,
        Words("avance de l'horloge interrogée sur la nôtre", "how far the clock asked is ahead of ours"),
        Words("d'une sonde autre que `ntp`", "for any kind but `ntp`"),
    ),
    "retabli_mail_sent_total": _mail("jetons envoyés", "tokens sent"),
    "retabli_mail_received_total": _mail("arrivés à temps", "arrived in time"),
    "retabli_mail_late_total": _mail("arrivés en retard (`within`)", "arrived late (`within`)"),
    "retabli_mail_lost_total": _mail("perdus (`lost_after`)", "lost (`lost_after`)"),
    "retabli_mail_bounced_total": _mail("retournés", "bounced"),
    "retabli_mail_duplicate_total": _mail("arrivés plus d'une fois", "arrived more than once"),
    "retabli_mail_forged_total": _mail(
        "messages qui imitent nos jetons sans leur signature",
        "messages that imitate our tokens without their signature",
    ),
    "retabli_mail_in_flight": About(
        _UNIT,
        Words("jetons dont la fin n'est pas connue", "tokens whose end is not known yet"),
        Words("d'une sonde qui n'en voit pas la fin (`mail_beacon`)", "for a kind that sees no ends (`mail_beacon`)"),
    ),
    "retabli_mail_roundtrip_seconds": _mail(
        "de l'envoi à l'arrivée (histogramme)", "from sending to arrival (histogram)"
    ),
}
BLACKBOX = {
    "probe_success": About(_BLACK, Words("1 : réussi, 0 : en échec", "1: ok, 0: failed"), _NOT_JUDGED),
    "probe_duration_seconds": About(_BLACK, Words("durée de l'essai", "how long the run took"), _NOT_JUDGED),
    "probe_dns_lookup_time_seconds": About(_BLACK, Words("résolution du nom", "looking up the name"), _NOT_SEEN),
    "probe_ip_protocol": About(_BLACK, Words("4 ou 6", "4 or 6"), _NOT_SEEN),
    "probe_http_status_code": About(_BLACK, Words("statut HTTP", "the HTTP status"), _NOT_SEEN),
    "probe_http_version": About(_BLACK, Words("version de HTTP", "the version of HTTP"), _NOT_SEEN),
    "probe_http_ssl": About(_BLACK, Words("1 : la réponse est venue par TLS", "1: the answer came by TLS"), _NOT_SEEN),
    "probe_http_redirects": About(_BLACK, Words("redirections suivies", "redirects followed"), _NOT_SEEN),
    "probe_ssl_earliest_cert_expiry": About(
        _BLACK,
        Words("première échéance de la chaîne de certificats", "the earliest expiry in the certificate's chain"),
        _NOT_SEEN,
    ),
    "probe_http_duration_seconds": About(
        (*_BLACK, "phase"),
        Words(
            "par phase : resolve, connect, tls, processing, transfer",
            "by phase: resolve, connect, tls, processing, transfer",
        ),
        _NOT_SEEN,
    ),
    "probe_icmp_duration_seconds": About(
        (*_BLACK, "phase"), Words("par phase : resolve, setup, rtt", "by phase: resolve, setup, rtt"), _NOT_SEEN
    ),
    "probe_tls_version_info": About(
        (*_BLACK, "version"), Words("1 ; la version de TLS", "1; the version of TLS"), _NOT_SEEN
    ),
}
DAEMON = {
    "retabli_build_info": About(("version", "standpoint"), Words("1 ; ce qu'est ce démon", "1; what this daemon is")),
    "retabli_scheduler_lateness_seconds": About(
        (),
        Words(
            "du moment dû au départ de l'essai ; au-delà de 1 s, la machine peine",
            "from due to start; beyond 1 s the machine labours",
        ),
    ),
    "retabli_scheduler_wait_seconds": About(
        (), Words("attente d'une place pour s'exécuter", "how long runs waited for a place to run in")
    ),
    "retabli_loop_stall_seconds": About(
        (),
        Words(
            "retard au réveil de la boucle : machine figée ou surchargée",
            "how late the loop woke: a machine that stood still or is overloaded",
        ),
    ),
    "retabli_machine_short": About(
        (),
        Words(
            "1 tant que notre propre machine manque de descripteurs, de ports, de fils d'exécution ou de mémoire",
            "1 while our own machine lacks descriptors, ports, threads or memory",
        ),
    ),
    "retabli_state_unwritten": About(
        (),
        Words(
            "1 tant que l'état ne peut pas être écrit : ce qui se passe n'est qu'en mémoire",
            "1 while the state cannot be written: what happens is only in memory",
        ),
    ),
    "retabli_loop_stalled_seconds_total": About(
        ("by",),
        Words(
            "secondes où la boucle était figée, par sorte de sonde ou partie qui la retenait ; `machine` : personne "
            "dans ce processus ; `collector` : le ramasse-miettes de Python",
            "seconds in which the loop stood still, by the kind of probe or the part that kept it; `machine`: nobody "
            "in this process; `collector`: Python's collector of garbage",
        ),
    ),
    "retabli_probe_run_duration_seconds": About(
        ("kind",), Words("durée des essais, par sonde", "how long runs took, by kind")
    ),
    "retabli_part_restarts_total": About(
        ("part",),
        Words(
            "fois qu'une partie du démon est morte et repartie : 0 est normal",
            "times that a part of the daemon died and was started again: 0 is normal",
        ),
    ),
    "retabli_alerts_sent_total": About(
        ("channel",), Words("messages que ce canal a acceptés", "messages that this channel accepted")
    ),
    "retabli_alerts_failed_total": About(
        ("channel",), Words("tentatives refusées ou manquées", "attempts that it refused or missed")
    ),
    "retabli_alerts_pending": About(
        ("channel",), Words("messages qui attendent d'être acceptés", "messages that wait to be accepted")
    ),
    "retabli_alerts_failing": About(
        ("channel",),
        Words(
            "1 tant que le canal n'accepte plus rien depuis longtemps",
            "1 while the channel has accepted nothing for long",
        ),
    ),
    "retabli_heartbeat_last_success_timestamp_seconds": About(
        ("channel",),
        Words(
            "quand un battement a été accepté ; 0 avant le premier",
            "when a heartbeat was last accepted; 0 before the first",
        ),
        Words("sans `alerts.heartbeat`", "without `alerts.heartbeat`"),
    ),
    "retabli_heartbeats_sent_total": About(
        ("channel",),
        Words("battements acceptés", "heartbeats accepted"),
        Words("sans `alerts.heartbeat`", "without `alerts.heartbeat`"),
    ),
    "retabli_heartbeats_failed_total": About(
        ("channel",),
        Words("battements refusés ou manqués", "heartbeats refused or missed"),
        Words("sans `alerts.heartbeat`", "without `alerts.heartbeat`"),
    ),
    "retabli_config_last_reload_successful": About(
        (),
        Words(
            "0 : la dernière configuration lue a été refusée, l'ancienne continue",
            "0: the configuration read last was refused, the old one goes on",
        ),
    ),
    "retabli_config_last_reload_timestamp_seconds": About((), Words("quand elle a été lue", "when it was read")),
    "retabli_web_logins_total": About(
        ("outcome",),
        Words(
            "mots de passe donnés : accepted, refused, delayed (pas encore regardé), busy (trop à la fois)",
            "passwords that were given: accepted, refused, delayed (not looked at yet), busy (too many at once)",
        ),
    ),
    "retabli_web_certificate_expiry_timestamp_seconds": About(
        (),
        Words("échéance du certificat des pages", "when the certificate of the pages ends"),
        Words("sans `web.tls`", "without `web.tls`"),
    ),
    "retabli_state_copy_timestamp_seconds": About(
        (),
        Words("de quand est la dernière bonne copie de l'état", "of when the newest good copy of the state is"),
        _ONCE,
    ),
    "retabli_state_copies_failed_total": About(
        (), Words("copies de l'état qui n'ont pu être prises", "copies of the state that could not be taken")
    ),
    "retabli_state_restored_timestamp_seconds": About(
        (),
        Words(
            "quand une copie a été mise à la place d'un état abîmé ou perdu",
            "when a copy was put in the place of a state that was damaged or lost",
        ),
        Words("si ce démarrage a trouvé l'état entier", "if this start found the state whole"),
    ),
    "retabli_log_broken": About(
        (),
        Words(
            "1 si la chaîne de la main courante ne tenait pas à la dernière copie",
            "1 if the log's chain did not hold when it was last copied",
        ),
        Words("avant la première copie", "before the first copy"),
    ),
    "retabli_log_rows_total": About((), Words("lignes écrites dans la main courante", "rows written to the log")),
    "process_virtual_memory_bytes": About((), Words("mémoire virtuelle du processus", "the process's virtual memory")),
    "process_resident_memory_bytes": About((), Words("mémoire résidente", "its resident memory")),
    "process_start_time_seconds": About((), Words("quand il a démarré", "when it was started")),
    "process_cpu_seconds_total": About((), Words("temps de processeur", "its processor time")),
    "process_open_fds": About((), Words("descripteurs ouverts", "descriptors that are open")),
    "process_max_fds": About((), Words("descripteurs au plus", "descriptors, at most")),
    "python_info": About(
        ("implementation", "major", "minor", "patchlevel", "version"),
        Words("1 ; la version de Python", "1; Python's version"),
    ),
    "python_gc_objects_collected_total": About(
        ("generation",), Words("objets ramassés par Python", "objects that Python collected")
    ),
    "python_gc_objects_uncollectable_total": About(
        ("generation",), Words("objets qui n'ont pu l'être", "objects that could not be")
    ),
    "python_gc_collections_total": About(("generation",), Words("passages du ramasse-miettes", "times that it did")),
}
# The recording rules of deploy/prometheus/rules/recording.yml, and those by which alerts are held.
RECORDED = {
    "state:retabli_flow_state:sum": Words("combien de flux sont dans chaque état", "how many flows are in each state"),
    "criticality:retabli_flow_restored:ratio": Words(
        "part des flux ouverts qui sont rétablis, par criticité",
        "share of the open flows that are restored, by criticality",
    ),
    "flow:retabli_flow_restored:avg1d": Words(
        "part de la journée où chaque flux était rétabli", "share of the last day for which each flow was restored"
    ),
    "flow_probe_outcome:retabli_probe_runs:rate5m": Words("essais par issue", "runs by outcome"),
    "flow_probe:retabli_probe_failures:ratio_rate1h": Words(
        "part des essais jugés qui ont échoué", "share of the runs that could be judged that failed"
    ),
    "flow_probe:retabli_mail_received:ratio_rate1h": Words(
        "part des courriels dont la fin est connue qui sont arrivés à temps",
        "share of the mails whose end is known that arrived in time",
    ),
    "flow_probe:retabli_mail_roundtrip_seconds:p95_1h": Words(
        "temps de trajet que 95 % des courriels ne dépassent pas", "the way's time that 95% of mails do not exceed"
    ),
    "kind:retabli_probe_run_duration_seconds:p99_1h": Words(
        "durée que 99 % des essais ne dépassent pas", "the duration that 99% of runs do not exceed"
    ),
    "instance:retabli_scheduler_lateness_seconds:p99_5m": Words(
        "retard que 99 % des départs ne dépassent pas", "the lateness that 99% of starts do not exceed"
    ),
    "retabli:flow_page_open:held": Words(
        "l'alerte de chaque flux, retenue quand le démon ne répond plus",
        "each flow's page, held while the daemon does not answer",
    ),
    "retabli:flow_degraded:held": Words("de même, pour l'état dégradé", "the same for the state degraded"),
}
