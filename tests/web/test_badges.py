"""Badges: a word, a shape and a colour; green only where there is nothing else to tell."""

from xml.etree import ElementTree

import pytest

from retabli.model.states import STATE_WORDS, Intent, State
from retabli.model.words import Words
from retabli.published.badge import COLOURS, SHAPES, Badge, badge
from tests.view.pictures import Containment, Smtp, flow, picture, result
from tests.web.hospital import pictures
from tests.web.serving import serving

SVG = "{http://www.w3.org/2000/svg}"
GREEN = COLOURS["restored"]


async def test_each_flow_s_badge_says_its_state_by_word_shape_and_colour() -> None:
    async with serving() as served:
        for each in pictures():
            answer = await served.client.get(f"/badge/{each.flow.id}.svg?lang=en")
            assert answer.headers["content-type"] == "image/svg+xml"
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin", "else no other page can place it"
            drawn = ElementTree.fromstring(answer.content)  # noqa: S314 - ours
            assert drawn.get("role") == "img"
            title = drawn.findtext(f"{SVG}title") or ""
            assert title == f"{each.flow.title['en']}: {STATE_WORDS[each.state]['en']}" == drawn.get("aria-label")
            assert COLOURS[each.state.value] in answer.text
            assert (GREEN in answer.text) == (each.state is State.RESTORED)
        assert (await served.client.get("/badge/nothing.svg")).status_code == 404


def test_no_two_states_look_alike_by_shape_alone() -> None:
    assert set(COLOURS) == set(SHAPES) == {*map(str, State), "suspended"}
    drawn = {state: shape for state, shape in SHAPES.items() if state not in ("suspended", "contained")}
    assert len(set(drawn.values())) == len(drawn)


@pytest.mark.parametrize("state", sorted(set(State) - {State.RESTORED, State.CONTAINED, State.BREACHED}))
async def test_the_badges_of_all_are_never_green_while_one_flow_is_not_restored(state: State) -> None:
    async with serving() as served:
        for shown in list(served.view.pictures):
            served.view.forget(shown)
        probes = {"p": Smtp()}
        for name, of in (("a", State.RESTORED), ("b", state)):
            one = flow(name, probes=probes, public=True)
            served.view.show(picture(one, of, [result(Smtp())]), None, None)
        for path in ("/badge.svg", "/public/badge.svg"):
            drawn = (await served.client.get(path)).text
            assert GREEN not in drawn, path
            assert COLOURS[state.value] in drawn, path
        served.view.forget("b")
        for path in ("/badge.svg", "/public/badge.svg"):
            assert GREEN in (await served.client.get(path)).text
        served.view.forget("a")
        for path in ("/badge.svg", "/public/badge.svg"):
            assert GREEN not in (await served.client.get(path)).text, "nothing is known of nothing"


async def test_the_public_badge_tells_of_no_breach() -> None:
    async with serving() as served:
        drawn = (await served.client.get("/public/badge.svg")).text
        assert COLOURS["breached"] not in drawn
        assert "rompu" not in drawn
        assert COLOURS["breached"] in (await served.client.get("/badge.svg")).text


@pytest.mark.parametrize(("language", "said"), [("fr", "isolement rompu"), ("en", "breached")])
async def test_the_word_of_a_breach_is_never_what_a_badge_cuts_off(language: str, said: str) -> None:
    async with serving() as served:
        drawn = ElementTree.fromstring((await served.client.get(f"/badge.svg?lang={language}")).content)  # noqa: S314
    assert (drawn.findall(f".//{SVG}text")[1].text or "").endswith(said)


async def test_a_badge_keeps_a_breach_that_is_no_longer_measured() -> None:
    async with serving() as served:
        shut = flow("out", intent=Intent.CLOSED, probes={"out": Containment()})
        served.view.forget("dns-tunnel")
        served.view.show(picture(shut, State.BREACHED, shown=State.UNKNOWN), None, None)
        for path in ("/badge.svg", "/badge/out.svg"):
            assert "isolement rompu, puis inconnu" in (await served.client.get(f"{path}?lang=fr")).text, path
        assert "rompu" not in (await served.client.get("/public/badge.svg?lang=fr")).text


async def test_a_hostile_title_is_inert_in_a_badge() -> None:
    hostile = '"><script>alert(1)</script>\u202e\x1b\x00' * 3
    async with serving() as served:
        evil = flow("evil", title=Words.same(hostile), probes={"p": Smtp()})
        served.view.show(picture(evil, State.DOWN, [result(Smtp())]), None, None)
        answer = await served.client.get("/badge/evil.svg")
    drawn = ElementTree.fromstring(answer.content)  # noqa: S314 - ours
    assert not list(drawn.iter(f"{SVG}script"))
    assert "\u202e" not in answer.text
    assert "style=" not in answer.text


def test_a_long_title_makes_no_endless_badge() -> None:
    drawn = ElementTree.fromstring(badge(Badge("m" * 500, "w" * 500, "down"), "en"))  # noqa: S314 - ours
    assert int(drawn.get("width", "0")) < 1200
