"""What the report says of each state, in both languages and each form, to whom."""

import re

import pytest

from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.report import Report, compose, from_view, written
from retabli.report.facts import Line, Situation
from retabli.view import View
from tests.view.pictures import NOW, Containment, Smtp, flow, picture, result
from tests.web.hospital import SITE, outlets


def situation() -> Situation:
    return from_view(outlets()[0])


def section(report: Report, heading: str) -> dict[str, str]:
    found = next(each for each in report.sections if each.heading == heading)
    return {item.title: item.said for item in found.items}


def test_its_three_parts_say_what_works_what_does_not_or_stays_shut_and_what_to_do() -> None:
    report = compose(situation(), "fr")
    assert report.title == "CHU de Rennes : point de situation, lundi 3 juillet 2023 à 10 h 00"
    assert [each.heading for each in report.sections if not each.under] == [
        "Ce qui fonctionne de nouveau",
        "Ce qui ne fonctionne pas encore, et ce qui reste suspendu",
        "Ce que patients et personnel doivent faire",
    ]
    working = section(report, "Ce qui fonctionne de nouveau")
    assert working["Messagerie : émission vers l'extérieur"] == (
        "Fonctionne depuis le 1er juillet à 10 h 00 d'après les mesures (annoncé le 3 juillet à 9 h 00)."
    )
    assert "mais en partie seulement ou trop lentement (plus lent que convenu)" in working["Reconnaissance vocale"]
    waiting = section(report, "Ne fonctionne pas encore")
    assert next(iter(waiting)) == "Messagerie : réception", "what dropped comes first"
    assert waiting["Messagerie : réception"].startswith("Ne fonctionne plus depuis le 3 juillet à 9 h 51. Cause : ")
    assert "aucune réponse dans le délai (réseau)" in waiting["Messagerie : réception"]
    assert waiting["MSSanté : émission"] == "Répond de nouveau, mais depuis trop peu de temps pour être dit rétabli."
    shut = section(report, "Reste suspendu, sur décision")
    assert shut["Accès général à internet"].endswith("la fermeture est prouvée depuis le 21 juin à 10 h 00.")
    assert "DNS vers l'extérieur" not in shut, "a breach is no suspension"
    breached = section(report, "Doit rester suspendu, et répond")
    assert breached["DNS vers l'extérieur"].startswith("Doit rester fermé, et répond depuis le 3 juillet à 9 h 58.")
    assert report.lead[0].endswith("ce qui doit rester fermé a répondu : DNS vers l'extérieur.")
    todo = section(report, "Ce que patients et personnel doivent faire")
    assert todo["Paiement par carte bancaire"] == "Les patients apportent des espèces ou un chèque."
    assert todo["Accès général à internet"] == "Utiliser les postes dédiés.", "it is suspended, so it is to be done"


def test_what_is_not_known_is_neither_under_what_works_nor_under_what_does_not() -> None:
    report = compose(situation(), "fr")
    unknown = section(report, "État inconnu")
    assert list(unknown) == ["EFS : résultats d'analyses sanguines"]
    assert "rien ne permet de dire en ce moment si cela fonctionne" in unknown["EFS : résultats d'analyses sanguines"]
    assert "EFS : résultats d'analyses sanguines" not in section(report, "Ne fonctionne pas encore")
    assert report.lead[1] == (
        "3 des 8 systèmes suivis fonctionnent, 1 en partie seulement ; l'état d'un d'entre eux n'est pas connu."
    )


@pytest.mark.parametrize("public", [False, True])
def test_what_works_only_in_part_needs_its_instruction_and_then_not_everything_works(public: bool) -> None:
    def told(state: State) -> Report:
        labs = flow("labs", public=True, notice=Words.same("Read results twice."))
        lines = Line(labs, state, NOW), Line(flow("mail", public=True), State.RESTORED, NOW)
        return compose(Situation(SITE, NOW, lines), "en", public=public)

    def waiting(report: Report) -> str:
        return next(each.nothing for each in report.sections if each.heading == "Does not work yet")

    part, whole = told(State.DEGRADED), told(State.RESTORED)
    assert section(part, "What patients and staff must do") == {"labs": "Read results twice."}
    assert waiting(part) == "Nothing, but not everything works wholly."
    assert section(whole, "What patients and staff must do") == {}
    assert waiting(whole) == "Nothing: everything that is watched works."


def test_in_english_nothing_is_left_in_french() -> None:
    text = written(compose(situation(), "en"), "txt")
    assert "CHU de Rennes: point of situation, Monday 3 July 2023 at 10:00" in text
    assert "- General internet — Kept suspended, on purpose; it has been proven shut since" in text
    assert not re.search(r"depuis|rétabli|fermé|espèces", text)


@pytest.mark.parametrize("form", ["md", "txt", "html"])
def test_french_is_set_with_its_no_break_spaces_in_every_form(form: str) -> None:
    text = written(compose(situation(), "fr"), form)
    assert not re.search(r" [;:!?»]|\d h\b| h \d|\d juillet", re.sub(r"<style>.*</style>", "", text))
    for kept in ("Rennes\u00a0: point", "3\u00a0juillet", "10\u00a0h\u00a000"):
        assert kept in text, kept


def test_the_public_reads_no_cause_no_private_flow_and_nothing_of_a_breach() -> None:
    for form in ("md", "txt", "html"):
        text = written(compose(situation(), "fr", public=True), form)
        assert "Accès général à internet" in text
        assert "Suspension maintenue, sur décision." in text
        for hidden in ("RUBIS", "DNS vers", "délai", "partenaire", "répond depuis", "prouvé"):
            assert hidden not in text, (form, hidden)


def test_an_unknown_flow_is_told_with_what_was_last_measured() -> None:
    view = View(SITE, wall=lambda: NOW)
    shown = picture(flow("mail", probes={"p": Smtp()}), State.RESTORED, [result(Smtp())], shown=State.UNKNOWN)
    view.show(shown, None, None)
    report = compose(from_view(view), "en")
    said = "State unknown, nothing tells at present whether it works (when last measured, it worked)."
    assert section(report, "State unknown") == {"mail": said}
    assert report.lead[0] == "One system is watched; the state of 1 is not known."


def test_what_was_counted_of_a_flow_is_taken_from_what_is_shown() -> None:
    view = View(SITE, wall=lambda: NOW)
    shut = flow("out", intent=Intent.CLOSED, probes={"out": Containment()})
    view.show(picture(shut, State.CONTAINED, drops=1, breaches=2), None, None)
    (line,) = from_view(view).lines
    assert (line.drops, line.breaches) == (1, 2)


def test_a_breach_that_is_no_longer_measured_is_not_told_like_a_suspension_that_is_but_unproven() -> None:
    view = View(SITE, wall=lambda: NOW)
    shut = flow("out", intent=Intent.CLOSED, probes={"out": Containment()}, public=True)
    view.show(picture(shut, State.BREACHED, shown=State.UNKNOWN), None, None)
    said = section(compose(from_view(view), "fr"), "Doit rester suspendu, et répond")["out"]
    assert said.startswith("Doit rester fermé, et répondait quand il a été mesuré pour la dernière fois")
    public = compose(from_view(view), "fr", public=True)
    assert section(public, "Reste suspendu, sur décision") == {"out": "Suspension maintenue, sur décision."}


@pytest.mark.parametrize("form", ["md", "txt", "html"])
def test_what_stands_in_a_title_or_a_notice_is_shown_and_never_acted_on(form: str) -> None:
    hostile = "<script>alert(1)</script> [click](javascript:x) \u202e*b* \x1b[31m"
    view = View(SITE, wall=lambda: NOW)
    probes = {"p": Smtp()}
    evil = flow("evil", title=Words.same(hostile), notice=Words.same(hostile), probes=probes, public=True)
    view.show(picture(evil, State.DOWN, [result(Smtp())]), None, None)
    text = written(compose(from_view(view), "fr"), form)
    assert "\u202e" not in text
    assert "\x1b" not in text
    if form == "html":
        assert "<script>" not in text
        assert "&lt;script&gt;" in text
    if form == "md":
        assert r"\<script\>" in text
        assert "[click](" not in text
        assert r"\*b\*" in text


def test_plain_text_fits_a_terminal() -> None:
    assert max(map(len, written(compose(situation(), "fr"), "txt").splitlines())) <= 78


def test_no_line_of_plain_text_begins_with_french_punctuation_or_within_an_hour() -> None:
    for length in range(40, 90):
        title = Words.same("m" * (length % 50) + " mot : fin")
        shown = flow("one", title=title, declared_since=NOW - 86_400)
        view = View(SITE, wall=lambda: NOW)
        view.show(picture(shown, State.RESTORED), None, None)
        for line in written(compose(from_view(view), "fr"), "txt").splitlines():
            assert not re.match(r"[ \u00a0]*([:;]|h[ \u00a0]\d)", line), line
