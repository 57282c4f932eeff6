"""The reference pages: what the program writes today, and no name of the program's missing, in either language."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import commands
import probes
from commands._kind_print import settings as settings_of
from config.schema import of_kind
from docs.build import FOLDER, LANGUAGES, PAGES, files, main
from docs.writing import alerts, metrics
from docs.writing.causes import every_cause
from docs.writing.commands import in_language, parser
from docs.writing.first_checks import CHECKS
from docs.writing.metric_words import BLACKBOX, DAEMON, FLOWS, UNITS
from docs.writing.settings import KEYED, PARTS, meaning
from retabli.alerts.channels import CHANNELS, placeholders
from retabli.metrics import Figures, Metrics
from retabli.model.causes import Side
from retabli.model.record import Event
from retabli.model.states import State
from retabli.web.access.rules import RULES
from retabli.web.openapi import DESCRIPTION
from tests.commands.terminal import typed
from tests.deploy.shipped import rules
from tests.docs.guides import Guide
from tests.metrics.test_contract import samples, show_everything

every_language = pytest.mark.parametrize("language", LANGUAGES)


def page(name: str, language: str) -> Guide:
    """By its English name."""
    return Guide(FOLDER / next(each.path(language) for each in PAGES if each.name.en == name))


def missing(names: Iterable[object], within: str) -> list[str]:
    return [str(name) for name in names if f"`{name}`" not in within]


def test_what_is_checked_in_is_what_the_program_writes() -> None:
    wanted = {FOLDER / path: text for path, text in files().items()}
    assert {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*/*")} == wanted, "python -m docs.build"


def test_they_are_written_where_one_says(tmp_path: Path) -> None:
    main(["--into", str(tmp_path)])
    assert {path.relative_to(tmp_path): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.md")} == files()


@every_language
def test_every_state_side_rung_and_event_is_told(language: str) -> None:
    told = page("states", language)
    assert {state.value for state in State} <= told.anchors()
    rungs = {stage.id for name in probes.kinds() for stage in probes.kind(name).LADDER}
    assert missing([*rungs, *(side.value for side in Side), *(event.value for event in Event)], told.text) == []


@every_language
def test_every_cause_has_a_heading_its_words_and_advice(language: str) -> None:
    told = page("causes", language)
    assert set(every_cause()) <= told.anchors()
    for cause in every_cause().values():
        advice = cause.advice(language).replace(" ", "").replace("\u00a0", "")
        assert advice in told.text.replace(" ", "").replace("\u00a0", ""), cause.code


def test_what_to_check_first_is_of_causes_that_there_are_and_in_both_languages() -> None:
    assert set(CHECKS) <= set(every_cause())
    assert len(CHECKS) >= 40
    assert all(words.fr != words.en for words in CHECKS.values())


@every_language
def test_every_kind_and_each_of_its_settings_is_told(language: str) -> None:
    told = page("kinds", language).text
    parts = dict(zip(probes.kinds(), told.split("\n## ")[1:], strict=True))
    for name, part in parts.items():
        assert part.startswith(f"{name}\n")
        assert missing((path for path, _, _ in settings_of(of_kind(probes.kind(name)))), part) == [], name


@every_language
def test_every_setting_of_a_section_or_channel_is_told_and_has_a_meaning(language: str) -> None:
    told = page("settings", language).text
    for section, model in PARTS:
        for path, shape, _ in settings_of(of_kind(model)):
            if not (path == "name" and section in KEYED):
                assert f"`{path}`" in told, f"{section}.{path}"
                assert meaning(section, path, shape, language), f"{section}.{path} has no meaning in {language}"
    for name, channel in CHANNELS.items():
        assert f"\n### {name}\n" in told
        assert missing((path for path, _, _ in settings_of(of_kind(channel))), told) == [], name
    assert missing(placeholders.FIELDS, told) == []


@every_language
def test_every_command_and_option_is_told(language: str) -> None:
    told = page("commands", language)
    assert set(commands.names()) <= told.anchors()
    for name in commands.names():
        words = typed(name, "--help").out.replace("[", " ").replace("]", " ").split()
        for option in {word.strip(",:;)") for word in words if word.startswith("--")}:
            assert option in told.text, f"{name} {option}"


def test_every_help_has_its_french() -> None:
    helps = [commands.help_of(name) for name in commands.names()]
    helps += [action.help or "" for name in commands.names() for action in parser(name)._actions]
    alike = {"2h, 18:30, or 2023-07-03T08:00:00+02:00"}  # but for one word
    assert [each for each in helps if each and in_language(each, "fr") == each and each not in alike] == []


@every_language
def test_every_address_is_told_with_all_that_may_be_asked(language: str) -> None:
    told = page("addresses", language).text
    assert missing(RULES, told) == []
    for path, methods in DESCRIPTION["paths"].items():
        assert f"`{path}`" in told
        for method in methods.values():
            asked = [each["name"] for each in method.get("parameters", ()) if each["in"] == "query"]
            body = method.get("requestBody", {"content": {"": {"schema": {"properties": {}}}}})["content"]
            asked += next(iter(body.values()))["schema"]["properties"]
            after = told[told.rindex(f"`{path}`\n") if f"`{path}`\n" in told else 0 :]
            assert missing(asked, after.partition("\n\n`/")[0]) == [], path


async def test_every_series_is_told_with_its_labels() -> None:
    exported = Metrics(Figures(CollectorRegistry(), version="1", standpoint="inside"), language="fr")
    show_everything(exported)
    about = {**FLOWS, **UNITS, **BLACKBOX, **DAEMON}
    suffixes = ("_bucket", "_count", "_sum")
    for name, found in (await samples(exported)).items():
        known = about.get(name) or about[next(name.removesuffix(each) for each in suffixes if name.endswith(each))]
        for labels, _ in found:
            assert set(labels) - {"le"} <= set(known.labels), name
    assert set(about) == set(metrics.types()), "a series without words, or words without a series"


@every_language
def test_every_series_rule_and_alert_is_told(language: str) -> None:
    assert missing(metrics.types(), page("metrics", language).text) == []
    assert missing(metrics.recorded(), page("metrics", language).text) == []
    assert {rule.name.lower() for rule in rules() if rule.alerts} <= page("alerts", language).anchors()
    assert set(alerts.rules()) == {rule.name for rule in rules() if rule.alerts}
