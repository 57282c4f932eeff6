"""What the report says of each state, in both languages and each form, to whom."""

import re

import pytest

from retabli.model.states import State
from retabli.model.words import Words
from retabli.report import Report, compose, from_view, written
from retabli.report.facts import Situation
from retabli.view import View
from tests.view.pictures import NOW, Smtp, flow, picture, result
from tests.web.hospital import SITE, outlets


def situation() -> Situation:
    return from_view(outlets()[0])


def section(report: Report, heading: str) -> dict[str, str]:
    found = next(each for each in report.sections if each.heading == heading)
    return {item.title: item.said for item in found.items}


def test_its_four_parts_say_what_works_what_does_not_what_stays_shut_and_what_to_do() -> None:
    report = compose(situation(), "fr")
    assert report.title == "CHU de Rennes : point de situation, lundi 3 juillet 2023 à 10 h 00"
    assert report.lead[0] == "3 flux rétablis sur 8."
    working = section(report, "Ce qui fonctionne de nouveau")
    assert working["Messagerie : émission vers l'extérieur"] == (
        "rétabli depuis le 1er juillet 2023 à 10 h 00 ; annoncé le 3 juillet 2023 à 9 h 00"
    )
    assert "mais en partie ou trop lentement (plus lent que convenu)" in working["Reconnaissance vocale"]
    waiting = section(report, "Ce qui ne fonctionne pas encore")
    assert next(iter(waiting)) == "Messagerie : réception", "what dropped comes first"
    assert waiting["Messagerie : réception"].startswith("retombé le 3 juillet 2023 à 9 h 51 ; ")
    assert "aucune réponse dans le délai (réseau)" in waiting["Messagerie : réception"]
    assert waiting["MSSanté : émission"] == "répond de nouveau, pas encore assez longtemps"
    assert waiting["EFS : résultats d'analyses sanguines"].startswith("état inconnu")
    shut = section(report, "Ce qui reste suspendu, sur décision")
    assert shut["Accès général à internet"] == "fermé, et prouvé tel depuis le 21 juin 2023 à 10 h 00"
    assert shut["DNS vers l'extérieur"].startswith("doit rester fermé, et répond depuis le 3 juillet 2023 à 9 h 58")
    todo = section(report, "Ce qu'il faut faire")
    assert todo["Paiement par carte bancaire"] == "Les patients apportent des espèces ou un chèque."
    assert todo["Accès général à internet"] == "Utiliser les postes dédiés.", "it is suspended, so it is to be done"


def test_in_english_nothing_is_left_in_french() -> None:
    text = written(compose(situation(), "en"), "txt")
    assert "CHU de Rennes: point of situation, Monday 3 July 2023 at 10:00" in text
    assert "- General internet: shut, and proven so since 21 June 2023 at 10:00" in text
    assert not re.search(r"depuis|rétabli|fermé|espèces", text)


def test_the_public_reads_no_cause_no_private_flow_and_nothing_of_a_breach() -> None:
    for form in ("md", "txt", "html"):
        text = written(compose(situation(), "fr", public=True), form)
        assert "Accès général à internet" in text
        assert "suspendu sur décision" in text
        for hidden in ("RUBIS", "DNS vers", "délai", "partenaire", "répond depuis", "prouvé"):
            assert hidden not in text, (form, hidden)


def test_an_unknown_flow_is_under_what_does_not_work_with_what_was_last_measured() -> None:
    view = View(SITE, wall=lambda: NOW)
    shown = picture(flow("mail", probes={"p": Smtp()}), State.RESTORED, [result(Smtp())], shown=State.UNKNOWN)
    view.show(shown, None, None)
    report = compose(from_view(view), "en")
    assert section(report, "What does not work yet") == {"mail": "state unknown (last measured: restored)"}
    assert report.lead[0] == "0 of 1 flows restored."


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
            assert not re.match(r" *([:;]|h \d)", line), line
