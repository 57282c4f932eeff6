"""No switch of the demo is without effect: for each position, what one climb of that flow's probes gives."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from config.loading import load
from retabli.model.flow import Flow
from retabli.model.result import Outcome
from simulator.configuration import write
from simulator.hospital import Hospital
from tests.climbing import climb

OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN
Row = tuple[str, str, str, Outcome, str | None]

# Flow, position, probe, outcome, cause; the probes that are wholly ok are left out.
TABLE: tuple[Row, ...] = (
    ("mail-out", "held", "loop", FAILED, "late"),
    ("mail-out", "refused", "relay", FAILED, "relay_denied"),
    ("mail-out", "refused", "loop", FAILED, "relay_denied"),
    ("mail-out", "stopped", "relay", FAILED, "refused"),
    ("mail-out", "stopped", "loop", FAILED, "refused"),
    ("mail-out", "silent", "relay", FAILED, "timeout"),
    ("mail-out", "silent", "loop", FAILED, "timeout"),
    ("mail-in", "held", "account", FAILED, "nothing_arrives"),
    ("mail-in", "refused", "account", FAILED, "rejected"),
    ("mail-in", "lost", "account", FAILED, "nothing_arrives"),
    ("rubis", "not_recognised", "send", FAILED, "calling_ae_unknown"),
    ("rubis", "no_ct", "send", FAILED, "abstract_syntax_unsupported"),
    ("rubis", "full", "send", FAILED, "out_of_resources"),
    ("rubis", "partner_silent", "receive", FAILED, "no_new_study"),
    ("rubis", "stopped", "send", FAILED, "refused"),
    ("efs", "silent", "engine", FAILED, "silent"),
    ("efs", "refuses", "engine", FAILED, "application_error"),
    ("efs", "nothing", "results", FAILED, "no_arrivals"),
    ("efs", "stuck", "results", FAILED, "not_consumed"),
    ("efs", "another_key", "letter-box", FAILED, "host_key_changed"),
    ("efs", "stopped", "engine", FAILED, "refused"),
    ("efs", "stopped", "results", FAILED, "no_arrivals"),
    ("efs", "stopped", "letter-box", FAILED, "refused"),
    ("mssante", "refuses", "partner", FAILED, "not_authorised"),
    ("mssante", "unlisted", "partner", FAILED, "partner_certificate_unlisted"),
    ("mssante", "one_sided", "partner", OK, "client_cert_not_asked"),
    ("mssante", "no_tls", "partner", FAILED, "starttls_not_offered"),
    ("mssante", "without_us", "partner", FAILED, "own_domain_unlisted"),
    ("mssante", "stopped", "partner", FAILED, "refused"),
    ("apicrypt", "held", "loop", FAILED, "late"),
    ("apicrypt", "denied", "loop", FAILED, "relay_denied"),
    ("apicrypt", "locked", "loop", UNKNOWN, "maildrop_locked"),
    ("apicrypt", "stopped", "loop", FAILED, "refused"),
    ("speech", "no_licence", "recording", FAILED, "licence_exhausted"),
    ("speech", "wrong_words", "recording", FAILED, "wrong_text"),
    ("speech", "refuses_token", "recording", FAILED, "token_refused"),
    ("speech", "stopped", "recording", FAILED, "refused"),
    ("reports", "stuck", "report", FAILED, "late"),
    ("reports", "broken_archive", "report", FAILED, "archive_broken"),
    ("reports", "stopped", "report", FAILED, "refused"),
    ("websites", "denied", "sites", FAILED, "proxy_denied"),
    ("websites", "error", "sites", FAILED, "http_server_error"),
    ("appointments", "error", "page", FAILED, "http_server_error"),
    ("appointments", "empty", "page", FAILED, "text_missing"),
    ("appointments", "moved", "page", FAILED, "redirected_away"),
    ("appointments", "unanswered", "switchboard", FAILED, "timeout"),
    ("card-payment", "stopped", "acquirer", FAILED, "refused"),
    ("internet", "open", "ways-out", FAILED, "answered"),
    ("internet", "canary_dead", "ways-out", UNKNOWN, "target_not_alive"),
    ("resolver", "servfail", "mx", FAILED, "servfail"),
    ("resolver", "silent", "mx", FAILED, "dns_timeout"),
    ("proxy", "stopped", "port", FAILED, "refused"),
)
SHARED = ("resolver", "proxy")  # others stand on them: their turn comes when those are done
LONG_AGO = 3600.0  # seconds
LOOKS = 3  # within which a flow that was healed is well: a run that was cut short may have left a canary behind it


@pytest.fixture
async def hospital(tmp_path: Path) -> AsyncIterator[Hospital]:
    async with Hospital(tmp_path) as hospital:
        yield hospital


@pytest.mark.timeout(90)
async def test_each_position_of_each_switch_gives_its_cause_and_is_healed(hospital: Hospital) -> None:
    flows = load(write(hospital)).flows
    at_once = [flow for flow in flows if flow not in SHARED]
    async with asyncio.TaskGroup() as together:  # when one fails, none of the others goes on without its hospital
        turning = [together.create_task(turned(hospital, flows, flow)) for flow in at_once]
    found = [task.result() for task in turning]
    found += [await turned(hospital, flows, flow) for flow in SHARED]
    seen = [row for rows in found for row in rows]
    assert sorted(seen, key=str) == sorted(TABLE, key=str)
    assert {row[:2] for row in seen} == {
        (flow, position) for flow, each in hospital.switches.items() for position in list(each.positions)[1:]
    }


async def turned(hospital: Hospital, flows: Mapping[str, Flow], name: str) -> list[Row]:
    """One flow's rows, for each position but the healthy one; after each the flow is healed and wholly ok again."""
    switch, rows = hospital.switches[name], list[Row]()
    for position in list(switch.positions)[1:]:
        switch.set(position)
        if name == "efs":
            time_passes(hospital, position)
        rows += await looked_at(flows[name], position)
        switch.heal()
        for _ in range(LOOKS):
            left = await looked_at(flows[name], position)
            if not left:
                break
        assert left == [], (name, position)
    return rows


async def looked_at(flow: Flow, position: str) -> list[Row]:
    units = flow.units()
    results = await asyncio.gather(*(climb(probe, target=name.target) for name, probe in units))
    rows: dict[Row, None] = {}  # many targets of one probe that say the same are one row
    for (name, _), result in zip(units, results, strict=True):
        if result.outcome is not OK or result.cause is not None:
            cause = result.cause.code if result.cause is not None else None
            rows[flow.id, position, name.probe, result.outcome, cause] = None
    return list(rows)


def time_passes(hospital: Hospital, position: str) -> None:
    """What an hour in this position leaves: a folder long untouched, or the first of many results still waiting."""
    results, then = hospital.blood.results, (time.time() - LONG_AGO,) * 2
    if position in ("nothing", "stopped"):
        results.turn()
        os.utime(results.folder, then)
    elif position == "stuck":
        os.utime(next(results.folder.glob("result-*")), then)
        results.turn()


async def test_a_refused_account_is_mended_by_a_new_password_which_lifts_the_daemon_s_wait(hospital: Hospital) -> None:
    write(hospital)
    secret = hospital.ground.folder / "speech"
    before = secret.read_text()
    hospital.switches["speech"].set("refuses_token")
    assert secret.read_text() == before
    hospital.switches["speech"].heal()
    assert secret.read_text() != before
    assert secret.stat().st_mode & 0o077 == 0
