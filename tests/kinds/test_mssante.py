"""The kind `mssante`: each cause is reached by a partner, a list or a certificate that really is so."""

import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from ssl import TLSVersion
from typing import Any

import pytest

from probes.mssante import MsSante
from retabli.model.result import Measure, Outcome, Result
from simulator.authority import Authority
from tests.climbing import climb, settings
from tests.mail_servers import Answer, SmtpServer, after, closes, floods_a_reply, stays_silent
from tests.mssante_world import ENVELOPE, OURS, OWN_NAME, THEIR_NAME, THEIRS, Space, space, white_list
from tests.net.name_server import Zone, name_server
from tests.net.peers import closed_port
from tests.said import where_and_why

BEFORE = ["white_list", "own_domain", "partner", "own_certificate"]


@pytest.fixture
def world(tmp_path: Path) -> Space:
    return space(tmp_path)


async def run(
    world: Space,
    server: SmtpServer | None = None,
    *,
    deadline: float | None = None,
    memory: dict[str, Any] | None = None,
    **keys: Any,
) -> Result:
    async with (server or world.server()).listening() as port:
        return await climb(world.probe(port, **keys), deadline=deadline, memory=memory)


def impaired(result: Result) -> str | None:
    """The cause of an ok that is not whole; None when it is whole."""
    assert result.outcome is Outcome.OK, result
    assert result.whole is (result.cause is None)
    return result.cause.code if result.cause else None


# The ladder ---------------------------------------------------------------------------------------------------------


async def test_a_partner_is_climbed_to_the_ehlo_over_mutual_tls_and_no_further(world: Space) -> None:
    server = world.server()
    result = await run(world, server, crl=world.write_crl())
    assert impaired(result) is None
    assert [rung.stage.id for rung in result.rungs] == [
        *BEFORE,
        "resolve",
        "connect",
        "greeting",
        "ehlo",
        "starttls",
        "tls",
    ]
    assert result.rung == result.of == 10
    assert [command.split(" ")[0] for command in server.commands] == ["EHLO", "STARTTLS", "EHLO", "QUIT"]
    assert result.properties["authorisation"].startswith("unverified")
    assert result.properties["white_list"].startswith("3 entries, of ")
    assert result.properties["partner_support"] == f"support@{THEIRS}", "whom on-call is to call"
    assert Measure.CERT_EARLIEST_EXPIRY in result.measures


async def test_an_authorised_envelope_is_offered_and_withdrawn(world: Space) -> None:
    server = world.server()
    result = await run(world, server, **ENVELOPE)
    assert impaired(result) is None
    assert where_and_why(result) == ("envelope", None)
    assert result.rung == result.of == 11
    assert "authorisation" not in result.properties
    assert [command.split(" ")[0] for command in server.commands][3:] == ["MAIL", "RCPT", "RSET", "QUIT"]
    assert server.messages == []


async def test_nothing_is_offered_to_a_partner_who_has_not_agreed(world: Space) -> None:
    server = world.server()
    keys = {**ENVELOPE, "authorised": False}
    assert where_and_why(await run(world, server, **keys)) == ("tls", None)
    assert not any(command.startswith("MAIL") for command in server.commands)
    async with server.listening() as port:
        assert any("authorised is false" in warning for warning in world.probe(port, **keys).warnings())


# The white list -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "stage", "cause"),
    [
        ({THEIRS: [THEIR_NAME]}, "own_domain", "own_domain_unlisted"),
        ({OURS: [THEIR_NAME], THEIRS: [THEIR_NAME]}, "own_domain", "own_certificate_unlisted"),
        ({OURS: [], THEIRS: [THEIR_NAME], "x.example": ["CN=x"]}, "own_domain", "own_domain_unlisted"),
        ({OURS: [OWN_NAME]}, "partner", "partner_unlisted"),
        ({OURS: [OWN_NAME], "sous." + THEIRS: [THEIR_NAME]}, "partner", "partner_unlisted"),
        ({OURS: [OWN_NAME], THEIRS: [OWN_NAME]}, "tls", "partner_certificate_unlisted"),
        ({OURS: [OWN_NAME], THEIRS: ["no name at all"]}, "tls", "partner_certificate_unlisted"),
    ],
)
async def test_what_a_fresh_list_lacks_is_a_failure(
    world: Space, listed: dict[str, list[str]], stage: str, cause: str
) -> None:
    world.listed = listed
    world.write_list()
    result = await run(world)
    assert where_and_why(result) == (stage, cause)
    assert result.outcome is Outcome.FAILED


async def test_a_server_whose_certificate_is_not_listed_is_told_nothing(world: Space) -> None:
    world.listed[THEIRS] = ["CN=mx.ailleurs.example,C=FR"]
    world.write_list()
    server = world.server()
    result = await run(world, server, **ENVELOPE)
    assert where_and_why(result) == ("tls", "partner_certificate_unlisted")
    assert "mx.partenaire.mssante.example" in result.detail
    assert "CN=mx.ailleurs.example" in result.detail
    assert server.commands == ["EHLO [127.0.0.1]", "STARTTLS"]


async def test_one_of_several_names_is_enough_in_whatever_way_it_is_written(world: Space) -> None:
    world.listed[THEIRS] = [
        "CN=ancien,C=FR",
        "C=fr, ST=Paris (75), O=PARTENAIRE  de test, OU=320000000, CN=MX.Partenaire",
    ]
    world.listed[THEIRS] += ["/C=FR/ST=Paris (75)/O=Partenaire de test/OU=320000000/CN=mx.partenaire.mssante.example"]
    world.write_list()
    assert impaired(await run(world)) is None


UNREADABLE = {
    "its closing root tag is missing": lambda good: good.replace("</ListeBlanche>", ""),
    "it is cut off": lambda good: good[: len(good) // 2],
    "a page of an error": lambda good: "<!doctype html><html><body>503</body></html>",
    "an error in XML": lambda good: "<erreur>indisponible</erreur>",
    "nothing": lambda good: "",
    "not XML": lambda good: "Nom;DN\n",
    "entities are declared": lambda good: good.replace(
        "<ListeBlanche>", '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><ListeBlanche>', 1
    ),
    "an entity of another file": lambda good: '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "nested without end": lambda good: "<Domaine>" * 1000,
    "one text without end": lambda good: "<ListeBlanche><Nom>" + "x" * 1_000_000,
    "an encoding that is none": lambda good: good.replace("UTF-8", "klingon"),
}


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_a_list_that_cannot_be_read_is_never_taken_for_one_without_the_partner(
    world: Space, spoil: Callable[[str], str]
) -> None:
    world.write_list(spoil(world.list_file.read_text()))
    result = await run(world)
    assert where_and_why(result) == ("white_list", "white_list_unreadable")
    assert result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("spoil", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_the_last_good_list_takes_its_place_and_the_flow_is_not_whole(
    world: Space, spoil: Callable[[str], str]
) -> None:
    memory: dict[str, Any] = {}
    assert impaired(await run(world, memory=memory)) is None
    good = world.list_file.read_text()
    world.write_list(spoil(good))
    result = await run(world, memory=memory)
    assert impaired(result) == "white_list_unreadable"
    assert where_and_why(result) == ("tls", "white_list_unreadable"), "the ladder is climbed on"
    assert "the last good list, of " in result.detail
    assert impaired(await run(world, memory=memory)) == "white_list_unreadable", "it is read no second time"
    world.write_list(good)
    assert impaired(await run(world, memory=memory)) is None


async def test_a_list_that_is_gone_is_unknown_and_with_a_copy_not_whole(world: Space) -> None:
    memory: dict[str, Any] = {}
    assert impaired(await run(world, memory=memory)) is None
    world.list_file.unlink()
    assert impaired(await run(world, memory=memory)) == "white_list_unreachable"
    result = await run(world)
    assert where_and_why(result) == ("white_list", "white_list_unreachable")
    assert result.outcome is Outcome.UNKNOWN
    assert str(world.list_file) in result.detail


async def test_a_copy_that_has_grown_too_old_is_used_no_longer(world: Space) -> None:
    memory: dict[str, Any] = {}
    world.write_list(age=timedelta(hours=20))
    assert impaired(await run(world, memory=memory, max_age="1d")) is None
    world.list_file.unlink()
    assert impaired(await run(world, memory=memory, max_age="1d")) == "white_list_unreachable"
    result = await run(world, memory=memory, max_age="19h")
    assert where_and_why(result) == ("white_list", "white_list_unreachable")
    assert result.outcome is Outcome.UNKNOWN
    assert "20.0 h old" in result.detail


async def test_a_list_that_is_not_kept_up_says_nothing_any_more(world: Space) -> None:
    world.write_list(age=timedelta(days=3))
    result = await run(world)
    assert where_and_why(result) == ("white_list", "white_list_stale")
    assert result.outcome is Outcome.UNKNOWN
    keys: dict[str, Any] = {"white_list": {"file": str(world.list_file), "max_age": "4d"}}
    assert impaired(await run(world, **keys)) is None


@pytest.mark.parametrize("generated", ["", "bientôt", "2999-01-01T00:00:00Z", "0000-13-41"])
async def test_a_list_without_a_date_to_be_believed_leaves_the_flow_not_whole(world: Space, generated: str) -> None:
    world.write_list(generated=generated)
    assert impaired(await run(world)) == "white_list_undated"


async def test_a_memory_of_other_domains_or_of_anything_else_is_not_believed(world: Space) -> None:
    memory: dict[str, Any] = {}
    world.listed["tiers.mssante.example"] = ["CN=tiers"]
    world.write_list()
    assert impaired(await run(world, memory=memory)) is None
    result = await run(world, memory=memory, partner="absent.mssante.example")
    assert where_and_why(result) == ("partner", "partner_unlisted")
    for garbage in (
        {"white_list": 7},
        {"white_list": {"about": None}},
        {"white_list": {**memory["white_list"], "listing": []}},
    ):
        assert impaired(await run(world, memory=garbage)) is None


# Our own certificate ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("valid", "cause"),
    [
        ({"valid_from": -20, "valid_until": -1}, "own_certificate_expired"),
        ({"valid_from": 1}, "own_certificate_not_yet_valid"),
    ],
)
async def test_our_own_certificate_out_of_its_time_is_a_failure_of_ours(
    world: Space, valid: dict[str, float], cause: str
) -> None:
    own = world.authority.issue("mx", subject=OWN_NAME, rsa=True, **valid)
    stale = world.write_crl(valid_from=-20, valid_until=-10)
    for crl in ("", stale):
        result = await run(world, tls=world.tls(own), crl=[crl] if crl else [])
        assert where_and_why(result) == ("own_certificate", cause), "a stale list does not hide it"
        assert result.outcome is Outcome.FAILED


async def test_our_own_certificate_on_a_revocation_list_is_a_failure_of_ours(world: Space) -> None:
    assert where_and_why(await run(world, crl=world.write_crl(world.own))) == (
        "own_certificate",
        "own_certificate_revoked",
    )


async def test_our_own_certificate_about_to_expire_is_not_whole(world: Space) -> None:
    own = world.authority.issue("mx", subject=OWN_NAME, rsa=True, valid_until=10)
    result = await run(world, tls=world.tls(own))
    assert impaired(result) == "own_certificate_expires_soon"
    assert impaired(await run(world, tls=world.tls(own), min_days=9)) is None


async def test_our_own_certificate_of_another_authority_is_doubtful_and_the_partner_decides(
    world: Space, tmp_path: Path
) -> None:
    (tmp_path / "old").mkdir()
    old = Authority(tmp_path / "old", "Ancienne autorité")
    own = old.issue("mx", subject=OWN_NAME, rsa=True)
    lenient = world.server(world.server_context(trusts=old))
    assert impaired(await run(world, lenient, tls=world.tls(own))) == "own_certificate_doubtful"
    result = await run(world, tls=world.tls(own))
    assert where_and_why(result) == ("tls", "client_cert_refused")
    assert result.properties["own_certificate_doubt"], "and why that may be stands beside it"


async def test_a_certificate_or_key_that_cannot_be_used_is_a_fault_of_the_probe(world: Space, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing\n")
    for tls, stage in (
        ({"client_cert": str(tmp_path / "absent.pem")}, "own_domain"),
        ({"client_cert": str(tmp_path / "no.pem")}, "own_domain"),
        ({"client_key": str(world.partner.certificate)}, "own_certificate"),
    ):
        result = await run(world, tls=world.tls() | tls)
        assert where_and_why(result) == (stage, "file_unreadable")
        assert result.outcome is Outcome.UNKNOWN


# Revocation ---------------------------------------------------------------------------------------------------------


async def test_a_revoked_partner_is_a_failure(world: Space) -> None:
    result = await run(world, crl=world.write_crl(world.partner))
    assert where_and_why(result) == ("tls", "cert_revoked")


@pytest.mark.parametrize(("begin", "end"), [(-9, -2), (2, 9)])
async def test_a_revocation_list_out_of_its_time_leaves_revocation_unjudged(
    world: Space, begin: float, end: float
) -> None:
    result = await run(world, crl=world.write_crl(valid_from=begin, valid_until=end), **ENVELOPE)
    assert impaired(result) == "crl_stale"
    assert where_and_why(result) == ("envelope", "crl_stale"), "the ladder is climbed on"


async def test_a_stale_list_does_not_hide_what_else_is_wrong_with_the_partner(world: Space) -> None:
    expired = world.authority.issue("127.0.0.1", subject=THEIR_NAME, rsa=True, valid_from=-9, valid_until=-1)
    stale = world.write_crl(valid_from=-9, valid_until=-2)
    result = await run(world, world.server(world.server_context(expired)), crl=stale)
    assert where_and_why(result) == ("tls", "cert_expired")


async def test_a_list_of_another_authority_covers_nobody(world: Space, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "Autre autorité")
    result = await run(world, crl=world.write_crl(authority=other))
    assert impaired(result) == "revocation_unknown"
    forged = Authority(tmp_path / "other", "Autorité de test")  # bears the name, and has another key
    assert impaired(await run(world, crl=world.write_crl(authority=forged))) == "revocation_unknown"


async def test_several_lists_are_one_judgement(world: Space, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other.crl"
    other.write_bytes(Authority(tmp_path / "other", "Autre autorité").revocation_list())
    good = world.write_crl()
    assert impaired(await run(world, crl=[str(other), good])) is None
    world.write_crl(world.partner)
    assert where_and_why(await run(world, crl=[str(other), good])) == ("tls", "cert_revoked")


@pytest.mark.parametrize("content", [b"", b"<html>", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", None])
async def test_a_revocation_list_that_cannot_be_used_leaves_revocation_unjudged(
    world: Space, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "bad.crl"
    if content is not None:
        path.write_bytes(content)
    result = await run(world, crl=str(path))
    assert impaired(result) == "revocation_list_unusable"
    assert str(path) in result.detail


async def test_a_revocation_list_that_is_mended_is_used_again(world: Space, tmp_path: Path) -> None:
    good = world.authority.revocation_list(world.partner)
    path = tmp_path / "authority.crl"
    async with world.server().listening() as port:
        probe = world.probe(port, crl=str(path))
        for content, stage, cause in (
            (None, "tls", "revocation_list_unusable"),
            (b"garbage", "tls", "revocation_list_unusable"),
            (good, "tls", "cert_revoked"),
            (world.authority.revocation_list(), "tls", None),
            (b"garbage again", "tls", "revocation_list_unusable"),
            (good, "tls", "cert_revoked"),
        ):
            if content is not None:
                path.write_bytes(content)
            assert where_and_why(await climb(probe)) == (stage, cause)


# On the way to the partner ------------------------------------------------------------------------------------------


async def test_the_domain_s_exchangers_are_tried_in_their_order(world: Space) -> None:
    zone: Zone = {
        (THEIRS, "MX"): ["20 mx2.partner.test.", "10 mx1.partner.test."],
        ("mx1.partner.test", "A"): ["127.0.0.1"],
        ("mx2.partner.test", "A"): ["127.0.0.2"],
    }
    async with name_server(zone) as names:
        result = await run(world, host=None, resolver=names.resolver)
        assert impaired(result) is None
        assert result.properties["exchanger"] == "mx1.partner.test"
    assert (f"{THEIRS}.", "MX", "udp") in names.asked


@pytest.mark.parametrize(
    ("records", "met"),
    [
        ({("mx1.partner.test", "A"): ["127.0.0.9"]}, "refused"),  # nobody listens there
        ({}, "nxdomain"),
        ({("mx1.partner.test", "A"): ["0.0.0.0"]}, "sinkhole"),  # noqa: S104 - an answer
    ],
)
async def test_where_one_exchanger_is_down_the_next_is_tried_and_the_flow_is_not_whole(
    world: Space, records: dict[tuple[str, str], list[str]], met: str
) -> None:
    zone = {(THEIRS, "MX"): ["10 mx1.partner.test.", "20 mx2.partner.test."], ("mx2.partner.test", "A"): ["127.0.0.1"]}
    async with name_server(zone | records) as names:
        result = await run(world, host=None, resolver=names.resolver)
    assert impaired(result) == "exchanger_unavailable"
    assert result.detail == f"mx1.partner.test {met}"


async def test_an_exchanger_that_is_silent_does_not_use_up_the_time_of_the_next(world: Space) -> None:
    zone = {
        (THEIRS, "MX"): ["10 mx1.partner.test.", "20 mx2.partner.test."],
        ("mx1.partner.test", "A"): ["127.0.0.1"],
        ("mx2.partner.test", "A"): ["127.0.0.1"],
    }
    silent_first = iter([stays_silent])

    async def first_silent(peer: Any) -> None:
        for fault in silent_first:
            await fault(peer)
        await peer.send(b"220 mx2 ESMTP\r\n")

    async with name_server(zone) as names:
        server = world.server(answers={"BANNER": first_silent})
        result = await run(world, server, host=None, resolver=names.resolver, timeout="1s")
    assert impaired(result) == "exchanger_unavailable"
    assert result.detail == "mx1.partner.test timeout"


async def test_where_all_exchangers_are_down_the_last_one_s_fate_is_told(world: Space) -> None:
    zone = {
        (THEIRS, "MX"): ["10 mx1.partner.test.", "20 mx2.partner.test."],
        ("mx2.partner.test", "A"): ["127.0.0.1"],
    }
    async with name_server(zone) as names:
        result = await climb(world.probe(closed_port(), host=None, resolver=names.resolver))
    assert where_and_why(result) == ("connect", "refused")
    assert result.properties["failed_exchangers"] == "mx1.partner.test nxdomain"


async def test_a_domain_without_exchangers_is_its_own_and_one_with_none_takes_no_mail(world: Space) -> None:
    partner = world.authority.issue(THEIRS, subject=THEIR_NAME, rsa=True)
    async with name_server({(THEIRS, "A"): ["127.0.0.1"]}) as names:
        server = world.server(world.server_context(partner))
        assert impaired(await run(world, server, host=None, resolver=names.resolver)) is None
    async with name_server({(THEIRS, "MX"): ["0 ."], (THEIRS, "A"): ["127.0.0.1"]}) as names:
        assert where_and_why(await run(world, host=None, resolver=names.resolver)) == ("resolve", "no_mail_accepted")
    async with name_server({}) as names:
        assert where_and_why(await run(world, host=None, resolver=names.resolver)) == ("resolve", "nxdomain")


async def test_a_refused_connection_has_its_cause(world: Space) -> None:
    assert where_and_why(await climb(world.probe(closed_port()))) == ("connect", "refused")


@pytest.mark.parametrize(
    ("offers", "answers", "stage", "cause"),
    [
        (("STARTTLS",), {"BANNER": closes}, "greeting", "no_banner"),
        (("STARTTLS",), {"BANNER": b"554 5.7.1 no service for you\r\n"}, "greeting", "banner_refused"),
        (("STARTTLS",), {"BANNER": b"421 busy\r\n"}, "greeting", "banner_busy"),
        (("STARTTLS",), {"BANNER": floods_a_reply}, "greeting", "too_long"),
        (("STARTTLS",), {"EHLO": b"550 5.7.1 go away\r\n"}, "ehlo", "not_authorised"),
        (("SIZE",), {}, "starttls", "starttls_not_offered"),
        (("XXXXXXXA",), {}, "starttls", "starttls_stripped"),
        (("STARTTLS",), {"STARTTLS": b"454 4.7.0 TLS not available\r\n"}, "starttls", "starttls_unavailable"),
        (("STARTTLS",), {"STARTTLS": b"220 go\r\n250 injected\r\n"}, "tls", "starttls_injected"),
        (("STARTTLS",), {"STARTTLS": after(b"220 go\r\n", closes)}, "tls", "closed_early"),
    ],
)
async def test_what_goes_wrong_before_tls_gets_its_cause(
    world: Space, offers: tuple[str, ...], answers: dict[str, Answer], stage: str, cause: str
) -> None:
    server = SmtpServer(offers, answers=answers, context=world.server_context())
    assert where_and_why(await run(world, server)) == (stage, cause)


# TLS ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "valid", "cause"),
    [
        (["127.0.0.1"], {"valid_from": -9, "valid_until": -1}, "cert_expired"),
        (["127.0.0.1"], {"valid_from": 1}, "cert_not_yet_valid"),
        (["mx.ailleurs.example"], {}, "cert_name_mismatch"),
    ],
)
async def test_a_partner_s_bad_certificate_gets_its_cause(
    world: Space, names: list[str], valid: dict[str, float], cause: str
) -> None:
    bad = world.authority.issue(*names, subject=THEIR_NAME, rsa=True, **valid)
    assert where_and_why(await run(world, world.server(world.server_context(bad)))) == ("tls", cause)


async def test_a_partner_of_another_authority_is_unknown_whatever_its_name(world: Space, tmp_path: Path) -> None:
    (tmp_path / "rogue").mkdir()
    rogue = Authority(tmp_path / "rogue", "Autorité inconnue").issue("127.0.0.1", subject=THEIR_NAME, rsa=True)
    assert where_and_why(await run(world, world.server(world.server_context(rogue)))) == ("tls", "cert_unknown_ca")


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=lambda version: version.name)
async def test_a_server_that_does_not_ask_for_our_certificate_leaves_the_flow_not_whole(
    world: Space, version: TLSVersion
) -> None:
    context = world.server_context(asks=False)
    context.maximum_version = context.minimum_version = version
    assert impaired(await run(world, world.server(context))) == "client_cert_not_asked"


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=lambda version: version.name)
async def test_a_server_that_refuses_our_certificate_is_told_by_its_name(
    world: Space, tmp_path: Path, version: TLSVersion
) -> None:
    (tmp_path / "other").mkdir()
    context = world.server_context(trusts=Authority(tmp_path / "other", "Autre autorité"))
    context.maximum_version = context.minimum_version = version
    assert where_and_why(await run(world, world.server(context))) == ("tls", "client_cert_refused")


async def test_a_server_that_only_hangs_up_after_our_certificate_says_so_by_that(world: Space) -> None:
    result = await run(world, world.server(after_tls={"EHLO": closes}))
    assert where_and_why(result) == ("tls", "closed_early")
    assert result.detail == "closed without a word once our client certificate was shown"


async def test_a_certificate_that_is_only_refused_in_words_is_refused_too(world: Space) -> None:
    context = world.server_context()
    server = world.server(context, after_tls={"RCPT": b"550 5.7.1 client certificate not trusted\r\n"})
    assert where_and_why(await run(world, server, **ENVELOPE)) == ("envelope", "client_cert_refused")


@pytest.mark.parametrize("suites", ["AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"])
async def test_a_server_with_other_suites_only_shares_none_with_us(world: Space, suites: str) -> None:
    context = world.server_context()
    context.maximum_version = TLSVersion.TLSv1_2
    context.set_ciphers(suites)
    assert where_and_why(await run(world, world.server(context))) == ("tls", "tls_cipher")


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384"])
async def test_a_server_with_one_allowed_suite_is_taken(world: Space, suite: str) -> None:
    context = world.server_context()
    context.maximum_version = TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    result = await run(world, world.server(context))
    assert impaired(result) is None
    assert result.properties["cipher"] == suite


async def test_a_suite_of_tls_1_3_that_is_not_allowed_is_a_fall_once_it_is_agreed(world: Space) -> None:
    result = await run(world, ciphers=["TLS_CHACHA20_POLY1305_SHA256"])
    assert where_and_why(result) == ("tls", "cipher_not_allowed")
    assert result.detail == "TLSv1.3, TLS_AES_256_GCM_SHA384"


async def test_without_a_suite_of_tls_1_3_an_older_version_is_agreed(world: Space) -> None:
    result = await run(world, ciphers=["ECDHE-RSA-AES128-GCM-SHA256"])
    assert impaired(result) is None
    assert result.properties["tls_version"] == "TLSv1.2"


async def test_a_server_of_old_versions_only_shares_none_with_us(world: Space) -> None:
    context = world.server_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = TLSVersion.TLSv1_1
        context.maximum_version = TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    assert where_and_why(await run(world, world.server(context))) == ("tls", "tls_version")


@pytest.mark.parametrize("password", ["secret", "guess"])
async def test_an_account_is_only_shown_to_the_operator_that_the_list_names(
    world: Space, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("PASSWORD", password)
    account: dict[str, Any] = {"user": "sonde", "password": {"env": "PASSWORD"}}
    server = world.server(accounts={"sonde": "secret"})
    server.offers = (*server.offers, "AUTH PLAIN")
    expected = ("auth", None if password == "secret" else "auth_refused")
    assert where_and_why(await run(world, server, **account)) == expected
    world.listed[THEIRS] = ["CN=mx.ailleurs.example,C=FR"]
    world.write_list()
    server.commands.clear()
    assert where_and_why(await run(world, server, **account)) == ("tls", "partner_certificate_unlisted")
    assert not any(command.startswith("AUTH") for command in server.commands)


# The envelope -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "cause", "outcome"),
    [
        ({"RCPT": b"550 5.1.1 User unknown\r\n"}, "unknown_recipient", Outcome.FAILED),
        ({"RCPT": b"554 5.7.1 Domaine emetteur refuse\r\n"}, "not_authorised", Outcome.FAILED),
        ({"MAIL": b"550 5.7.1 not authorised\r\n"}, "not_authorised", Outcome.FAILED),
        ({"RCPT": b"552 5.2.2 mailbox full\r\n"}, "mailbox_full", Outcome.FAILED),
        ({"RCPT": b"451 4.3.0 try later\r\n"}, "temporary_failure", Outcome.UNKNOWN),
        ({"RCPT": b"450 4.7.1 Greylisted\r\n"}, "greylisted", Outcome.UNKNOWN),
        ({"RCPT": closes}, "closed_early", Outcome.FAILED),
    ],
)
async def test_an_envelope_that_is_refused_gets_its_cause(
    world: Space, answers: dict[str, Answer], cause: str, outcome: Outcome
) -> None:
    result = await run(world, world.server(after_tls=answers), **ENVELOPE)
    assert where_and_why(result) == ("envelope", cause)
    assert result.outcome is outcome


# Deadlines ----------------------------------------------------------------------------------------------------------


async def test_the_deadline_ends_a_silent_partner_where_it_is(world: Space) -> None:
    server = world.server(after_tls={"EHLO": stays_silent})
    assert where_and_why(await run(world, server, deadline=0.5)) == ("tls", "timeout")


# Settings -----------------------------------------------------------------------------------------------------------


def faults_of(world: Space, **keys: Any) -> list[str]:
    return list(world.probe(25, **keys).faults())


def test_sound_settings_have_no_fault(world: Space) -> None:
    assert faults_of(world) == []
    assert faults_of(world, **ENVELOPE) == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"tls": {"mode": "implicit"}}, "is not how operators speak"),
        ({"tls": {}}, "tls.client_cert is missing"),
        ({"tls": {"client_cert": "c", "min_version": "1.1"}}, "1.2 at least"),
        ({"tls": {"client_cert": "c", "crl": "x"}}, "put them beside tls"),
        ({"partner": OURS}, "partner is our own domain"),
        ({"mail_from": "a@b.example"}, "mail_from and rcpt_to come together"),
        ({"key": {"env": "PATH"}}, "mailbox and key come together"),
        ({"mdn": True}, "mdn needs bounces"),
        ({"user": "u"}, "user and password come together"),
        ({"every": "9s", "timeout": "8s"}, "what the lists may take besides"),
    ],
)
def test_settings_that_do_not_go_together_are_faults(world: Space, keys: dict[str, Any], words: str) -> None:
    assert any(words in fault for fault in faults_of(world, **keys))


@pytest.mark.parametrize(
    "keys",
    [
        {"partner": "not a domain"},
        {"domain": "user@chu.example"},
        {"white_list": {}},
        {"white_list": {"file": "a", "url": "https://b.example/"}},
        {"white_list": "https://"},
        {"ciphers": ["ALL:!aNULL"]},
        {"crl": [3]},
    ],
)
def test_values_that_cannot_be_are_refused(world: Space, keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        world.probe(25, **keys)


def test_a_place_is_an_address_or_a_path_of_the_configuration_s_folder(world: Space) -> None:
    probe = settings(
        MsSante,
        context={"folder": Path("/etc/retabli")},
        **world.keys(white_list="liste.xml", crl=["http://crl.example/a.crl", {"file": "b.crl"}]),
    )
    assert probe.white_list.place == "/etc/retabli/liste.xml"
    assert [document.place for document in probe.crl] == ["http://crl.example/a.crl", "/etc/retabli/b.crl"]


def test_the_openings_name_the_partner_and_where_the_lists_are(world: Space) -> None:
    keys: dict[str, Any] = {"white_list": "https://liste.example/liste.xml", "crl": "http://crl.example/a.crl"}
    assert list(world.probe(25, host=None, **keys).openings()) == [
        (f"{THEIRS} (MX)", 25, "tcp"),
        ("liste.example", 443, "tcp"),
        ("crl.example", 80, "tcp"),
    ]


def test_the_list_in_the_world_of_these_tests_has_the_form_of_the_real_one() -> None:
    assert "<DNCertificatOperateur>CN=" in white_list({OURS: [OWN_NAME]})
