"""What leaves the house: only what is public, inert, and never better than it is."""

from xml.etree import ElementTree

import pytest

from retabli.model.record import Entry, Event
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.published import (
    Bulletin,
    Links,
    badge,
    bulletin,
    feed,
    overall,
    page,
    public_badge,
    public_entries,
    public_feed,
    templates,
    typeset,
)
from retabli.view import Site
from tests.view.pictures import NOW, Smtp, flow
from tests.web.hospital import SITE

PROBES = {"p": Smtp()}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e\x1b[31m\x00 ]]> &amp;"


def told(state: State, *, intent: Intent = Intent.OPEN, notice: str = "do this") -> str:
    of = flow("a", intent=intent, probes=PROBES, public=True, notice=Words.same(notice), owner="Owner", runbook="run")
    one = bulletin(of, state, "en", since=NOW - 60)
    assert one is not None
    made = Bulletin(SITE, "en", NOW, NOW, (one,))
    return page(made, Links(str, "feed.atom", "index.fr.html"), templates())


@pytest.mark.parametrize("state", list(State))
def test_only_what_is_restored_is_under_what_works_and_needs_no_instruction(state: State) -> None:
    said = told(state)
    assert ('data-part="works"' in said) == (state in (State.RESTORED, State.DEGRADED))
    assert ("do this" in said) == (state is not State.RESTORED)
    if state is State.UNKNOWN:
        assert "<h2>State unknown</h2>" in said
        assert "since" not in said, "nobody knows since when"


@pytest.mark.parametrize("state", [State.CONTAINED, State.BREACHED, State.UNKNOWN])
def test_of_what_must_stay_shut_the_same_is_said_whatever_was_measured(state: State) -> None:
    said = told(state, intent=Intent.CLOSED)
    assert said == told(State.CONTAINED, intent=Intent.CLOSED)
    assert "Suspended on purpose" in said


def test_a_flow_that_is_not_public_is_not_there_and_own_link_never_is() -> None:
    assert bulletin(flow("a", probes=PROBES), State.DOWN, "fr", since=NOW) is None
    assert bulletin(flow("own_link", probes=PROBES, public=True), State.DOWN, "fr", since=NOW) is None


def test_the_worst_state_of_all_is_told_and_nothing_is_known_of_nothing() -> None:
    def of(*states: State) -> tuple[int, int, str]:
        flows = [bulletin(flow("a", probes=PROBES, public=True), each, "fr", since=NOW) for each in states]
        return overall([each for each in flows if each is not None])

    assert of(State.RESTORED, State.RESTORED) == (2, 2, "restored")
    assert of(State.RESTORED, State.UNKNOWN) == (1, 2, "unknown")
    assert of(State.DOWN, State.DROPPED, State.UNKNOWN) == (0, 3, "dropped")
    assert of() == (0, 0, "unknown")


def test_whatever_a_configuration_says_is_inert_in_the_page_the_feed_and_the_badge() -> None:
    of = flow("a", title=Words.same(HOSTILE), notice=Words.same(HOSTILE), probes=PROBES, public=True)
    site = Site(HOSTILE, "fr", SITE.zone, "inside")
    one = bulletin(of, State.DOWN, "fr", since=NOW)
    assert one is not None
    made = Bulletin(site, "fr", NOW, NOW, (one,))
    entries = [Entry(NOW, Event.STATE, "a", {"was": HOSTILE, "now": "down", "detail": HOSTILE})]
    news = public_entries(entries, {"a": of}, site, "fr", stamp=float, link="index.html")
    assert len(news) == 1
    drawn = badge(public_badge(made), "fr")
    told_ = feed(public_feed(made, news, "feed.atom", "index.html"), templates())
    for text in (page(made, Links(str, "feed.atom", "en"), templates()), told_, drawn):
        for bad in ("<script>", "<img", "\u202e", "\x1b", "\x00"):
            assert bad not in text, bad
    for xml in (told_, drawn):
        ElementTree.fromstring(xml)  # noqa: S314 - ours


def test_news_tell_of_open_flows_and_decisions_and_of_no_measure_of_what_is_shut() -> None:
    flows = {
        "open": flow("open", probes=PROBES, public=True),
        "shut": flow("shut", intent=Intent.CLOSED, probes=PROBES, public=True),
        "private": flow("private", probes=PROBES),
    }
    entries = [
        Entry(NOW, Event.STATE, "open", {"was": "down", "now": "restored"}),
        Entry(NOW, Event.STATE, "open", {"was": "breached", "now": "unknown"}),
        Entry(NOW, Event.STATE, "shut", {"was": "contained", "now": "breached"}),
        Entry(NOW, Event.STATE, "shut", {"was": "contained", "now": "unknown"}),
        Entry(NOW, Event.STATE, "shut", {"was": "recovering", "now": "restored"}),  # before it was shut
        Entry(NOW, Event.STATE, "private", {"was": "down", "now": "restored"}),
        Entry(NOW, Event.INTENT, "open", {"was": "closed", "now": "open"}),
        Entry(NOW, Event.INTENT, "shut", {"was": "open", "now": "closed"}),
        Entry(NOW, Event.PAGE, "open", {"reason": "dropped"}),
    ]
    news = public_entries(entries, flows, SITE, "en", stamp=float, link="/public")
    assert [each.title for each in news] == [
        "open — works",
        "open — not suspended any more",
        "shut — suspended on purpose",
    ]
    assert news[0].summary == "Works, Monday 3 July 2023 at 10:00."


def test_french_is_not_broken_before_its_punctuation_nor_within_a_time_or_a_date() -> None:
    said = typeset("« Rendez-vous » : le 3 juillet à 10 h 05 ; à 50 % !", "fr")
    assert (
        said
        == "«\u00a0Rendez-vous\u00a0»\u00a0: le 3\u00a0juillet à\u00a010\u00a0h\u00a005\u00a0; à\u00a050\u00a0%\u00a0!"
    )
    assert typeset("at 50 % : yes", "en") == "at 50 % : yes"
