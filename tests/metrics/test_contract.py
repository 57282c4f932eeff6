"""Every name of the contract: there from the start, there from its first use, or absent, as it promises."""

import re
from collections.abc import Iterable

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from retabli.metrics import Figures, Metrics, blackbox, flows, probes
from retabli.model import causes
from retabli.model.record import Closure, Entry, Event, Incident
from retabli.model.result import Mail, Measure, Outcome
from retabli.model.states import Intent, State
from retabli.model.words import Words
from tests.view.pictures import NOW, Containment, Http, MailLoop, Smtp, Web, flow, name, picture, result

HTTP = {
    Measure.DNS_LOOKUP: 0.01,
    Measure.IP_PROTOCOL: 4,
    Measure.HTTP_STATUS: 200,
    Measure.HTTP_VERSION: 1.1,
    Measure.HTTP_SSL: 1,
    Measure.HTTP_REDIRECTS: 0,
    Measure.HTTP_RESOLVE: 0.01,
    Measure.HTTP_CONNECT: 0.01,
    Measure.HTTP_TLS: 0.02,
    Measure.HTTP_PROCESSING: 0.1,
    Measure.HTTP_TRANSFER: 0.05,
    Measure.CERT_EARLIEST_EXPIRY: 1_700_000_000,
}
ICMP = {Measure.ICMP_RESOLVE: 0.0, Measure.ICMP_SETUP: 0.0, Measure.ICMP_RTT: 0.003}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Figures(CollectorRegistry(), version="1.2.3", standpoint="inside"), language="fr")


async def scraped(metrics: Metrics, accept: str = "") -> str:
    return b"".join([piece async for piece in metrics.page(accept)]).decode()


async def samples(metrics: Metrics) -> dict[str, list[tuple[dict[str, str], float]]]:
    """By the sample's name; the text is parsed by Prometheus's own client."""
    return _by_name(parse_text(await scraped(metrics)))


def _by_name(families: Iterable[Metric]) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_a_new_flow_has_all_that_is_preset_and_nothing_that_has_not_happened(metrics: Metrics) -> None:
    metrics.show(picture(flow(), State.UNKNOWN, since=0.0), None, None)
    found = await samples(metrics)
    assert {labels["state"]: value for labels, value in found["retabli_flow_state"]} == {
        state.value: float(state is State.UNKNOWN) for state in State
    }
    assert {labels["reason"] for labels, _ in found["retabli_flow_page_open"]} == {"dropped", "breached", "unknown"}
    assert {labels["outcome"]: value for labels, value in found["retabli_probe_runs_total"]} == dict.fromkeys(
        ("ok", "failed", "unknown", "skipped"), 0.0
    )
    for each in ("restored", "drops_total", "breaches_total", "info"):
        assert len(found[f"retabli_flow_{each}"]) == 1, each
    for each in ("last_run_timestamp_seconds", "last_success_timestamp_seconds", "rung"):
        assert found[f"retabli_probe_{each}"][0][1] == 0, each
    assert found["retabli_probe_rungs"][0][1] == len(Smtp.LADDER)
    assert found["retabli_probe_interval_seconds"][0][1] == 30
    assert {labels["outcome"]: value for labels, value in found["retabli_flow_units"]}["unknown"] == 1
    absent = [
        "retabli_flow_restored_timestamp_seconds",
        "retabli_flow_first_restored_timestamp_seconds",
        "retabli_flow_state_changed_timestamp_seconds",
        "retabli_flow_whole_ratio",
        "retabli_closure_proven",
        "retabli_closure_control_success",
        "retabli_probe_failures_total",
        "retabli_probe_failure_info",
        "retabli_mail_sent_total",
    ]
    assert not [each for each in absent if each in found]
    assert not [each for each in found if each.startswith("probe_")]


async def test_the_flow_s_series_say_what_its_standing_says(metrics: Metrics) -> None:
    dropped = picture(
        flow(owner="Équipe", group="mail", title=Words("Émission", "Outbound")),
        State.DROPPED,
        [result(Smtp(), Outcome.FAILED)],
        restored_at=NOW - 7200,
        first_restored_at=NOW - 86400,
        drops=2,
        rounds=(True, True, True, False),
        incident=Incident("i1", "dropped", NOW),
    )
    metrics.show(dropped, name(dropped.flow), dropped.units[0].result)
    found = await samples(metrics)
    assert found["retabli_flow_info"] == [
        (
            {
                "flow": "mail-out",
                "title": "Émission",
                "group": "mail",
                "intent": "open",
                "criticality": "normal",
                "owner": "Équipe",
            },
            1.0,
        )
    ]
    assert found["retabli_flow_restored"][0][1] == 0
    assert {labels["reason"]: value for labels, value in found["retabli_flow_page_open"]}["dropped"] == 1
    assert found["retabli_flow_restored_timestamp_seconds"][0][1] == NOW - 7200
    assert found["retabli_flow_first_restored_timestamp_seconds"][0][1] == NOW - 86400
    assert found["retabli_flow_state_changed_timestamp_seconds"][0][1] == NOW - 3600
    assert found["retabli_flow_drops_total"][0][1] == 2
    assert found["retabli_flow_whole_ratio"][0][1] == 0.75


@pytest.mark.parametrize("state", State)
async def test_only_restored_and_degraded_count_as_restored(metrics: Metrics, state: State) -> None:
    metrics.show(picture(flow(), state), None, None)
    found = await samples(metrics)
    assert found["retabli_flow_restored"][0][1] == (1 if state in (State.RESTORED, State.DEGRADED) else 0)


async def test_a_closed_flow_shows_its_proof_and_controls_and_no_name_of_blackbox(metrics: Metrics) -> None:
    shut = flow("internet", intent=Intent.CLOSED, probes={"web": Containment()})
    run = result(Containment(), measures=HTTP)
    metrics.show(picture(shut, State.CONTAINED, [run], closure=Closure(True, path=True)), name(shut), run)
    found = await samples(metrics)
    assert found["retabli_closure_proven"] == [({"flow": "internet"}, 1.0)]
    assert found["retabli_closure_control_success"] == [({"flow": "internet", "control": "path"}, 1.0)]
    assert not [each for each in found if each.startswith("probe_")]
    assert metrics.blackbox("internet/web") is None


async def test_every_outcome_counts_and_a_failure_says_why_only_while_it_lasts(metrics: Metrics) -> None:
    smtp, of = Smtp(), flow()
    fell = result(smtp, Outcome.FAILED, cause=causes.TIMEOUT, fell=1)
    for run in (result(smtp), fell, fell, result(smtp, Outcome.UNKNOWN, cause=causes.PROBE_DEFECT)):
        metrics.show(picture(of, results=[run]), name(of), run)
        if run is fell:
            found = await samples(metrics)
            where = {"flow": "mail-out", "probe": "p", "stage": "connect", "cause": "timeout"}
            assert found["retabli_probe_failure_info"] == [({**where, "side": "network"}, 1.0)]
            assert found["retabli_probe_rung"][0][1] == 1
    metrics.skipped(picture(of, results=[run]), name(of))
    found = await samples(metrics)
    runs = {labels["outcome"]: value for labels, value in found["retabli_probe_runs_total"]}
    assert runs == {"ok": 1, "failed": 2, "unknown": 1, "skipped": 1}
    assert found["retabli_probe_failures_total"] == [(where, 2.0)]
    assert "retabli_probe_failure_info" not in found
    assert found["retabli_probe_last_success_timestamp_seconds"][0][1] == NOW


async def test_a_temporary_answer_whose_budget_is_spent_is_a_failure(metrics: Metrics) -> None:
    of = flow()
    run = result(Smtp(), Outcome.UNKNOWN)
    metrics.show(picture(of, results=[run], outcomes=[Outcome.FAILED]), name(of), run)
    found = await samples(metrics)
    assert {labels["outcome"]: value for labels, value in found["retabli_probe_runs_total"]}["failed"] == 1
    assert found["probe_success"][0][1] == 0


async def test_blackbox_s_names_are_there_for_an_open_flow_with_its_labels(metrics: Metrics) -> None:
    of = flow("www", probes={"health": Http()})
    run = result(Http(), measures=HTTP | ICMP, properties={"tls_version": "TLSv1.3"})
    metrics.show(picture(of, results=[run]), name(of), run)
    found = await samples(metrics)
    base = {"flow": "www", "probe": "health", "kind": "http", "target": "https://www.example/health"}
    assert found["probe_success"] == [(base, 1.0)]
    assert found["probe_duration_seconds"] == [(base, 0.25)]
    for each, value in {
        "probe_dns_lookup_time_seconds": 0.01,
        "probe_ip_protocol": 4,
        "probe_http_status_code": 200,
        "probe_http_version": 1.1,
        "probe_http_ssl": 1,
        "probe_http_redirects": 0,
        "probe_ssl_earliest_cert_expiry": 1_700_000_000,
    }.items():
        assert found[each] == [(base, value)], each
    phases = [labels["phase"] for labels, _ in found["probe_http_duration_seconds"]]
    assert phases == ["resolve", "connect", "tls", "processing", "transfer"]
    assert [labels["phase"] for labels, _ in found["probe_icmp_duration_seconds"]] == ["resolve", "setup", "rtt"]
    assert found["probe_tls_version_info"] == [({**base, "version": "TLS 1.3"}, 1.0)]
    assert "retabli_probe_stage_duration_seconds" not in found


async def test_a_bad_certificate_still_shows_when_it_expires(metrics: Metrics) -> None:
    of = flow("www", probes={"health": Http()})
    expiry = {Measure.CERT_EARLIEST_EXPIRY: 1_600_000_000.0}
    run = result(Http(), Outcome.FAILED, cause=causes.CERT_EXPIRED, fell=2, measures=expiry)
    metrics.show(picture(of, results=[run]), name(of), run)
    found = await samples(metrics)
    assert found["probe_success"][0][1] == 0
    assert found["probe_ssl_earliest_cert_expiry"][0][1] == 1_600_000_000


async def test_blackbox_s_names_are_absent_while_the_outcome_is_unknown_skipped_or_stale(metrics: Metrics) -> None:
    smtp, of = Smtp(), flow()
    good, blind = result(smtp), result(smtp, Outcome.UNKNOWN)

    async def shown() -> bool:
        return "probe_success" in await samples(metrics)

    metrics.show(picture(of, results=[good]), name(of), good)
    assert await shown()
    metrics.show(picture(of, results=[blind]), name(of), blind)
    assert not await shown()
    metrics.show(picture(of, results=[good]), name(of), good)
    metrics.skipped(picture(of, results=[good]), name(of))
    assert not await shown()
    metrics.show(picture(of, results=[good]), name(of), None)  # a refused credential is left alone: its verdict stands
    assert await shown()
    metrics.show(picture(of, results=[good], fresh=False), None, None)
    assert not await shown()


async def test_the_rungs_of_kinds_that_blackbox_does_not_time_have_their_durations(metrics: Metrics) -> None:
    of = flow()
    run = result(Smtp(), seconds=0.7)
    metrics.show(picture(of, results=[run]), name(of), run)
    found = await samples(metrics)
    stages = {labels["stage"]: value for labels, value in found["retabli_probe_stage_duration_seconds"]}
    assert stages == {stage.id: pytest.approx(0.1) for stage in Smtp.LADDER}


async def test_each_target_of_a_web_probe_is_a_unit_with_its_target(metrics: Metrics) -> None:
    web = Web()
    of = flow("websites", probes={"sites": web})
    run = result(web)
    metrics.show(picture(of, results=[run, None]), name(of), run)
    found = await samples(metrics)
    assert {labels["target"] for labels, _ in found["retabli_probe_runs_total"]} == set(web.targets)
    assert [labels["target"] for labels, _ in found["probe_success"]] == ["https://a.example/"]


async def test_mail_tokens_are_counted_and_their_round_trips_kept(metrics: Metrics) -> None:
    loop = MailLoop()
    of = flow(probes={"loop": loop})
    metrics.show(picture(of), None, None)
    assert (await samples(metrics))["retabli_mail_sent_total"][0][1] == 0
    for run in (
        result(loop, mail={Mail.SENT: 2, Mail.RECEIVED: 1}, roundtrips=(3.0,)),
        result(loop, mail={Mail.LOST: 1, Mail.DUPLICATE: 1, Mail.FORGED: 1}),
        result(loop, mail={Mail.SENT: 1}, properties={"in_flight": "1"}),
        result(loop),
    ):
        metrics.show(picture(of, results=[run]), name(of), run)
    found = await samples(metrics)
    counts = {mail: found[f"retabli_mail_{mail}_total"][0][1] for mail in Mail}
    assert counts == {
        Mail.SENT: 3,
        Mail.RECEIVED: 1,
        Mail.LATE: 0,
        Mail.LOST: 1,
        Mail.BOUNCED: 0,
        Mail.DUPLICATE: 1,
        Mail.FORGED: 1,
    }
    assert found["retabli_mail_in_flight"][0][1] == 1
    buckets = {labels["le"]: value for labels, value in found["retabli_mail_roundtrip_seconds_bucket"]}
    assert (buckets["2.5"], buckets["5.0"], buckets["+Inf"]) == (0, 1, 1)
    assert found["retabli_mail_roundtrip_seconds_sum"][0][1] == 3


async def test_the_daemon_s_own_figures_are_there(metrics: Metrics) -> None:
    figures = metrics.figures
    figures.channels(["duty"])
    figures.parts(["scheduler"])
    figures.reloaded(successful=True, at=NOW)
    figures.lateness(0.002)
    figures.waited(1.0)
    figures.stall(0.0)
    figures.part_restarted("web")
    figures.alert_sent("duty")
    figures.alerts_pending("duty", 3)
    metrics.logged(Entry(NOW, Event.START))
    run = result(Smtp(), seconds=0.3)
    metrics.show(picture(flow(), results=[run]), name(flow()), run)
    found = await samples(metrics)
    assert found["retabli_build_info"] == [({"version": "1.2.3", "standpoint": "inside"}, 1.0)]
    assert found["retabli_alerts_sent_total"] == [({"channel": "duty"}, 1.0)]
    assert found["retabli_alerts_failed_total"] == [({"channel": "duty"}, 0.0)]
    assert found["retabli_alerts_pending"] == [({"channel": "duty"}, 3.0)]
    assert {labels["part"]: value for labels, value in found["retabli_part_restarts_total"]} == {
        "scheduler": 0,
        "web": 1,
    }
    assert found["retabli_config_last_reload_successful"][0][1] == 1
    assert found["retabli_config_last_reload_timestamp_seconds"][0][1] == NOW
    assert found["retabli_log_rows_total"][0][1] == 1
    for each in ("scheduler_lateness", "scheduler_wait", "loop_stall"):
        assert found[f"retabli_{each}_seconds_count"][0][1] == 1, each
    assert found["retabli_probe_run_duration_seconds_count"] == [({"kind": "smtp"}, 1.0)]
    assert "process_resident_memory_bytes" in found
    assert not [each for each in found if each.endswith("_created")]


async def test_a_channel_that_left_the_configuration_fails_no_more_and_is_counted_while_anything_waits_for_it(
    metrics: Metrics,
) -> None:
    figures = metrics.figures

    async def shown() -> tuple[object, object]:
        found = await samples(metrics)
        return found.get("retabli_alerts_failing", []), found.get("retabli_alerts_pending", [])

    figures.channels(["sms"])
    figures.alerts_failing("sms", failing=True)
    figures.alerts_pending("sms", 3)
    assert await shown() == ([({"channel": "sms"}, 1)], [({"channel": "sms"}, 3)])
    figures.channels([])
    figures.alerts_failing("sms", failing=True)  # by a look that had begun before
    assert await shown() == ([], [({"channel": "sms"}, 3)])
    figures.alerts_pending("sms", 0)
    assert await shown() == ([], [])
    figures.channels(["sms"])
    assert await shown() == ([({"channel": "sms"}, 0)], [({"channel": "sms"}, 0)])


async def test_a_flow_that_left_the_configuration_leaves_the_metrics(metrics: Metrics) -> None:
    run = result(Smtp())
    metrics.show(picture(flow(), results=[run]), name(flow()), run)
    metrics.forget("mail-out")
    assert 'flow="mail-out"' not in await scraped(metrics)


async def test_a_reload_keeps_the_counters_of_units_that_stay(metrics: Metrics) -> None:
    run = result(Smtp())
    before = flow(owner="one")
    metrics.show(picture(before, results=[run]), name(before), run)
    after = flow(owner="two", probes={"p": Smtp(every=10.0), "q": Smtp()})
    metrics.show(picture(after, results=[run, None]), None, None)
    found = await samples(metrics)
    runs = {(at["probe"], at["outcome"]): value for at, value in found["retabli_probe_runs_total"]}
    assert (runs["p", "ok"], runs["q", "ok"]) == (1, 0)
    assert {at["probe"]: value for at, value in found["retabli_probe_interval_seconds"]} == {"p": 10, "q": 30}
    assert found["retabli_flow_info"][0][0]["owner"] == "two"


async def test_openmetrics_bears_the_same_samples_and_ends_as_it_must(metrics: Metrics) -> None:
    loop = MailLoop()
    of = flow(title=Words.same('A "title"\\ of\ntwo lines'), probes={"loop": loop, "www": Http()})
    runs = [result(loop, Outcome.FAILED, mail={Mail.SENT: 1}, roundtrips=(3.0,)), result(Http(), measures=HTTP)]
    for place, run in enumerate(runs):
        metrics.show(picture(of, results=runs), name(of, place), run)
    text, opened = await scraped(metrics), await scraped(metrics, "application/openmetrics-text;version=1.0.0")
    assert opened.endswith("# EOF\n")
    as_text, as_open = _by_name(parse_text(text)), _by_name(parse_openmetrics(opened))  # type: ignore[no-untyped-call]
    moving = re.compile("python_|process_|_created")
    assert {each for each in as_text if not moving.match(each)} == {each for each in as_open if not moving.match(each)}
    own = [each for each in as_text if each.startswith(("retabli_", "probe_"))]
    assert all(as_text[each] == as_open[each] for each in own)
    assert as_text["retabli_flow_info"][0][0]["title"] == 'A "title"\\ of\ntwo lines'


async def test_the_lines_of_a_metric_stand_together_under_one_head(metrics: Metrics) -> None:
    for number in range(3):
        of = flow(f"flow-{number}")
        run = result(Smtp())
        metrics.show(picture(of, results=[run]), name(of), run)
    text = await scraped(metrics)
    heads = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(heads) == len(set(heads))
    seen: list[str] = []
    for line in text.splitlines():
        if line.startswith(("retabli_flow", "probe_")) and (each := line.partition("{")[0]) not in seen[-1:]:
            seen.append(each)
    assert len(seen) == len(set(seen))


async def test_a_scrape_is_of_one_instant_whatever_happens_while_it_is_read(metrics: Metrics) -> None:
    of = flow()
    good, bad = result(Smtp()), result(Smtp(), Outcome.FAILED)
    metrics.show(picture(of, State.RESTORED, [good]), name(of), good)
    pieces = []
    async for piece in metrics.page():
        metrics.show(picture(of, State.DROPPED, [bad]), name(of), bad)
        pieces.append(piece)
    found = _by_name(parse_text(b"".join(pieces).decode()))
    assert {at["state"] for at, value in found["retabli_flow_state"] if value} == {"restored"}
    assert found["probe_success"][0][1] == 1


@pytest.mark.parametrize(
    ("place", "what"), [(flows, "_standing"), (probes.UnitLines, "_counted"), (blackbox.Lines, "blocks")]
)
async def test_what_no_memory_was_left_to_write_is_written_at_the_next_reading(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch, place: object, what: str
) -> None:
    """A line that is taken for written would go on saying that the flow is restored."""
    of, unit = flow(), Smtp()
    well = result(unit, Outcome.OK)
    metrics.show(picture(of, State.RESTORED, [well]), name(of), well)
    assert "probe_success" in await scraped(metrics)
    fallen = result(unit, Outcome.FAILED)
    metrics.show(picture(of, State.DROPPED, [fallen]), name(of), fallen)

    def lacking(*_: object) -> str:
        raise MemoryError

    with monkeypatch.context() as short, pytest.raises(MemoryError):
        short.setattr(place, what, lacking)
        await scraped(metrics)
    found = await samples(metrics)
    assert [labels["state"] for labels, value in found["retabli_flow_state"] if value] == ["dropped"]
    assert {labels["outcome"]: value for labels, value in found["retabli_probe_runs_total"]}["failed"] == 1
    assert [value for _, value in found["probe_success"]] == [0]


async def test_the_loop_breathes_while_thousands_of_flows_are_read(metrics: Metrics) -> None:
    run = result(Smtp())
    for number in range(5000):
        of = flow(f"flow-{number}")
        metrics.show(picture(of, results=[run]), name(of), run)
    sizes = [len(piece) async for piece in metrics.page()]
    assert len(sizes) > 30
    assert max(sizes) < 5_000_000


@pytest.mark.parametrize(
    ("accept", "opened"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        ("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.5", False),
        ("application/openmetrics-text;version=2.0.0,text/plain;version=0.0.4;q=0.5", False),
        ("application/openmetrics-text;q=nonsense", False),
    ],
)
def test_the_format_is_the_one_that_the_scraper_prefers(metrics: Metrics, accept: str, opened: bool) -> None:
    assert ("openmetrics" in metrics.content_type(accept)) is opened


def test_blackbox_s_form_is_of_the_last_result_and_without_labels(metrics: Metrics) -> None:
    of = flow("www", probes={"health": Http(), "sites": Web()})
    run = result(Http(), measures=HTTP)
    metrics.show(picture(of, results=[run, None, run]), name(of), run)
    page = metrics.blackbox("www/health")
    assert page is not None
    found = _by_name(parse_text(page))
    assert found["probe_success"] == [({}, 1.0)]
    assert found["probe_http_duration_seconds"][0][0] == {"phase": "resolve"}
    assert metrics.blackbox("www/nothing") is None
    assert metrics.blackbox("nothing/health") is None
    assert metrics.blackbox("www/sites") is None, "it has several units"
    assert "probe_success 1" in (metrics.blackbox("www/sites[https://b.example/]") or "")
    unknown = metrics.blackbox("www/sites[https://a.example/]")
    assert unknown is not None
    assert "probe_success" not in unknown, "we could not judge: neither a success nor a failure"


PROMISED = """
retabli_flow_info retabli_flow_state retabli_flow_restored retabli_flow_page_open
retabli_flow_restored_timestamp_seconds retabli_flow_first_restored_timestamp_seconds
retabli_flow_state_changed_timestamp_seconds retabli_flow_drops_total
retabli_flow_breaches_total retabli_flow_whole_ratio retabli_flow_units retabli_closure_proven
retabli_closure_control_success retabli_probe_runs_total retabli_probe_failures_total retabli_probe_failure_info
retabli_probe_rung retabli_probe_rungs retabli_probe_stage_duration_seconds retabli_probe_run_duration_seconds_bucket
retabli_probe_last_run_timestamp_seconds retabli_probe_last_success_timestamp_seconds retabli_probe_interval_seconds
retabli_scheduler_lateness_seconds_bucket retabli_mail_sent_total retabli_mail_received_total retabli_mail_lost_total
retabli_mail_late_total retabli_mail_duplicate_total retabli_mail_bounced_total retabli_mail_forged_total
retabli_mail_in_flight retabli_mail_roundtrip_seconds_bucket retabli_alerts_sent_total retabli_alerts_failed_total
retabli_alerts_pending retabli_alerts_failing retabli_part_restarts_total retabli_loop_stall_seconds_bucket
retabli_loop_stalled_seconds_total retabli_machine_short retabli_state_unwritten
retabli_state_copy_timestamp_seconds retabli_state_copies_failed_total retabli_log_broken
retabli_config_last_reload_successful retabli_config_last_reload_timestamp_seconds retabli_log_rows_total
retabli_build_info probe_success probe_duration_seconds probe_dns_lookup_time_seconds probe_ip_protocol
probe_http_status_code probe_http_version probe_http_ssl probe_http_redirects probe_http_duration_seconds
probe_icmp_duration_seconds probe_ssl_earliest_cert_expiry probe_tls_version_info
""".split()  # noqa: SIM905 - a list of names reads better as one


def show_everything(metrics: Metrics) -> None:
    """An open and a closed flow of which everything has happened once."""
    figures = metrics.figures
    figures.channels(["duty"])
    figures.parts(["web"])
    figures.state_copied(NOW)
    figures.log_broken(broken=False)
    shut = flow("internet", intent=Intent.CLOSED, probes={"web": Containment()})
    metrics.show(picture(shut, State.CONTAINED, [result(Containment())], closure=Closure(True, True, True)), None, None)
    of = flow(probes={"loop": MailLoop(), "www": Http()})
    runs = [
        result(MailLoop(), Outcome.FAILED, mail={Mail.SENT: 1}, properties={"in_flight": "1"}, roundtrips=(1.0,)),
        result(Http(), measures=HTTP | ICMP, properties={"tls_version": "TLSv1.2"}),
    ]
    for place, run in enumerate(runs):
        metrics.show(
            picture(of, results=runs, restored_at=NOW, first_restored_at=NOW, rounds=(True,)), name(of, place), run
        )


async def test_every_name_of_the_contract_is_exported_and_no_label_is_called_instance(metrics: Metrics) -> None:
    show_everything(metrics)
    found = await samples(metrics)
    assert [each for each in PROMISED if each not in found] == []
    assert not [each for each, series in found.items() if any("instance" in labels for labels, _ in series)]
    assert not [1 for labels, _ in found["probe_duration_seconds"] if "phase" in labels]
