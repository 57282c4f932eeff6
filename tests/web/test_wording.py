"""What pages say to people: the demo's remark and switches, the reader's own words, and nothing that is not so."""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import probes
import retabli.net
from retabli.model import causes
from retabli.model.facts import FACTS
from retabli.model.flow import Require
from retabli.model.record import Closure, Incident
from retabli.model.result import Outcome
from retabli.model.states import Intent, State
from retabli.model.words import Words
from retabli.view import View
from retabli.web import Switch, words
from retabli.web.pages.headline import headline
from retabli.web.pages.rows import controls
from retabli.web.pages.units import units_of
from retabli.web.words import TEXTS, text
from tests.view.pictures import NOW, Containment, Smtp, flow, picture, result
from tests.web.hospital import SITE
from tests.web.serving import serving


class Lamp:
    """A demo with one switch, in three positions."""

    remark = Words("Démonstration : une lampe", "Demonstration: a lamp")
    positions = MappingProxyType(
        {"on": Words("allumée", "lit"), "off": Words("éteinte", "out"), "broken": Words("cassée", "broken")}
    )

    def __init__(self) -> None:
        self.position = "on"

    def all(self) -> Sequence[Switch]:
        return [Switch("mail-out", Words("Messagerie", "Mail"), self.positions, self.position)]

    async def set(self, flow: str, position: str) -> None:
        if flow != "mail-out" or position not in self.positions:
            raise KeyError(flow)
        self.position = position


async def test_the_demo_s_switches_offer_each_position_by_its_words_and_work_by_a_form() -> None:
    lamp = Lamp()
    async with serving(switches=lamp) as served:
        page = (await served.client.get("/?lang=en")).text
        assert pressed(page) == ["lit"]
        assert all(words["en"] in page for words in lamp.positions.values())
        answer = await served.client.post("/demo/switch", data={"flow": "mail-out", "position": "broken"})
        assert (answer.status_code, answer.headers["location"], lamp.position) == (303, "/", "broken")
        assert pressed((await served.client.get("/")).text) == ["cassée"]
        for wrong in ({"flow": "x", "position": "on"}, {"flow": "mail-out", "position": "melted"}):
            assert (await served.client.post("/demo/switch", data=wrong)).status_code == 404, wrong
        assert (await served.client.post("/demo/switch", data={"flow": "mail-out"})).status_code == 400
        assert (await served.client.post("/demo/switch", content=b"x" * 10_000)).status_code == 413


def pressed(page: str) -> list[str]:
    return re.findall(r'aria-pressed="true"[^>]*>([^<]*)<', page)


async def test_a_flow_s_own_page_has_its_switch_and_is_come_back_to() -> None:
    async with serving(switches=Lamp()) as served:
        assert pressed((await served.client.get("/flows/mail-out")).text) == ["allumée"]
        assert pressed((await served.client.get("/flows/mail-in")).text) == []
        wanted = {"flow": "mail-out", "position": "off", "stay": "1"}
        answer = await served.client.post("/demo/switch?lang=en", data=wanted)
        assert answer.headers["location"] == "/flows/mail-out?lang=en"


async def test_every_page_of_a_simulated_world_says_that_it_is_one_and_no_other_page_does() -> None:
    paths = ("/", "/flows/mail-out", "/log", "/public", "/nowhere")
    headers = {"accept": "text/html"}
    async with serving(switches=Lamp()) as served:
        for path in paths:
            assert "Démonstration : une lampe" in (await served.client.get(path, headers=headers)).text, path
            page = await served.client.get(f"{path}?lang=en", headers=headers)
            assert "Demonstration: a lamp" in page.text, path
    async with serving() as served:
        for path in paths:
            assert 'class="remark"' not in (await served.client.get(path, headers=headers)).text, path


async def test_in_a_replay_it_is_not_said_how_long_ago_a_flow_was_tried() -> None:
    async with serving() as served:
        assert "data-seen" in (await served.client.get("/")).text
        served.view.stamp = lambda wall: NOW + (wall - NOW) * 8640.0
        for path in ("/", "/flows/mail-out"):
            assert "essayé il y a" not in (await served.client.get(path)).text


async def test_what_is_declared_for_later_is_not_told_before() -> None:
    async with serving() as served:
        for when, told in ((NOW - 1.0, True), (NOW + 3600.0, False)):
            of = flow("declared", declared_since=when)
            served.view.show(picture(of, State.DOWN), None, None)
            assert ("annoncé rétabli" in (await served.client.get("/flows/declared")).text) is told


async def test_rules_and_facts_are_in_the_reader_s_words() -> None:
    async with serving() as served:
        resolver = flow("resolver", title=Words("Résolution de noms", "Name resolution"))
        of = flow("worded", probes={"a": Smtp(), "b": Smtp()}, parents=("resolver",), require=Require("all"))
        run = result(Smtp(), properties={"tls_version": "TLSv1.3", "made_up": "kept"})
        for each in (picture(resolver, State.RESTORED), picture(of, State.RESTORED, [run, run])):
            served.view.show(each, None, None)
        page = (await served.client.get("/flows/worded")).text
        for said in ("toutes les sondes", "Résolution de noms", "version de TLS", "made up", "2 sondes sur 2 en ordre"):
            assert said in page, said


async def test_a_page_that_no_channel_was_given_is_not_said_to_have_reached_anybody() -> None:
    async with serving() as served:
        for channels, said in ((("duty",), "astreinte appelée"), ((), "personne n&#39;est prévenu")):
            paged = Incident("one", "dropped", NOW, told=dict.fromkeys(channels, 0.0))
            served.view.show(picture(flow("paged"), State.DROPPED, incident=paged), None, None)
            assert said in (await served.client.get("/flows/paged")).text


async def test_no_flow_restored_is_not_shown_in_green() -> None:
    for state, shape in ((State.DOWN, "down"), (State.RESTORED, "restored")):
        said = headline([picture(flow("one"), state)], View(SITE, wall=lambda: NOW), "fr")
        assert said.parts[0].state == shape


def test_a_target_that_is_alive_by_the_operators_word_alone_is_told_as_that() -> None:
    shut = flow("internet", intent=Intent.CLOSED, probes={"out": Containment()})
    for declared, key in ((True, "control_declared"), (False, "control_alive")):
        closure = Closure(True, path=True, alive=True, declared=declared)
        shown = controls(picture(shut, State.CONTAINED, [result(Containment())], closure=closure))
        assert shown == (("control_path", "passes"), (key, "passes"))
    assert text("control_declared", "fr") == "la cible répond ailleurs (déclaré, non mesuré)"


def test_a_closed_flow_that_answers_is_said_to_answer_whatever_kind_saw_it() -> None:
    shut = flow("internet", intent=Intent.CLOSED, probes={"out": Containment(), "also": Smtp()})
    runs = [result(Containment(), Outcome.FAILED, cause=causes.REFUSED, fell=1), result(Smtp())]
    units = units_of(picture(shut, State.BREACHED, runs), None, View(SITE, wall=lambda: NOW), "fr")
    assert {(each.row.name, each.row.word) for each in units.blocks} == {("out", "répond"), ("also", "répond")}


def noted_facts() -> set[str]:
    """The names that the probes and what they stand on give to `describe`, where they are written out."""
    found = set[str]()
    for folder in (*probes.__path__, *retabli.net.__path__):
        for path in Path(folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "describe":
                    name = node.args[0]
                    found |= {str(name.value)} if isinstance(name, ast.Constant) else set()
    return found


def test_every_fact_that_a_probe_notes_has_words_and_no_words_are_for_nothing() -> None:
    made_up = {"control_alive", "control_alive_detail", "control_path", "control_path_detail"}
    assert noted_facts() | made_up == set(FACTS)


async def test_what_a_control_gave_is_said_in_the_reader_s_language() -> None:
    facts = {"control_path": "passes", "control_alive": "not evaluated", "direct tcp 443 a.example": "reset (attendu)"}
    shut = flow("internet", intent=Intent.CLOSED, probes={"out": Containment()})
    run = replace(result(Containment()), properties=facts)
    [unit] = units_of(picture(shut, State.CONTAINED, [run]), None, View(SITE, wall=lambda: NOW), "fr").blocks
    assert unit.facts == (
        ("témoin : notre sortie fonctionne", "oui"),
        ("témoin : la cible répond ailleurs", "non évalué"),
    )
    assert [(each.way, each.said, each.standing) for each in unit.doors] == [
        ("direct tcp 443 a.example", "connexion refusée (RST)", "shut")
    ]


def test_no_word_of_a_page_hides_another_s() -> None:
    pages = (words.access, words.common, words.desk, words.flow, words.log, words.public)
    assert sum(len(each.TEXTS) for each in pages) == len(TEXTS)
