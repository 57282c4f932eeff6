"""The restoration view: what a strip draws, what is to be looked at, how little a row costs, what open pages hear."""

import asyncio
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from retabli.model.record import Acknowledgement, Entry, Event, FlowPicture, Incident, Silence
from retabli.model.result import Outcome
from retabli.model.states import STATE_WORDS, Criticality, Intent, State
from retabli.model.words import Words
from retabli.view import Site, View
from retabli.web import live
from retabli.web.pages.attention import MOST, SHOWN, attention
from retabli.web.pages.axis import axis
from retabli.web.pages.flows import SOME, FlowsPage, Group, columns
from retabli.web.pages.frame import Frame, load_assets
from retabli.web.pages.headline import headline
from retabli.web.pages.strip import CELLS, held, strip
from tests.view.pictures import NOW, Containment, Smtp, flow, picture, result
from tests.web.hearing import events
from tests.web.hospital import outlets, pictures
from tests.web.serving import Served, serving

HOUR, DAY = 3600.0, 86_400.0
SITE = Site("CHU", "fr", ZoneInfo("Europe/Paris"), "inside", cut_at=NOW - 12 * DAY)


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


Rows = tuple[tuple[float, str, dict[str, str]], ...]


def watching(
    *rows: tuple[float, str, dict[str, str]], site: Site = SITE, wall: Callable[[], float] = lambda: NOW
) -> View:
    """A view over one flow, `a`, of which the log says this; times in seconds before now."""
    view = View(site, wall=wall)
    for ago, event, data in rows:
        view.logged(Entry(NOW - ago, event, "a" if event in (Event.STATE, Event.CONFIG) else None, data))
    return view


def drawing(view: View, state: State = State.RESTORED, **keys: Any) -> dict[str, str]:
    """The strip's paths by their class."""
    svg = strip(picture(flow("a"), state, **keys), view)
    return dict(re.findall(r'<path class="([^"]*)" d="([^"]*)"/>', svg))


FELL: Rows = (
    (11 * DAY, Event.START, {}),
    (11 * DAY, Event.CONFIG, {"change": "added", "intent": "open"}),
    (10 * DAY, Event.STATE, {"was": "unknown", "now": "recovering"}),
    (9 * DAY, Event.STATE, {"was": "recovering", "now": "restored"}),
    (3 * DAY, Event.STATE, {"was": "restored", "now": "dropped"}),
    (3 * DAY - 120, Event.STATE, {"was": "dropped", "now": "restored"}),
)


def test_a_strip_draws_each_state_at_its_own_height_in_minutes_since_the_attack() -> None:
    paths = drawing(watching(*FELL))
    assert paths["none"] == "M0 13.5H1440", "before the first row nobody watched"
    assert paths["recovering"] == "M2880 11.25H4320"
    assert paths["restored"] == "M4320 7H12960M12962 7H34560", "and on, while the page stays open"
    assert paths["clear"] == "M0 10H1440M2880 10H34560", "what is unknown is left to its pattern"


def test_a_drop_of_two_minutes_in_two_weeks_has_a_line_of_its_own() -> None:
    paths = drawing(watching(*FELL))
    assert paths["dropped"] == "M12960 15.75H12962"
    assert paths["tick dropped"] == paths["tick cut"] == "M12961 0V20"
    now = drawing(watching(*FELL, (60, Event.STATE, {"was": "restored", "now": "dropped"})), State.DROPPED)
    assert "M17142 0V20" in now["tick dropped"], "one that began just now stands within the strip"


def test_a_strip_of_the_first_hours_is_drawn_in_seconds() -> None:
    site = replace(SITE, cut_at=NOW - HOUR)
    rows = ((600, Event.STATE, {"was": "unknown", "now": "restored"}),)
    assert drawing(watching(*rows, site=site))["restored"] == f"M3000 7H{3600 + 2 * 86_400}"


async def test_a_strip_keeps_the_step_that_it_was_drawn_with_when_a_day_has_passed() -> None:
    hands = Hands()
    site = replace(SITE, cut_at=NOW - DAY + 10)
    view = watching((DAY - 600, Event.STATE, {"was": "unknown", "now": "restored"}), site=site, wall=hands)
    page = FlowsPage(Frame(view))
    for step, long, after in ((1, DAY - 10, 0.0), (60, DAY + 10, 20.0)):
        hands.now = NOW + after
        row = page.row(picture(flow("a"), since=NOW - DAY + 600), "fr")
        assert f'data-unit="{step}" viewBox="0 0 {long / step:.0f} 20"' in row
        (restored,) = re.findall(r'class="restored" d="M(\d+) ', row)
        assert int(restored) * step == pytest.approx(610, abs=60), "ten minutes after the attack, as before"


def test_what_nobody_watched_and_what_is_unknown_are_never_drawn_as_the_state_before() -> None:
    stopped: Rows = (*FELL, (2 * DAY, Event.STOP, {}), (DAY, Event.START, {}))
    view = watching(*stopped)
    paths = drawing(view)
    assert paths["restored"] == "M4320 7H12960M12962 7H14400"
    assert paths["none"] == "M0 13.5H1440M14400 13.5H15840"
    assert paths["clear"].endswith("M2880 10H15840"), "unknown since the start"
    view.show(picture(flow("a"), State.RESTORED, since=NOW - 9 * DAY), None, None)
    assert drawing(view)["restored"].endswith("M15840 7H34560"), "until it is shown again"
    stale = watching(*FELL, (HOUR, Event.STATE, {"was": "restored", "now": "unknown"}))
    assert drawing(stale, State.UNKNOWN)["clear"].endswith("H17220")


def test_a_flow_that_flaps_is_drawn_in_so_many_cells_and_each_is_its_worst() -> None:
    view = watching(*FELL)
    for number in range(2000):
        was, now = ("restored", "dropped") if number % 2 == 0 else ("dropped", "restored")
        view.logged(Entry(NOW - 2 * DAY + number * 60, Event.STATE, "a", {"was": was, "now": now}))
    svg = strip(picture(flow("a")), view)
    assert svg.count("H") <= 3 * CELLS
    assert len(svg) < 8000


def test_a_strip_is_said_too_how_long_of_how_long_and_how_often_it_fell() -> None:
    view = watching(*FELL)
    said = held(picture(flow("a"), drops=2), view, "fr")
    assert said.said(NOW, 12 * DAY, "fr") == "rétabli 8\u00a0j 23\u00a0h sur 12\u00a0j, retombé 2 fois".replace(
        "j 2", "j\u00a02"
    )
    assert said.said(NOW + DAY, 13 * DAY, "fr").startswith("rétabli 9\u00a0j\u00a023\u00a0h sur 13\u00a0j"), "it grows"
    dropped = held(picture(flow("a"), State.DROPPED, drops=1), view, "en")
    assert dropped.said(NOW + DAY, 13 * DAY, "en").endswith(", dropped once")
    assert dropped.growing is None
    shut = flow("a", intent=Intent.CLOSED, probes={"out": Containment()})
    assert held(picture(shut, State.BREACHED, breaches=1), view, "en").said(NOW, 60, "en") == (
        "contained 0\u00a0s of 1\u00a0min, breached once"
    )


@pytest.mark.parametrize(
    ("ago", "labels"),
    [
        (12 * DAY, ["21 juin", "25 juin", "29 juin"]),
        (3 * DAY, ["30 juin", "2 juil."]),
        (5 * HOUR, ["5 h 00", "8 h 00"]),
        (90.0, ["9 h 58", "9 h 59"]),
        (400 * DAY, ["29 mai", "27 nov."]),
    ],
)
def test_the_days_above_are_few_and_at_the_site_s_midnights(ago: float, labels: list[str]) -> None:
    drawn = axis(watching(site=replace(SITE, cut_at=NOW - ago)), "fr")
    said = [each.replace("\u00a0", " ") for each in (drawn.first, *(mark.said for mark in drawn.marks))]
    assert said == labels
    places = [float(mark.place) for mark in drawn.marks]
    assert places == sorted(places)
    assert all(25 < place < 90 for place in places)


def test_days_stay_at_midnight_when_summer_time_ends() -> None:
    autumn = 1_698_184_800.0  # 2023-10-25T00:00 in Paris
    view = View(replace(SITE, cut_at=autumn), wall=lambda: autumn + 9 * DAY)
    assert [mark.at % 86_400 for mark in axis(view, "fr").marks] == [0, 3600]


async def test_a_site_s_name_turns_nothing_round_and_is_one_line() -> None:
    view = View(replace(SITE, name="CHU\u202e\n<b>"), wall=lambda: NOW)
    page = "".join([piece async for piece in FlowsPage(Frame(view)).pieces("fr", "")])
    assert "<title>Rétablissement des flux — CHU  &lt;b&gt;</title>" in page
    assert "<bdi>CHU  &lt;b&gt;</bdi>" in page
    assert "\u202e" not in page


# what is to be looked at ----------------------------------------------------------------------------------------------


def several(number: int, state: State, **keys: Any) -> list[FlowPicture]:
    return [picture(flow(f"{state.value}-{each}", **keys), state) for each in range(number)]


def test_nothing_is_to_be_looked_at_while_all_is_as_it_should_be_or_as_it_was() -> None:
    view = View(SITE, wall=lambda: NOW)
    fine = [*several(3, State.RESTORED), *several(2, State.DOWN), *several(1, State.RECOVERING)]
    assert attention(fine, view, "fr").items == ()


def test_the_worst_comes_first_and_the_vital_before_the_others_and_the_explained_after_what_explains_it() -> None:
    view = View(SITE, wall=lambda: NOW)
    shown = [
        *several(1, State.DEGRADED),
        *several(1, State.UNKNOWN),
        picture(flow("child"), State.DROPPED, because="proxy"),
        picture(flow("proxy"), State.DROPPED),
        picture(flow("vital", criticality=Criticality.VITAL), State.DROPPED),
        *several(1, State.BREACHED, intent=Intent.CLOSED),
    ]
    items = attention(shown, view, "fr").items
    assert [each.id for each in items] == ["breached-0", "vital", "proxy", "child", "unknown-0", "degraded-0"]


@pytest.mark.parametrize(
    ("language", "said"), [("fr", "isolement rompu, puis inconnu"), ("en", "breached, then unknown")]
)
def test_a_breach_that_is_no_longer_measured_stays_first_and_is_never_but_unknown(language: str, said: str) -> None:
    view = View(SITE, wall=lambda: NOW)
    shut = flow("out", intent=Intent.CLOSED, probes={"out": Containment()})
    lost = picture(shut, State.BREACHED, shown=State.UNKNOWN, because="dns")
    shown = [*several(9, State.DROPPED), lost, *several(1, State.RESTORED)]
    items = attention(shown, view, language).items
    assert (items[0].id, items[0].state, items[0].word) == ("out", "unknown", said)
    line = headline(shown, view, language)
    assert line.parts[1].text.endswith(said)
    assert said in line.tab
    assert line.parts[1].state == "unknown", "nor is it said to be open now"


def test_what_explains_others_says_how_many_and_those_of_a_child_are_its_own() -> None:
    view = View(SITE, wall=lambda: NOW)
    shown = [
        picture(flow("dns"), State.DROPPED),
        picture(flow("proxy"), State.DROPPED, because="dns"),
        picture(flow("web"), State.UNKNOWN, because="proxy"),
        picture(flow("card"), State.DROPPED, because="elsewhere"),
        picture(
            flow("out", intent=Intent.CLOSED, probes={"out": Containment()}),
            State.BREACHED,
            shown=State.UNKNOWN,
            because="dns",
        ),
        picture(flow("round-a"), State.DROPPED, because="round-b"),
        picture(flow("round-b"), State.DROPPED, because="round-a"),
    ]
    said = {each.id: each.explains for each in attention(shown, view, "fr").items}
    assert said["dns"] == "en explique 2 autres"
    assert [said[each] for each in ("proxy", "web", "card")] == ["", "", ""]
    one = attention(shown[:2], view, "en").items
    assert [each.explains for each in one] == ["explains 1 more", ""]


def test_many_are_counted_and_unfolded_and_never_more_than_a_page_can_bear() -> None:
    view = View(SITE, wall=lambda: NOW)
    said = attention([*several(9, State.DROPPED), *several(500, State.UNKNOWN)], view, "fr")
    assert len(said.items) == SHOWN
    assert len(said.items) + len(said.rest) == MOST
    assert said.more == "et 501 autres\u00a0: 1 retombé · 500 inconnus"


async def test_what_is_to_be_looked_at_leads_to_its_row_and_the_tab_says_it() -> None:
    async with serving() as served:
        page = (await served.client.get("/")).text
        block = page[page.index('class="attention"') : page.index("</nav>", page.index('class="attention"'))]
        links = re.findall(r'href="#([^"]*)"', re.sub(r"<use[^>]*>", "", block))
        assert links == ["f-dns-tunnel", "f-mail-in", "f-efs", "f-speech"]
        for each in links:
            assert page.count(f'id="{each}"') == 1
        assert "<title>DNS vers l&#39;extérieur\u00a0: isolement rompu · 1 retombé" in page
        for each in [each.flow.id for each in pictures()]:
            served.view.show(picture(flow(each), State.RESTORED), None, None)
        page = (await served.client.get("/")).text
        assert 'class="attention"' not in page
        assert "<title>Rétablissement des flux" in page


# the page -------------------------------------------------------------------------------------------------------------


def hospital(number: int, hands: Callable[[], float] = lambda: NOW) -> View:
    view = View(SITE, wall=hands)
    view.logged(Entry(NOW - 11 * DAY, Event.START))
    for each in range(number):
        of = flow(f"flow-{each}", title=Words.same(f"Flux {each}"), group=f"groupe {each % 7}")
        since = NOW - DAY * (1 + each % 9) - each
        for ago, was, now in ((11 * DAY - 60, "unknown", "down"), (NOW - since, "down", "restored")):
            view.logged(Entry(NOW - ago, Event.STATE, of.id, {"was": was, "now": now}))
        if each % 5 == 0:
            for pause, was, now in ((HOUR + each, "restored", "dropped"), (HOUR + 2 * each, "dropped", "restored")):
                view.logged(Entry(since + pause, Event.STATE, of.id, {"was": was, "now": now}))
        view.show(picture(of, State.RESTORED, [result(Smtp(), at=NOW - each % 30)], since=since), None, None)
    return view


async def whole(page: FlowsPage, language: str = "fr") -> str:
    return "".join([piece async for piece in page.pieces(language, "")])


async def test_a_thousand_flows_are_a_page_of_less_than_150_kilobytes_and_the_loop_breathes_between_its_rows() -> None:
    page = FlowsPage(Frame(hospital(1000)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    html = await whole(page)
    task.cancel()
    assert turns >= 45
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    assert len(packer.compress(html.encode()) + packer.flush()) < 100_000
    assert html.count('data-flow="') == 1000


async def test_a_row_is_rendered_once_and_placed_with_the_times_of_each_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    hands = Hands()
    view = hospital(30, hands)
    page = FlowsPage(Frame(view))
    first = await whole(page)
    hands.now += 2 * HOUR
    assert await whole(page) != first
    ahead = re.compile(r' d="[^"]*"')  # drawn further ahead, the later it is drawn
    assert ahead.sub("", await whole(page)) == ahead.sub("", await whole(FlowsPage(Frame(view))))
    monkeypatch.setattr("retabli.web.pages.stencils.row", None)  # nothing can be rendered any more
    hands.now += HOUR
    again = await whole(page)
    assert "rétabli 1\u00a0j\u00a03\u00a0h sur 12\u00a0j" in again
    assert 'viewBox="0 0 17460 20"' in again


async def test_a_kept_row_is_what_would_be_rendered_anew_whatever_changes_in_it() -> None:
    hands = Hands()
    view, _ = outlets()
    view._wall = hands
    page = FlowsPage(Frame(view))
    of = flow("mail-out", title=Words.same("Émission"), declared_since=NOW + 600)
    base = picture(of, State.RESTORED, [result(Smtp())])
    taken = Incident("i", "dropped", NOW, acknowledged=Acknowledgement("Jeanne", NOW, until=NOW + 900))
    changes: list[tuple[float, FlowPicture]] = [
        (0, base),
        (0, picture(of, State.DROPPED, [result(Smtp(), Outcome.FAILED)], drops=1)),
        (0, picture(of, State.DROPPED, [result(Smtp(), Outcome.FAILED, fell=1)], drops=1, incident=taken)),
        (1000, picture(of, State.DROPPED, [result(Smtp(), Outcome.FAILED, fell=1)], drops=1, incident=taken)),
        (1000, picture(of, State.DROPPED, drops=1, because="mail-in")),
        (1000, picture(of, State.DROPPED, drops=1, silence=Silence("K", "proxy", NOW, NOW + 1100, NOW + 1100))),
        (1200, picture(of, State.DROPPED, drops=1, silence=Silence("K", "proxy", NOW, NOW + 1100, NOW + 1100))),
        (1200, picture(of, State.RESTORED, [result(Smtp())], since=NOW + 1100, drops=1)),
        (400 * DAY, picture(of, State.RESTORED, [result(Smtp())], since=NOW + 1100, drops=1)),
    ]
    before = ""
    for later, each in changes:
        hands.now = NOW + later
        view.show(each, None, None)
        kept, anew = page.row(each, "fr"), FlowsPage(Frame(view)).row(each, "fr")
        assert kept == anew
        assert kept != before
        before = kept
    parent = picture(flow("mail-in", title=Words.same("Réception, renommée")), State.DROPPED)
    child = picture(of, State.DROPPED, because="mail-in")
    page.row(child, "fr")
    view.show(parent, None, None)
    assert "Réception, renommée" in page.row(child, "fr")


def test_a_wall_has_two_columns_of_about_one_height() -> None:
    def group(number: int, name: str = "g") -> Group:
        return Group(name, "", several(number, State.RESTORED))

    def sizes(*groups: Group) -> list[list[int]]:
        return [[len(each.pictures) for each in column] for column in columns(iter(groups))]

    assert sizes(group(5), group(5)) == [[5], [5]]
    assert sizes(group(2), group(3), group(4), group(3)) == [[2, 3], [4, 3]]
    assert sizes(group(40)) == [[20], [20]]
    left, right = columns(iter([group(40, "seul")]))
    assert (left[0].continued, right[0].continued, right[0].title) == (False, True, "seul")
    assert sizes() == [[], []]
    assert sorted(sizes(group(1))) == [[], [1]]
    every = [
        each.flow.id
        for column in columns(iter([group(7), group(30), group(2)]))
        for one in column
        for each in one.pictures
    ]
    assert len(every) == 39


async def test_a_page_of_very_many_flows_says_the_least_of_those_that_are_well_and_all_of_the_others() -> None:
    view = hospital(SOME + 1)
    view.show(
        picture(flow("flow-3", notice=Words.same("Téléphoner.")), State.DROPPED, [result(Smtp(), Outcome.FAILED)]),
        None,
        None,
    )
    html = await whole(FlowsPage(Frame(view)))
    assert 'data-size="many"' in html
    rows = dict(re.findall(r'data-flow="(flow-\d+)"(.*?)</li>', html, re.DOTALL))
    assert "data-seen" not in rows["flow-4"]
    assert "data-seen" in rows["flow-3"]
    assert "Téléphoner." in rows["flow-3"]


async def test_the_page_is_whole_without_script_and_has_its_landmarks() -> None:
    async with serving() as served:
        for language in ("fr", "en"):
            page = (await served.client.get(f"/?lang={language}")).text
            assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in page
            for one in ("<main", "<h1", "<footer", 'class="legend"', 'id="said"', 'id="lost"'):
                assert page.count(one) == 1, one
            assert len(re.findall(r"<nav\b", page)) == 2
            assert len(re.findall(r"<nav[^>]*aria-label", page)) == 2, "told apart by their names"
            for strip_ in re.findall(r'<svg class="course"[^>]*>', page):
                assert 'aria-hidden="true"' in strip_ or re.search(r'role="img" aria-label="[^"]+"', strip_)
            for state in State:
                assert STATE_WORDS[state][language] in page
            ids = re.findall(r'\sid="([^"]*)"', page)
            assert len(ids) == len(set(ids))
            assert not re.search("[\x00-\x08]", page)
        assert "État au" in (await served.client.get("/")).text, "what paper is dated by"
        assert "lundi 3 juillet 2023 à 10 h 00" in (await served.client.get("/")).text.replace("\u00a0", " ")


# what open pages hear -------------------------------------------------------------------------------------------------


async def listening(served: Served, act: Sequence[Callable[[], None]], *wanted: str) -> list[tuple[str, Any]]:
    revision = served.view.revision
    async with asyncio.timeout(10), served.client.stream("GET", f"/live?lang=fr&since={revision}") as answer:
        lines = answer.aiter_lines()
        async for line in lines:
            if line.startswith("data: "):
                break  # the first beat: it listens
        for each in act:
            each()
        found = await events(lines, *wanted)
    assert set(wanted) <= {kind for kind, _ in found}
    return found


async def test_silence_is_broken_by_a_beat_that_says_the_time_and_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT", 0.05)
    async with serving() as served:
        [(_, beat)] = await listening(served, (), "beat")
        page = (await served.client.get("/")).text
    assert beat["said"] == "3\u00a0juil. à 10\u00a0h\u00a000"
    assert beat["heading"].startswith("lundi 3 juillet 2023")
    assert f'data-build="{beat["build"]}"' in page


def test_a_page_takes_itself_for_lost_after_missing_two_beats_and_within_seconds() -> None:
    script = load_assets()["live.js"].body.decode()
    patience = re.search(r"PATIENCE = (\d+);", script)
    assert patience is not None
    assert 2 * live.BEAT < float(patience[1]) <= 15


def test_another_version_of_any_page_is_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    view, _ = outlets()
    one = Frame(view).build
    assert Frame(view).build == one
    monkeypatch.setattr("retabli.web.pages.frame.__version__", "another")
    assert Frame(view).build != one


async def test_the_line_on_top_is_told_when_it_changes_and_not_because_time_passes() -> None:
    async with serving() as served:
        of = served.view.pictures["rubis"]
        same = replace(of, units=(replace(of.units[0], result=result(of.units[0].probe, at=NOW - 1)),))
        moved = picture(of.flow, State.DROPPED, [result(of.units[0].probe, Outcome.FAILED)], since=NOW)
        first = await listening(served, [lambda: served.view.show(moved, None, None)], "top")
        top = next(data for kind, data in first if kind == "top")
        assert "2 retombés" in top["html"]
        assert 'href="#f-rubis"' in top["html"]
        assert "2 retombés" in top["title"]
        served.view.show(of, None, None)
        revision = served.view.revision
        async with asyncio.timeout(10), served.client.stream("GET", f"/live?lang=fr&since={revision}") as answer:
            lines = answer.aiter_lines()
            kinds: list[str] = []

            async def until(kind: str) -> None:
                async for line in lines:
                    if line.startswith("event: "):
                        kinds.append(line.removeprefix("event: "))
                        if kinds[-1] == kind:
                            return

            await until("beat")
            served.view.show(same, None, None)
            await until("top")  # a reader that is new is told once
            kinds.clear()
            served.view.show(same, None, None)
            await until("seen")
            served.view.show(same, None, None)
            await until("seen")
        assert "top" not in kinds


async def test_a_page_whose_plan_changes_is_told_to_take_itself_anew() -> None:
    async with serving() as served:

        def add() -> None:
            served.view.show(picture(flow("new", group="autre"), State.DOWN), None, None)

        assert "resync" in dict(await listening(served, [add], "resync"))


async def test_a_hostile_title_is_inert_in_what_open_pages_are_told_and_in_what_is_to_be_looked_at() -> None:
    hostile = "<img src=x onerror=alert(1)>\u202egpj\x1b\x01\x02"
    async with serving() as served:

        def show() -> None:
            of = flow("mssante", title=Words.same(hostile))
            served.view.show(picture(of, State.DROPPED, [result(Smtp(), Outcome.FAILED, detail=hostile)]), None, None)

        told = dict(await listening(served, [show], "row", "top"))
        for html in (told["row"]["html"], told["top"]["html"], (await served.client.get("/")).text):
            assert "<img" not in html
            assert not re.search("[\x00-\x08\x1b\u202e]", html)
            assert "&lt;img" in html
