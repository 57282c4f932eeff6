"""A flow's page: what it says first, its evidence, its certificates, mails and doors."""

import re
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from markupsafe import escape

from retabli.model import causes
from retabli.model.causes import LOOK, Side
from retabli.model.flow import Flow
from retabli.model.probe import Probe
from retabli.model.record import FlowPicture
from retabli.model.result import Mail, Measure, Outcome, Result
from retabli.model.states import Intent, State
from retabli.net.containment.containment_causes import RESOLVER_FAILED
from retabli.view import Site, View
from retabli.web.pages.proofs import certificates, doors
from retabli.web.pages.runs import checks
from retabli.web.pages.units import Units, units_of
from tests.view.pictures import NOW, Containment, Http, MailLoop, Smtp, Web, flow, name, picture, result
from tests.web.hospital import SITE
from tests.web.runs import Shelf, runs_of
from tests.web.serving import Served, serving

DAY = 86_400.0


def show(served: Served, shown: FlowPicture, run: Result | None = None, place: int = 0) -> None:
    served.view.show(shown, name(shown.flow, place) if run else None, run)


def view_at_now(site: Site = SITE) -> View:
    return View(site, wall=lambda: NOW)


def alone(probe: Probe, run: Result | None, state: State = State.RESTORED, **keys: Any) -> tuple[Flow, FlowPicture]:
    of = flow("one", probes={"p": probe}, **keys)
    return of, picture(of, state, [run])


# What a reader in a hurry is told first ------------------------------------------------------------------------------


async def test_the_page_says_state_then_why_then_what_to_check_then_who_then_the_rest() -> None:
    async with serving(desk=True) as served:
        page = (await served.client.get("/flows/mail-in")).text
    order = ("<h1>", "<h2>Pourquoi", "<h2>À regarder d&#39;abord", 'class="who"', 'id="page"', 'class="unit"')
    places = [page.index(each) for each in order]
    assert places == sorted(places)
    assert "n&#39;est nommé" in page, "nobody owns this flow, and it is said"


async def test_what_to_check_first_is_by_the_cause_and_then_by_its_side() -> None:
    async with serving() as served:
        of = flow("shut", probes={"p": Http()})
        run = result(Http(), Outcome.FAILED, cause=causes.CRL_STALE, fell=2)
        show(served, picture(of, State.DROPPED, [run]), run)
        page = (await served.client.get("/flows/shut?lang=en")).text
    first = re.findall(r'<li class="what-first">(.*?)</li>', page)
    own = re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(causes.CRL_STALE.advice("en"))))
    assert first == [own, escape(causes.LOOK[causes.CRL_STALE.side]["en"])]
    assert "<code>" in own


async def test_a_breach_that_a_plain_probe_saw_says_so_though_no_run_has_failed() -> None:
    async with serving() as served:
        page = (await served.client.get("/flows/dns-tunnel?lang=en")).text
    assert "There was an answer where there must be none." in page
    assert "Find who opened this way" in page


async def test_of_many_units_one_for_each_thing_that_is_wrong_is_whole_and_all_others_are_a_line() -> None:
    sites = Web(targets=tuple(f"https://s{number}.example/" for number in range(40)))
    of = flow("sites", probes={"sites": sites})
    runs: list[Result | None] = [result(sites, at=NOW - 5) for _ in range(40)]
    for place in (7, 8, 9):
        runs[place] = result(sites, Outcome.FAILED, cause=causes.REFUSED, fell=1)
    runs[11] = result(sites, Outcome.FAILED, cause=causes.CERT_EXPIRED, fell=2)
    units = units_of(picture(of, State.DEGRADED, runs), None, view_at_now(), "en")
    assert [each.row.target for each in units.blocks] == ["https://s7.example/", "https://s11.example/"]
    assert len(units.others) == 38
    assert [each.outcome for each in units.others[:3]] == ["failed", "failed", "ok"], "those that fail first"
    assert units.opened, "a failure is never folded away"
    assert units.alike[0] == "2 others fail for the same reason"
    wanted = units_of(picture(of, State.DEGRADED, runs), None, view_at_now(), "en", "u20")
    assert "https://s20.example/" in [each.row.target for each in wanted.blocks]


async def test_the_page_of_a_flow_with_a_hundred_units_stays_small() -> None:
    sites = Web(targets=tuple(f"https://site-number-{number}.example/" for number in range(100)))
    of = flow("sites", probes={"sites": sites})
    names = [unit for unit, _ in of.units()]
    shelf = Shelf({unit: runs_of(sites, "." * 60 + "x" * 40) for unit in names})
    async with serving(history=shelf) as served:
        runs: list[Result | None] = [result(sites, Outcome.FAILED, cause=causes.REFUSED, fell=1) for _ in names]
        show(served, picture(of, State.DROPPED, runs))
        answer = await served.client.get("/flows/sites")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.num_bytes_downloaded < 20_000
    assert answer.text.count('class="unit"') == 1


async def test_what_fails_while_a_flow_is_restored_is_not_told_as_the_reason_of_that() -> None:
    async with serving() as served:
        page = (await served.client.get("/flows/websites?lang=en")).text
    assert "What is still wrong" in page
    assert "<h2>Why" not in page


async def test_a_rung_that_holds_where_none_may_is_not_drawn_like_a_good_one() -> None:
    async with serving() as served:
        breached = (await served.client.get("/flows/dns-tunnel")).text
        restored = (await served.client.get("/flows/mail-out")).text
    assert 'class="ladder answers"' in breached
    assert "answers" not in restored


# Evidence ------------------------------------------------------------------------------------------------------------


async def test_the_last_failure_is_shown_after_it_recovered_with_what_was_said() -> None:
    of = flow("back", probes={"p": Http()})
    kept = runs_of(Http(), "..x" + "." * 20)
    async with serving(history=Shelf({name(of): kept})) as served:
        show(served, picture(of, State.RESTORED, [result(Http())]))
        page = (await served.client.get("/flows/back")).text
    assert "Dernier échec" in page
    assert "10\u00a0min" in page
    assert "connexion refusée" in page or causes.REFUSED.words["fr"] in page
    assert "<q>no 2</q>" in page
    assert "avaient tenu" in page


async def test_a_failure_of_this_daemon_s_life_is_told_though_no_history_can_be_read() -> None:
    async with serving(history=Shelf(refuses=True)) as served:
        of = flow("back", probes={"p": Http()})
        fell = result(Http(), Outcome.FAILED, cause=causes.REFUSED, fell=1, detail="port 443", at=NOW - 7200)
        show(served, picture(of, State.DROPPED, [fell]), fell)
        well = result(Http(), at=NOW - 1)
        show(served, picture(of, State.RESTORED, [well]), well)
        page = (await served.client.get("/flows/back?lang=en")).text
    assert "Last failure" in page
    assert "<q>port 443</q>" in page
    assert "The history cannot be read now" in page
    assert page.count('class="unit"') == 1, "and what is in memory is shown"


async def test_a_failing_unit_says_when_it_last_succeeded() -> None:
    of = flow("gone", probes={"p": Http()})
    kept = runs_of(Http(), "." * 5 + "x" * 10)
    async with serving(history=Shelf({name(of): kept})) as served:
        fell = result(Http(), Outcome.FAILED, cause=causes.REFUSED, fell=1)
        show(served, picture(of, State.DROPPED, [fell]), fell)
        page = (await served.client.get("/flows/gone?lang=en")).text
    assert re.search(r"Last success <time[^>]*><b>5\u00a0min</b></time> ago", page)
    assert "Last failure" not in page, "it is the present one"


# Certificates, mails, doors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "standing", "said"),
    [
        (23.5, "good", "expire le 26 juillet 2023 à 22\u00a0h\u00a000 (dans 23\u00a0j)"),
        (13.5, "soon", "expire le 16 juillet 2023 à 22\u00a0h\u00a000 (dans 13\u00a0j)"),
        (-2.0, "expired", "a expiré le 1er juillet 2023 à 10\u00a0h\u00a000 (il y a 2\u00a0j)"),
        (1e9, "good", "expire"),
    ],
)
def test_a_certificate_s_end_is_said_with_its_distance_and_warned_of_in_time(
    days: float, standing: str, said: str
) -> None:
    run = result(Http(), measures={Measure.CERT_EARLIEST_EXPIRY: NOW + days * DAY}, properties={"subject": "a.example"})
    [found] = certificates(run, view_at_now(), "fr")
    assert (found.standing, found.subject) == (standing, "a.example")
    assert found.said.startswith(said)


def test_a_certificate_ends_as_far_from_now_as_it_really_does_in_a_replay_too() -> None:
    replayed = View(SITE, wall=lambda: NOW + 1e8, stamp=lambda wall: NOW + 8000 * (wall - NOW - 1e8))
    run = result(Http(), measures={Measure.CERT_EARLIEST_EXPIRY: NOW + 1e8 + 20 * DAY})
    [found] = certificates(run, replayed, "en")
    assert found.said == "expires on 23 July 2023 at 10:00 (in 20\u00a0d)"


async def test_a_certificate_that_ends_soon_is_told_at_the_top_of_the_page() -> None:
    of = flow("soon", probes={"p": Http()})
    facts = {"subject": "relay.example", "issuer": "An authority", "not_after": "2023-07-10 08:00:00Z"}
    run = result(Http(), measures={Measure.CERT_EARLIEST_EXPIRY: NOW + 7 * DAY}, properties=facts)
    async with serving() as served:
        show(served, picture(of, State.RESTORED, [run]), run)
        page = (await served.client.get("/flows/soon?lang=en")).text
    top = page[: page.index("</header>", page.index("<h1>"))]
    assert 'class="warning" data-standing="soon"' in top
    assert "relay.example</bdi>: expires on 10 July 2023 at 10:00 (in 7\u00a0d)" in top
    assert "2023-07-10 08:00:00Z" not in page, "it is said once, and for people"


async def test_mails_are_counted_from_what_each_run_carried() -> None:
    of = flow("post", probes={"loop": MailLoop()})
    async with serving() as served:
        for counted in ({Mail.SENT: 2, Mail.RECEIVED: 1}, {Mail.SENT: 1, Mail.LOST: 1}):
            run = result(MailLoop(), mail=counted, properties={"in_flight": "3"})
            show(served, picture(of, State.RESTORED, [run]), run)
        page = (await served.client.get("/flows/post?lang=en")).text
    counts = re.findall(r"<div( class=\"bad\")?><dt>([^<]*)</dt><dd>(\d+)</dd>", page)
    said = {word: int(number) for _, word, number in counts}
    assert (said["sent"], said["received"], said["lost"], said["in flight"]) == (3, 1, 1, 3)
    assert [word for bad, word, _ in counts if bad] == ["lost"]


def test_what_is_noted_of_a_unit_goes_with_it() -> None:
    view, of = view_at_now(), flow("post", probes={"loop": MailLoop(), "relay": Smtp()})
    run = result(MailLoop(), mail={Mail.SENT: 1})
    view.show(picture(of), name(of), run)
    assert set(view.noted.of("post")) == {name(of)}
    view.show(picture(flow("post", probes={"relay": Smtp()})), None, None)
    assert not view.noted.of("post")
    view.show(picture(of), name(of), run)
    view.forget("post")
    assert not view.noted.of("post")


def test_a_door_is_told_by_how_it_was_denied_and_by_whether_that_was_expected() -> None:
    told = {
        "direct tcp 443 a.example": "timeout (attendu)",
        "direct tcp 22 a.example": "reset (NON attendu) : from elsewhere",
        "direct tcp 25 a.example": "RÉPOND : the TCP handshake was completed",
        "direct udp 53 a.example": "sans objet : no IPv6",
        "direct tcp 80 a.example": "un mot que personne ne connaît",
        "control_path": "passes",
    }
    run = replace(result(Containment()), properties=told)
    _, shown = alone(Containment(), run, State.CONTAINED, intent=Intent.CLOSED)
    found = doors(shown.units[0], "en")
    assert [door.standing for door in found] == ["shut", "odd", "open", "none", "odd"]
    assert [door.said for door in found][:3] == ["silence", "connection refused (RST) (NOT expected)", "answers"]
    assert found[2].detail == "the TCP handshake was completed"


class Closed(Containment):
    CAUSES: ClassVar = (RESOLVER_FAILED,)


def test_a_partner_that_answers_with_another_key_is_not_said_to_be_silent() -> None:
    own = "Ne rien envoyer."
    assert [str(each) for each in checks(Side.PARTNER_DOWN, own, "fr")] == [own]
    assert len(list(checks(Side.OURS, own, "fr"))) == 2
    assert len(list(checks(Side.PARTNER_DOWN, LOOK[Side.PARTNER_DOWN]["fr"], "fr"))) == 1


def test_a_door_that_could_not_be_tried_says_why_in_the_reader_s_words() -> None:
    told = {
        "direct tcp 443 a.example": "resolver_failed: dns_timeout",
        "direct tcp 22 a.example": "le résolveur est en défaut : rien n'a pu être essayé par ce nom",
    }
    run = replace(result(Containment()), properties=told)
    _, shown = alone(Closed(), run, State.CONTAINED, intent=Intent.CLOSED)
    first, second = doors(shown.units[0], "fr")
    assert first.said == "le résolveur est en défaut : rien n'a pu être essayé par ce nom"
    assert first.detail == "dns_timeout"
    assert (second.said, second.detail) == ("le résolveur est en défaut", "rien n'a pu être essayé par ce nom")
    assert {first.standing, second.standing} == {"odd"}


def test_a_denial_in_a_round_that_proved_nothing_is_not_shown_like_a_proof() -> None:
    run = result(
        Containment(),
        Outcome.UNKNOWN,
        cause=causes.TIMEOUT,
        fell=1,
        properties={"direct tcp 1 a": "timeout (expected)"},
    )
    _, shown = alone(Containment(), run, State.UNKNOWN, intent=Intent.CLOSED)
    assert [door.standing for door in doors(shown.units[0], "fr")] == ["denied"]


# What others say -----------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egpj.exe\x1b[31m\x00]]>"


async def test_whatever_a_remote_said_of_old_a_certificate_or_a_fact_is_inert() -> None:
    of = flow("bad", probes={"loop": MailLoop(), "out": Containment()}, runbook="https://[")
    kept = [replace(run, detail=HOSTILE, stage=HOSTILE, cause=HOSTILE) for run in runs_of(MailLoop(), "..xx?")]
    facts = {"subject": HOSTILE, "issuer": HOSTILE, HOSTILE: HOSTILE, "in_flight": HOSTILE, "own_certificate": HOSTILE}
    run = result(MailLoop(), measures={Measure.CERT_EARLIEST_EXPIRY: NOW}, properties=facts, mail={Mail.SENT: 1})
    shut = replace(result(Containment()), properties={HOSTILE: f"reset (attendu) : {HOSTILE}", "x": HOSTILE})
    async with serving(history=Shelf({name(of): kept})) as served:
        for intent in (Intent.OPEN, Intent.CLOSED):
            shown = picture(replace(of, intent=intent), State.UNKNOWN, [run, shut])
            show(served, shown, run)
            for query in ("", "?lang=en", "?unit=u1", "?unit=%3Cscript%3E"):
                page = (await served.client.get(f"/flows/bad{query}")).text
                assert "&lt;script&gt;" in page
                for danger in ("<script>", "<img", "\u202e", "\x1b", "\x00", "onerror=alert(2)>\n"):
                    assert danger not in page, (danger, query)


async def test_the_page_needs_no_style_of_its_own_and_stays_the_same_in_both_languages() -> None:
    of = flow("two", probes={"p": Http(slow=1.0)})
    async with serving(history=Shelf({name(of): runs_of(Http(), "..x?~" * 10)})) as served:
        show(served, picture(of, State.RESTORED, [result(Http())]))
        pages = [(await served.client.get(f"/flows/two?lang={language}")).text for language in ("fr", "en")]
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", pages[0])
    tags = [re.findall(r"<(\w+)", page) for page in pages]
    assert tags[0] == tags[1]
    ids = re.findall(r'\sid="([^"]*)"', pages[0])
    assert len(ids) == len(set(ids))
    for path in re.findall(r'\sd="([^"]*)"', pages[0]):
        assert re.fullmatch(r"[MLhvm0-9 .-]+|M.*", path), path


async def test_an_open_page_asks_for_itself_again_with_the_unit_that_was_chosen() -> None:
    async with serving() as served:
        page = (await served.client.get("/flows/websites?lang=en&unit=u3")).text
    assert 'data-page="/flows/websites?lang=en&amp;unit=u3"' in page
    assert 'id="u3"' in page


async def test_the_units_are_drawn_once_for_all_who_look_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[FlowPicture] = []

    def counted(shown: FlowPicture, *more: Any) -> Units:
        drawn.append(shown)
        return units_of(shown, *more)

    monkeypatch.setattr("retabli.web.pages.drawn.units_of", counted)
    async with serving() as served:
        monkeypatch.setattr("retabli.web.pages.drawn.LASTS", 60.0)
        for _ in range(10):
            assert "no message with our token" in (await served.client.get("/flows/mail-in")).text
        assert len(drawn) == 1
        run = result(MailLoop(), Outcome.FAILED, cause=causes.TIMEOUT, fell=8, detail="another word")
        show(served, picture(served.view.pictures["mail-in"].flow, State.DROPPED, [run]), run)
        assert "another word" in (await served.client.get("/flows/mail-in")).text
        monkeypatch.setattr("retabli.web.pages.drawn.LASTS", 0.0)
        await served.client.get("/flows/mail-in")
    assert len(drawn) == 3
