"""What has changed between two situations, told first in a report."""

from dataclasses import replace

from retabli.model.states import Intent, State
from retabli.report import Line, Situation, compose, written
from retabli.report.changes import changes
from retabli.report.facts import Gone
from tests.report.test_replay import SITE
from tests.view.pictures import NOW, Smtp, flow

PROBES = {"p": Smtp()}
DAY = 86_400.0


def line(id_: str, state: State, *, intent: Intent = Intent.OPEN, public: bool = True, **more: object) -> Line:
    of = flow(id_, intent=intent, probes=PROBES, public=public)
    return replace(Line(of, state, NOW), **more)  # type: ignore[arg-type]


def told(before: Line, after: Line, *, public: bool = False) -> dict[str, str]:
    earlier, later = Situation(SITE, NOW - DAY, (before,)), Situation(SITE, NOW, (after,))
    return dict(changes(earlier, later, "en", public=public))


def test_each_change_is_told_once_by_its_kind() -> None:
    restored, dropped, unknown = State.RESTORED, State.DROPPED, State.UNKNOWN
    for was, now, kind in (
        (line("a", State.DOWN), line("a", restored), "Works now"),
        (line("a", restored), line("a", dropped, drops=1), "Does not work any more"),
        (line("a", State.DEGRADED), line("a", dropped, drops=1), "Does not work any more"),
        (line("a", restored), line("a", restored, drops=1), "Interrupted, and works again"),
        (line("a", dropped, drops=1), line("a", State.RECOVERING, drops=1), "Answers again, to be confirmed"),
        (line("a", restored), line("a", unknown, was=restored), "State now unknown"),
        (line("a", State.CONTAINED, intent=Intent.CLOSED), line("a", State.DOWN), "Not suspended any more"),
        (line("a", restored), line("a", State.CONTAINED, intent=Intent.CLOSED), "Suspended since"),
    ):
        assert told(was, now) == {kind: "a."}, kind
        assert told(was, now, public=True) == {kind: "a."}


def test_what_was_unknown_for_a_while_and_works_as_before_is_no_news() -> None:
    assert told(line("a", State.UNKNOWN, was=State.RESTORED), line("a", State.RESTORED)) == {}
    assert told(line("a", State.DOWN), line("a", State.DOWN)) == {}


def test_a_breach_is_told_inside_and_never_to_the_public() -> None:
    shut, open_ = (line("a", state, intent=Intent.CLOSED) for state in (State.CONTAINED, State.BREACHED))
    lost = line("a", State.UNKNOWN, intent=Intent.CLOSED)
    for was, now in ((shut, open_), (open_, shut), (shut, lost), (open_, lost)):
        assert told(was, now)
        assert told(was, now, public=True) == {}


def test_a_breach_between_two_moments_is_told_inside_however_it_stands_now() -> None:
    def shut(state: State, breaches: int, was: State | None = None) -> Line:
        return line("a", state, intent=Intent.CLOSED, breaches=breaches, was=was)

    meanwhile, had = {"Answered meanwhile, and shut again": "a."}, {"Answered while it had to stay shut": "a."}
    contained, breached, unknown = State.CONTAINED, State.BREACHED, State.UNKNOWN
    for was, now, said in (
        (shut(contained, 1), shut(contained, 2), meanwhile),
        (line("a", State.RESTORED), shut(contained, 1), {"Suspended since": "a."} | meanwhile),
        (shut(breached, 1), shut(contained, 2), {"Shut again, as is proven": "a."} | meanwhile),
        (shut(breached, 1), shut(breached, 2), {"Had to stay shut, and answers": "a."}),
        (shut(contained, 0), shut(unknown, 1, contained), {"No longer proven shut": "a."} | had),
        (shut(contained, 0), line("a", State.DOWN, breaches=1), {"Not suspended any more": "a."} | had),
        (shut(breached, 1), shut(contained, 1), {"Shut again, as is proven": "a."}),
        (shut(contained, 1), shut(contained, 1), {}),
        (shut(breached, 1), shut(breached, 1), {}),
    ):
        assert told(was, now) == said
        decided = {kind: titles for kind, titles in said.items() if "uspended" in kind}
        assert told(was, now, public=True) == decided, "what was measured of it is nobody's business but ours"


def test_an_interruption_is_told_of_a_flow_of_which_nothing_is_known_now() -> None:
    was = line("a", State.UNKNOWN, was=State.RESTORED)
    assert told(was, line("a", State.UNKNOWN, was=State.DROPPED, drops=1)) == {"Interrupted meanwhile": "a."}


def test_what_is_not_watched_any_more_is_told_inside_with_what_was_last_measured_of_it() -> None:
    """Else taking out what does not work would leave a report of which everything works, and no word of it."""
    mail = line("mail", State.RESTORED)
    before, after = Situation(SITE, NOW - DAY, (mail,)), Situation(SITE, NOW, (mail,))
    for state, closed, said in (
        (State.RESTORED, False, "when last measured, it worked"),
        (State.DEGRADED, False, "when last measured, it worked in part"),
        (State.RECOVERING, False, "when last measured, it answered again"),
        (State.DROPPED, False, "when last measured, it did not work any more"),
        (State.DOWN, False, "when last measured, it did not work"),
        (State.CONTAINED, True, "when last measured, it was shut, as it had to be"),
        (State.BREACHED, True, "when last measured, it answered, and had to stay shut"),
        (None, False, "nothing was known of it"),
        (None, True, "had to stay shut, and nothing proved it"),
    ):
        later = replace(
            after, gone=(Gone("old", NOW - 2 * DAY, State.DOWN, False), Gone("labs", NOW - 9, state, closed))
        )
        assert dict(changes(before, later, "en", public=False)) == {"No longer watched": f"labs ({said})."}
        assert dict(changes(before, later, "en", public=True)) == {}, "nobody knows any more whether it was public"
    french = written(compose(later, "fr", before=before), "txt").replace("\u00a0", " ")
    assert "- N'est plus suivi — labs (devait rester fermé, sans que rien ne le prouve)." in french


def test_what_is_watched_from_now_on_is_told_as_new_whatever_is_known_of_it() -> None:
    new = "Watched from now on"
    for now, said in (
        (line("a", State.DOWN), new),
        (line("a", State.UNKNOWN), new),
        (line("a", State.RECOVERING), new),
        (line("a", State.CONTAINED, intent=Intent.CLOSED), new),
        (line("a", State.RESTORED), "Works now"),
        (line("a", State.DROPPED, drops=1), "Does not work any more"),
    ):
        unwatched = line("a", State.UNKNOWN, watched=False)
        assert told(unwatched, now) == {said: "a."}
        assert told(unwatched, now, public=True) == {said: "a."}
    breached = line("a", State.BREACHED, intent=Intent.CLOSED)
    assert told(unwatched, breached) == {"Had to stay shut, and answers": "a."}
    assert told(unwatched, breached, public=True) == {new: "a."}
    assert told(unwatched, unwatched) == {}, "in the file, and not taken up yet"


def test_a_flow_that_is_not_public_is_no_news_for_the_public() -> None:
    was, now = (line("a", state, public=False) for state in (State.DOWN, State.RESTORED))
    assert told(was, now) == {"Works now": "a."}
    assert told(was, now, public=True) == {}


def test_changes_come_first_with_the_moment_that_they_are_counted_from() -> None:
    before = Situation(SITE, NOW - DAY, (line("Messagerie", State.DOWN),))
    after = Situation(SITE, NOW, (line("Messagerie", State.RESTORED),))
    text = written(compose(after, "fr", before=before), "md").replace("\u00a0", " ")
    assert "## Ce qui a changé depuis le 2 juillet à 10 h 00\n\n- **Fonctionne maintenant** — Messagerie." in text
    assert text.index("a changé") < text.index("fonctionne de nouveau")
    same = written(compose(after, "en", before=replace(after, at=NOW - DAY)), "txt")
    assert "Nothing has changed." in same
