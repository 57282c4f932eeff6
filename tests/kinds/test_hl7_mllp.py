"""The kind `hl7_mllp`: each way in which an engine does not take a message, by one that really does it."""

import asyncio
import ssl
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import trustme
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

from probes.hl7_mllp import Hl7Mllp
from retabli.model import causes, stages
from retabli.model.causes import Cause, Side, Verdict
from retabli.model.ladder import Ladder
from retabli.model.result import Outcome, Result
from retabli.model.stages import Stage
from retabli.net.hl7 import exchange, hl7_causes
from retabli.net.hl7.exchange import ACKNOWLEDGED, APPLIED, COMMITTED, FRAMED, MATCHED
from tests.climbing import climb, settings
from tests.faults.short_of_files import held
from tests.net.hl7_engines import Answer, Engine, acking, acknowledgement, block, control_id, result, write
from tests.net.peers import (
    Handler,
    client_files,
    closed_port,
    closing,
    demanding_context,
    endless,
    listening_then_closing,
    resetting,
    saying,
    server_context,
    serving,
    serving_tls,
    silent,
    trickling,
)
from tests.said import assert_fell, climbed


async def asked(
    peer: Handler, folder: Path, *, content: bytes | None = None, deadline: float | None = None, **keys: Any
) -> Result:
    """One climb towards that engine with a message of this content."""
    message = write(folder) if content is None else write(folder, content)
    async with serving(peer) as port:
        given: dict[str, Any] = {"host": "127.0.0.1", "port": port, "message": message}
        probe = settings(Hl7Mllp, **(given | keys))
        assert list(probe.faults()) == []
        return await climb(probe, deadline=deadline)


# Holding ------------------------------------------------------------------------------------------------------------


async def test_an_acknowledged_message_climbs_the_whole_ladder(tmp_path: Path) -> None:
    engine = Engine(acking("AA"))
    result = await asked(engine, tmp_path)
    assert climbed(result) == ["resolve", "connect", "framed", "acknowledged", "matched", "applied"]
    assert (result.outcome, result.rung, result.of, result.whole) == (Outcome.OK, 6, 6, True)
    assert len(engine.received) == 1


async def test_time_and_control_id_are_made_anew_and_everything_else_stays(tmp_path: Path) -> None:
    engine = Engine(acking("AA"))
    content = result(tail="||||||8859/1").replace(b"ABO", "ABO é".encode("latin-1"))
    for _ in range(2):
        await asked(engine, tmp_path, content=content)
    first, second = ([line.split(b"|") for line in sent.split(b"\r")] for sent in engine.received)
    assert first[0][9] != second[0][9]
    assert len(first[0][9]) == 20
    assert first[0][6] >= b"20260101"
    for sent in (first, second):
        sent[0][6], sent[0][9] = b"20230703090000", b"x"
        assert b"\r".join(b"|".join(fields) for fields in sent) == content


async def test_a_file_written_by_an_editor_is_sent_with_carriage_returns(tmp_path: Path) -> None:
    engine = Engine(acking("AA"))
    for ends in (b"\n", b"\r\n"):
        await asked(engine, tmp_path, content=result().replace(b"\r", ends))
    assert all(sent.count(b"\r") == 3 and b"\n" not in sent for sent in engine.received)


async def test_other_delimiters_are_respected(tmp_path: Path) -> None:
    content = result().replace(b"^~\\&", b"$%?!").replace(b"|", b"#").replace(b"^", b"$")

    def answer(message: bytes) -> list[bytes]:
        control = message.split(b"\r")[0].split(b"#")[9].decode()
        return [block(f"MSH#$%?!#EFS\rMSA#AE#{control}\rERR##PID$1$3#101$x$HL70357#E")]

    told = await asked(Engine(answer), tmp_path, content=content)
    assert_fell(told, APPLIED, hl7_causes.APPLICATION_ERROR)
    assert told.detail == "101 required field missing (E) PID^1^3"


@pytest.mark.parametrize("tail", ["|||AL|NE", "|||AL|", ""])
@pytest.mark.parametrize("expect", [["CA"], ["AA", "CA"]])
async def test_a_commit_is_enough_where_it_is_expected_and_nothing_more_is_asked_for(
    tmp_path: Path, expect: list[str], tail: str
) -> None:
    told = await asked(Engine(acking("CA")), tmp_path, content=result(tail=tail), expect=expect)
    assert climbed(told) == ["resolve", "connect", "framed", "acknowledged", "matched", "committed"]
    assert (told.outcome, told.rung, told.of) == (Outcome.OK, 6, 6)


async def test_after_the_commit_the_application_is_awaited_where_the_message_asks_for_it(tmp_path: Path) -> None:
    def answer(message: bytes) -> list[bytes]:
        return [acknowledgement(code, control_id(message)) for code in ("CA", "CA", "AA")]

    told = await asked(Engine(answer, pause=0.01), tmp_path, content=result(tail="|||AL|AL"), expect=["AA", "CA"])
    assert climbed(told)[-2:] == ["committed", "applied"]
    assert told.rung == told.of == 7


async def test_in_original_mode_the_application_answers_at_once_though_a_commit_would_do(tmp_path: Path) -> None:
    told = await asked(Engine(acking("AA")), tmp_path, expect=["AA", "CA"])
    assert (told.outcome, climbed(told)[-1], told.rung == told.of) == (Outcome.OK, "applied", True)
    told = await asked(Engine(acking("AA")), tmp_path, content=result(tail="|||AL|NE"), expect=["CA"])
    assert (told.outcome, climbed(told)[-1]) == (Outcome.OK, "committed")


async def test_an_application_that_wants_its_answer_committed_gets_a_commit(tmp_path: Path) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.readuntil(b"\x1c\r"))

    def answer(message: bytes) -> list[bytes]:
        control = control_id(message)
        return [acknowledgement("CA", control), acknowledgement("AA", control, tail="|||AL|NE")]

    async with serving(Engine(answer, then=listen)) as port, asyncio.timeout(5):
        message = write(tmp_path, result(tail="|||AL|AL"))
        told = await climb(settings(Hl7Mllp, host="127.0.0.1", port=port, message=message))
        assert told.outcome is Outcome.OK
        assert b"\rMSA|CA|A1\r" in await heard.get()


async def test_warnings_with_a_message_that_was_taken_are_told(tmp_path: Path) -> None:
    told = await asked(Engine(acking("AA", "ERR||PID^1^5|0^ZZTEST PATIENT is odd^HL70357|W")), tmp_path)
    assert told.outcome is Outcome.OK
    assert told.properties["told"] == "0 message accepted (W) PID^1^5"


# What may come before ours ------------------------------------------------------------------------------------------


async def test_empty_blocks_and_line_ends_between_blocks_are_passed_over(tmp_path: Path) -> None:
    def answer(message: bytes) -> list[bytes]:
        return [block(b""), b"\r\n", block(b"\r"), b"\n", *acking("AA")(message)]

    assert (await asked(Engine(answer), tmp_path)).outcome is Outcome.OK


async def test_an_engine_of_release_2_confirms_storage_before_it_acknowledges(tmp_path: Path) -> None:
    stored = Engine(lambda message: [block(b"\x06"), *acking("AA")(message)])
    assert (await asked(stored, tmp_path)).outcome is Outcome.OK
    assert_fell(await asked(Engine(lambda _: [block(b"\x15")]), tmp_path), FRAMED, hl7_causes.MLLP_NAK)


async def test_an_acknowledgement_in_pieces_is_put_together(tmp_path: Path) -> None:
    def answer(message: bytes) -> list[bytes]:
        whole = acking("AA")(message)[0]
        return [whole[place : place + 1] for place in range(len(whole))]

    assert (await asked(Engine(answer), tmp_path)).outcome is Outcome.OK


async def test_another_messages_acknowledgement_may_come_before_ours(tmp_path: Path) -> None:
    def answer(message: bytes) -> list[bytes]:
        late = acknowledgement("AE", "of-yesterday")
        return [late, block("MSH|^~\\&|EFS|||||||NMD^N02|1|T|2.5\r"), late, *acking("AA")(message)]

    assert (await asked(Engine(answer), tmp_path)).outcome is Outcome.OK


async def test_a_message_of_the_engines_own_may_come_before_ours(tmp_path: Path) -> None:
    def answer(message: bytes) -> list[bytes]:
        return [block("MSH|^~\\&|EFS||||||NMD^N02|1|T|2.5\r"), *acking("AA")(message)]

    assert (await asked(Engine(answer), tmp_path)).outcome is Outcome.OK


# The way there --------------------------------------------------------------------------------------------------------


async def test_a_closed_port_is_refused(tmp_path: Path) -> None:
    assert_fell(await asked(silent, tmp_path, port=closed_port()), stages.CONNECT, causes.REFUSED)


async def test_an_engine_that_hangs_up_at_once_or_after_the_message_closed_early(tmp_path: Path) -> None:
    told = await asked(listening_then_closing, tmp_path)
    assert_fell(told, FRAMED, causes.CLOSED_EARLY)
    assert told.detail == "accepted, then closed"
    at_once = await asked(closing, tmp_path)
    assert at_once.stage is FRAMED
    assert at_once.cause in (causes.CLOSED_EARLY, causes.RESET)


async def test_a_deadline_during_the_second_look_tells_what_the_first_one_showed(tmp_path: Path) -> None:
    guests: list[int] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guests.append(1)
        await (listening_then_closing if len(guests) == 1 else silent)(reader, writer)

    told = await asked(once, tmp_path, timeout="300ms")
    assert_fell(told, FRAMED, causes.CLOSED_EARLY)
    assert (told.detail, len(guests)) == ("accepted, then closed", 2)


async def test_an_engine_that_resets_is_told_from_one_that_closes(tmp_path: Path) -> None:
    assert_fell(await asked(resetting, tmp_path), FRAMED, causes.RESET)


async def test_a_stopped_channel_is_silent_and_the_partners(tmp_path: Path) -> None:
    told = await asked(silent, tmp_path, timeout="200ms")
    assert_fell(told, FRAMED, hl7_causes.SILENT)
    assert told.cause is not None
    assert told.cause.side is Side.PARTNER_DOWN
    assert told.seconds < 2


async def test_an_engine_that_only_keeps_alive_is_silent_too(tmp_path: Path) -> None:
    told = await asked(Engine(lambda _: [block(b"")] * 3, then=silent), tmp_path, timeout="200ms")
    assert_fell(told, FRAMED, hl7_causes.SILENT)
    assert told.detail == "silent after 3 blocks"


# Frames ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"220 mail.example ESMTP\r\n", "it begins with b'220 ' instead of VT"),
        (b"PATIENT ZZTEST is unknown", "it begins without VT"),
        (b"\r\n" * 50, "line ends without end"),
        (b"MSH|^~\\&|EFS\rMSA|AA|1\r", "HL7 without the VT before it"),
        (b"\x0bMSH|^~\\&|EFS\x1cMSA", "FS is not followed by CR"),
    ],
)
async def test_what_is_no_block_is_a_bad_frame(tmp_path: Path, said: bytes, detail: str) -> None:
    told = await asked(Engine(lambda _: [said], then=silent), tmp_path)
    assert_fell(told, FRAMED, hl7_causes.BAD_FRAME)
    assert told.detail == detail


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"\x0bMSH|^~\\&|EFS\x1c", "no CR after FS"),
        (b"\x0bMSH|^~\\&|EFS\rMSA|AA|1\r", "a block that does not end, after 23 bytes"),
    ],
)
async def test_a_block_that_does_not_end_in_time_is_a_bad_frame(tmp_path: Path, said: bytes, detail: str) -> None:
    told = await asked(Engine(lambda _: [said], then=silent), tmp_path, timeout="200ms")
    assert_fell(told, FRAMED, hl7_causes.BAD_FRAME)
    assert told.detail == detail


async def test_a_block_that_is_cut_is_a_bad_frame(tmp_path: Path) -> None:
    told = await asked(Engine(lambda _: [b"\x0bMSH|^~"], then=closing), tmp_path)
    assert_fell(told, FRAMED, hl7_causes.BAD_FRAME)
    assert "closed in the middle" in told.detail


async def test_a_block_without_end_is_too_long_and_takes_no_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        told = await asked(saying(b"\x0b", then=endless(b"MSH|" * 16_384)), tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert_fell(told, FRAMED, causes.TOO_LONG)
    assert peak < 5_000_000


async def test_blocks_without_number_are_too_long(tmp_path: Path) -> None:
    assert_fell(await asked(saying(then=endless(block(b""))), tmp_path), FRAMED, causes.TOO_LONG)


async def test_a_block_that_trickles_ends_with_the_deadline(tmp_path: Path) -> None:
    told = await asked(trickling(b"\x0bMSH" + b"|" * 1000, 0.02), tmp_path, timeout="300ms")
    assert_fell(told, FRAMED, hl7_causes.BAD_FRAME)
    assert told.seconds < 2


# What is acknowledged -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "hello",
        "MSH",
        "MSH|",
        "MSH||||||",
        "MSH|^^^^|EFS\rMSA|AA|1\r",
        "MSA|AA|1\rMSH|^~\\&|EFS\r",
        "\xff\xfe" * 100,
        "FHS|^~\\&|x\rMSA|AA|1",
    ],
)
async def test_what_is_not_hl7_is_told(tmp_path: Path, said: str) -> None:
    assert_fell(await asked(Engine(lambda _: [block(said)]), tmp_path), ACKNOWLEDGED, hl7_causes.NOT_HL7)


async def test_an_echo_is_no_acknowledgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "GRACE", 0.1)
    assert_fell(await asked(Engine(lambda message: [block(message)]), tmp_path), ACKNOWLEDGED, hl7_causes.NOT_HL7)


async def test_an_answer_of_nothing_but_delimiters_neither_stalls_nor_fills_memory(tmp_path: Path) -> None:
    said = b"MSH|^~\\&|" + b"|~^&" * 15_000 + b"\r" + b"ERR|~^&\r" * 400 + b"MSA|" + b"^~" * 2000
    tracemalloc.start()
    try:
        told = await asked(Engine(lambda _: [block(said)], then=closing), tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert told.outcome is Outcome.FAILED
    assert told.seconds < 1
    assert peak < 10_000_000


async def test_the_acknowledgement_of_another_message_is_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "GRACE", 0.1)
    told = await asked(Engine(lambda _: [acknowledgement("AA", "42")]), tmp_path)
    assert_fell(told, MATCHED, hl7_causes.WRONG_CONTROL_ID)
    assert told.detail == "MSA-2 is 42"
    assert told.seconds < 2


@pytest.mark.parametrize(("said", "told"), [("", "nothing"), ("ZZTEST PATIENT", "something that is no identifier")])
async def test_a_control_id_that_is_none_is_not_told(tmp_path: Path, said: str, told: str) -> None:
    answered = await asked(Engine(lambda _: [acknowledgement("AA", said)], then=closing), tmp_path)
    assert_fell(answered, MATCHED, hl7_causes.WRONG_CONTROL_ID)
    assert answered.detail == f"MSA-2 is {told}"


async def test_a_deadline_after_a_stranger_tells_the_stranger(tmp_path: Path) -> None:
    told = await asked(Engine(lambda _: [acknowledgement("AA", "42")]), tmp_path, timeout="200ms")
    assert_fell(told, MATCHED, hl7_causes.WRONG_CONTROL_ID)


@pytest.mark.parametrize(
    ("code", "cause", "expect", "stage"),
    [
        ("AE", hl7_causes.APPLICATION_ERROR, ["AA"], APPLIED),
        ("AR", hl7_causes.APPLICATION_REJECTED, ["AA"], APPLIED),
        ("CE", hl7_causes.COMMIT_ERROR, ["CA"], COMMITTED),
        ("CR", hl7_causes.COMMIT_REJECTED, ["CA"], COMMITTED),
        ("CE", hl7_causes.COMMIT_ERROR, ["AA", "CA"], COMMITTED),
        ("AE", hl7_causes.APPLICATION_ERROR, ["AA", "CA"], APPLIED),
        ("CR", hl7_causes.COMMIT_REJECTED, ["AA"], APPLIED),
        ("AE", hl7_causes.APPLICATION_ERROR, ["CA"], COMMITTED),
        ("ok", hl7_causes.UNKNOWN_ACK_CODE, ["AA"], APPLIED),
        ("", hl7_causes.UNKNOWN_ACK_CODE, ["CA"], COMMITTED),
        ("aa", hl7_causes.UNKNOWN_ACK_CODE, ["AA", "CA"], APPLIED),
    ],
)
async def test_each_refusal_is_told_apart(
    tmp_path: Path, code: str, cause: Cause, expect: list[str], stage: Stage
) -> None:
    told = await asked(Engine(acking(code)), tmp_path, content=result(tail="|||AL|AL"), expect=expect)
    assert_fell(told, stage, cause)
    assert cause.side is Side.CONTENT


async def test_a_rejection_may_be_sent_again(tmp_path: Path) -> None:
    told = await asked(Engine(acking("AR")), tmp_path)
    assert told.cause is not None
    assert (told.cause.verdict, told.outcome) == (Verdict.TEMPORARY, Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("segment", "version", "detail"),
    [
        ("ERR||PID^1^3|101^ZZTEST^HL70357|E", "2.5.1", "101 required field missing (E) PID^1^3"),
        ("ERR|||207^stack trace of PATIENT^HL70357|F|||PATIENT ZZTEST", "2.5.1", "207 application internal error (F)"),
        ("ERR|PID^1^5^103&ZZTEST&HL70357", "2.3", "103 table value not found PID^1^5"),
        ("ERR|PID^1^5^101&x&y~PV1^1^2^204&z", "2.4", "101 required field missing PID^1^5; 204 unknown key identifier"),
        ("ERR|||E-17^PATIENT ZZTEST is unknown^L|E", "2.5.1", "E-17 (E)"),
        ("ERR|||PATIENT ZZTEST|E", "2.5.1", "a code of the engine's own (E)"),
        ("ERR||PATIENT ZZTEST^1|102|X", "2.5.1", "102 data type error"),
        ("ERR", "2.5.1", "no code"),
        ("NTE|1||nothing", "2.5.1", "without ERR"),
    ],
)
async def test_errors_are_told_by_code_and_place_and_never_by_their_text(
    tmp_path: Path, segment: str, version: str, detail: str
) -> None:
    told = await asked(Engine(acking("AE", segment, version=version)), tmp_path)
    assert_fell(told, APPLIED, hl7_causes.APPLICATION_ERROR)
    assert told.detail.startswith(detail)
    assert "PATIENT" not in told.detail + repr(dict(told.properties))


async def test_the_condition_of_old_versions_is_read_from_msa(tmp_path: Path) -> None:
    def answer(message: bytes) -> list[bytes]:
        return [block(f"MSH|^~\\&|EFS\rMSA|AR|{control_id(message)}|PATIENT ZZTEST|||201^x^HL70357\r")]

    told = await asked(Engine(answer), tmp_path)
    assert_fell(told, APPLIED, hl7_causes.APPLICATION_REJECTED)
    assert told.detail == "201 unsupported event code"


async def test_many_errors_are_told_in_short_and_in_the_sites_language(tmp_path: Path) -> None:
    errors = [f"ERR||PID^1^{field}|101|E" for field in range(1, 30)]
    told = await asked(Engine(acking("AE", *errors)), tmp_path)
    assert told.detail.endswith("PID^1^3; +5")
    async with serving(Engine(acking("AE", errors[0]))) as port:
        probe = settings(Hl7Mllp, host="127.0.0.1", port=port, message=write(tmp_path))
        ladder = Ladder(probe.climbs(), language="fr")
        with pytest.raises(Exception, match="101 champ obligatoire absent"):
            await probe.run(ladder)


@pytest.mark.parametrize("then", [silent, closing])
async def test_a_commit_that_no_application_follows_is_told(tmp_path: Path, then: Handler) -> None:
    told = await asked(
        Engine(acking("CA"), then=then), tmp_path, content=result(tail="|||AL|AL"), timeout="300ms", expect=["AA", "CA"]
    )
    assert_fell(told, APPLIED, hl7_causes.NO_APPLICATION_ACK)
    assert climbed(told)[-1] == "committed"
    told = await asked(Engine(acking("CA"), then=then), tmp_path, timeout="300ms")
    assert_fell(told, APPLIED, hl7_causes.NO_APPLICATION_ACK)


@pytest.mark.parametrize(("code", "cause"), [("AE", hl7_causes.APPLICATION_ERROR), ("CE", hl7_causes.COMMIT_ERROR)])
async def test_an_application_that_refuses_after_the_commit_is_told(tmp_path: Path, code: str, cause: Cause) -> None:
    def answer(message: bytes) -> list[bytes]:
        control = control_id(message)
        return [acknowledgement("CA", control), acknowledgement("AA", "another"), acknowledgement(code, control)]

    told = await asked(Engine(answer), tmp_path, content=result(tail="|||AL|AL"), expect=["AA", "CA"])
    assert_fell(told, APPLIED, cause)


# TLS ------------------------------------------------------------------------------------------------------------------


def answering(sock: Any) -> None:
    """The engine's side of a conversation in a thread."""
    heard = b""
    while not heard.endswith(b"\x1c\r"):
        more = sock.recv(65536)
        if not more:
            return
        heard += more
    sock.sendall(acknowledgement("AA", control_id(heard)))
    sock.recv(1)


async def over_tls(context: ssl.SSLContext, folder: Path, **tls: Any) -> Result:
    async with serving_tls(context, answering) as port:
        return await climb(settings(Hl7Mllp, host="localhost", port=port, message=write(folder), tls=tls))


async def test_mllp_is_spoken_over_tls(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    told = await over_tls(server_context(authority.issue_cert("localhost")), tmp_path, ca=str(ca_file))
    assert climbed(told) == ["resolve", "connect", "tls", "framed", "acknowledged", "matched", "applied"]
    assert told.rung == told.of == 7
    assert told.properties["tls_version"] == "TLSv1.3"


async def test_an_engine_that_demands_our_certificate_gets_it(
    authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority)
    own = client_files(authority.issue_cert("probe.test"), tmp_path)
    assert (await over_tls(context, tmp_path, ca=str(ca_file), **own)).outcome is Outcome.OK


async def test_a_missing_and_a_refused_client_certificate_are_told_on_the_rung_of_tls(
    authority: trustme.CA, stranger: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    context = demanding_context(authority.issue_cert("localhost"), authority)
    assert_fell(await over_tls(context, tmp_path, ca=str(ca_file)), stages.TLS, causes.CLIENT_CERT_MISSING)
    own = client_files(stranger.issue_cert("probe.test"), tmp_path)
    assert_fell(await over_tls(context, tmp_path, ca=str(ca_file), **own), stages.TLS, causes.CLIENT_CERT_REFUSED)


async def test_a_certificate_of_an_unknown_authority_is_told(
    stranger: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    context = server_context(stranger.issue_cert("localhost"))
    assert_fell(await over_tls(context, tmp_path, ca=str(ca_file)), stages.TLS, causes.CERT_UNKNOWN_CA)


async def test_a_plain_engine_where_tls_is_expected_never_answers_the_handshake(ca_file: Path, tmp_path: Path) -> None:
    told = await asked(Engine(acking("AA")), tmp_path, tls={"ca": str(ca_file)}, timeout="300ms")
    assert_fell(told, stages.TLS, hl7_causes.TLS_UNANSWERED)


async def test_a_plain_engine_that_answers_the_handshake_is_not_tls(ca_file: Path, tmp_path: Path) -> None:
    told = await asked(saying(block("MSH|^~\\&|EFS\rMSA|AR\r")), tmp_path, tls={"ca": str(ca_file)})
    assert_fell(told, stages.TLS, causes.NOT_TLS)


async def test_an_engine_that_speaks_tls_where_plain_is_expected_is_told(authority: trustme.CA, tmp_path: Path) -> None:
    async with serving_tls(server_context(authority.issue_cert("localhost"))) as port:
        told = await climb(settings(Hl7Mllp, host="127.0.0.1", port=port, message=write(tmp_path)))
    assert_fell(told, FRAMED, hl7_causes.TLS_WANTED)


async def test_an_engine_that_answers_clear_text_by_an_alert_speaks_tls(tmp_path: Path) -> None:
    alert = b"\x15\x03\x03\x00\x02\x02\x0a"  # unexpected_message, as Java's servers send it
    assert_fell(await asked(Engine(lambda _: [alert], then=closing), tmp_path), FRAMED, hl7_causes.TLS_WANTED)


# What may be sent -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (result(msh11="P"), "MSH-11 is P, not T"),
        (result(msh11="D"), "MSH-11 is D, not T"),
        (result(msh11=""), "MSH-11 is empty, not T"),
        (result(msh11="TT"), "MSH-11 is TT, not T"),
        (result(msh11="P^T"), "MSH-11 is P, not T"),
        (b"MSH|^~\\&|RETABLI\rPID|1||TEST\r", "MSH-11 is empty"),
        (result(pid="PV1|1"), "no PID"),
        (result(pid="PID|1||123456^^^CHU^PI||MARTIN^JEANNE"), "not the agreed test patient"),
        (result(pid="PID|1||123456^^^CHU^PI||TESTARD^JEANNE"), "not the agreed test patient"),
        (result(pid="PID|1||123456||MARTIN||||||12 rue du TEST"), "not the agreed test patient"),
        (result() + b"PID|2||123456||MARTIN^JEANNE\r", "not the agreed test patient"),
        (result() + b"MRG|123456\r", "not the agreed test patient"),
    ],
)
async def test_a_message_that_is_no_test_for_a_test_patient_is_a_fault_and_never_sent(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    engine = Engine(acking("AA"))
    async with serving(engine) as port:
        probe = settings(Hl7Mllp, host="127.0.0.1", port=port, message=write(tmp_path, content))
        told = await climb(probe)
    assert [fault in each for each in probe.faults()] == [True]
    assert_fell(told, stages.RESOLVE, hl7_causes.NOT_A_TEST)
    assert engine.received == []


async def test_a_message_that_became_a_real_one_after_the_check_is_never_sent(tmp_path: Path) -> None:
    engine = Engine(acking("AA"))
    async with serving(engine) as port:
        probe = settings(Hl7Mllp, host="127.0.0.1", port=port, message=write(tmp_path))
        assert list(probe.faults()) == []
        write(tmp_path, result(msh11="P"))
        told = await climb(probe)
        assert_fell(told, stages.RESOLVE, hl7_causes.NOT_A_TEST)
        assert "MSH-11 is P" in told.detail
        (tmp_path / "message.hl7").unlink()
        assert_fell(await climb(probe), stages.RESOLVE, causes.FILE_UNREADABLE)
        write(tmp_path, b"no message")
        assert_fell(await climb(probe), stages.RESOLVE, causes.FILE_UNREADABLE)
    assert engine.received == []


async def test_a_message_that_became_a_folder_takes_no_open_file_at_each_run(tmp_path: Path) -> None:
    probe = settings(Hl7Mllp, host="127.0.0.1", port=closed_port(), message=write(tmp_path))
    (tmp_path / "message.hl7").unlink()
    (tmp_path / "message.hl7").mkdir()
    before = held()
    for _ in range(3):
        assert_fell(await climb(probe), stages.RESOLVE, causes.FILE_UNREADABLE)
    assert held().keys() == before.keys()


async def test_an_agreed_mark_replaces_the_usual_ones(tmp_path: Path) -> None:
    content = result(pid="PID|1||999000123^^^CHU^PI||DOE^JANE")
    assert (await asked(Engine(acking("AA")), tmp_path, content=content, patient_mark="999000123")).outcome == "ok"
    probe = settings(Hl7Mllp, host="localhost", message=write(tmp_path), patient_mark="999000123")
    assert any('"999000123"' in fault for fault in probe.faults())


@pytest.mark.parametrize("mark", ["", "T", "é" * 5, " a "])
def test_a_mark_that_would_fit_anybody_is_refused(tmp_path: Path, mark: str) -> None:
    with pytest.raises(ValidationError):
        settings(Hl7Mllp, host="localhost", message=write(tmp_path), patient_mark=mark)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "does not begin with MSH"),
        (b"EVN|A01\r" + result(), "does not begin with MSH"),
        (b"MSH|^~|A|B\r", "delimiters"),
        (b"MSH|^^^^|A|B\r", "delimiters"),
        (b"MSH|^~\\&" + b"A" * 70_000, "longer than 65536 bytes"),
        (result() * 2, "more than one message"),
        (block(result()), "VT or FS"),
        (result() + b"see below\r", "segment 4 does not begin with a segment's name"),
        (result() + b"NTE|1\r" * 3000, "more than 2000 segments"),
        (result(tail="||||||UNICODE UTF-8") + b"NTE|1||\xe9\r", "MSH-18 is UNICODE UTF-8"),
        (result(tail="||||||UNICODE UTF-16"), "MLLP cannot carry"),
    ],
)
def test_a_file_that_holds_no_message_is_a_fault(tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        settings(Hl7Mllp, host="localhost", message=write(tmp_path, content))


def test_a_file_that_is_missing_or_none_is_a_fault(tmp_path: Path) -> None:
    import os

    for name, fault in (("nowhere", "No such file"), (".", "no regular file|Is a directory"), ("pipe", "regular")):
        if name == "pipe":
            os.mkfifo(tmp_path / name)
        with pytest.raises(ValidationError, match=fault):
            settings(Hl7Mllp, host="localhost", message=str(tmp_path / name))


def test_what_is_allowed_and_unwise_is_told(tmp_path: Path) -> None:
    def warned(content: bytes, **keys: Any) -> list[str]:
        return list(settings(Hl7Mllp, host="localhost", message=write(tmp_path, content), **keys).warnings())

    assert warned(result()) == []
    assert "MSH-18" in warned(result() + "NTE|1||é\r".encode())[0]
    assert "MSH-15" in warned(result(), expect=["CA"])[0]
    assert "MSH-16" in warned(result(tail="|||AL|NE"))[0]


def test_starttls_is_no_setting_of_this_kind(tmp_path: Path) -> None:
    probe = settings(Hl7Mllp, host="localhost", message=write(tmp_path), tls={"mode": "starttls"})
    assert any("starttls" in fault for fault in probe.faults())


def test_its_ladder_rhythm_and_openings_follow_from_its_settings(tmp_path: Path) -> None:
    probe = settings(Hl7Mllp, host="efs.example", message=write(tmp_path))
    assert [stage.id for stage in probe.climbs()] == [
        *("resolve", "connect", "framed", "acknowledged", "matched", "applied")
    ]
    assert list(probe.openings()) == [("efs.example", 2575, "tcp")]
    assert (probe.every, Hl7Mllp.EVERY) == (300.0, "5m")
    whole = settings(Hl7Mllp, host="efs.example", message=write(tmp_path), expect=["CA", "AA"], tls={"ca": "ca.pem"})
    assert whole.climbs() == Hl7Mllp.LADDER


def test_another_content_of_the_file_is_another_configuration(tmp_path: Path) -> None:
    before = settings(Hl7Mllp, host="localhost", message=write(tmp_path)).model_dump(mode="json")
    after = settings(Hl7Mllp, host="localhost", message=write(tmp_path, result())).model_dump(mode="json")
    assert before != after


async def test_the_loop_is_not_blocked(tmp_path: Path) -> None:
    import hl7  # noqa: F401 - imported when first used

    answer: Answer = acking("AA")
    async with serving(Engine(answer)) as port:
        probe = settings(Hl7Mllp, host="127.0.0.1", port=port, message=write(tmp_path))
        with blockbuster_ctx():
            assert (await climb(probe)).outcome is Outcome.OK


async def test_every_cause_speaks_of_itself() -> None:
    for cause in Hl7Mllp.CAUSES:
        assert cause.advice("fr")
        assert cause.advice("en")
