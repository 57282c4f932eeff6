"""The guides name only what there is: files, anchors, commands, options, metrics; and configurations that load."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

import commands
from commands import _handed
from config.loading import load
from config.schema import schema
from docs.writing.causes import every_cause
from docs.writing.commands import parser
from docs.writing.metrics import recorded, types
from tests.commands.test_schema import Schema
from tests.docs.guides import PAIRS, ROOT, Guide, french, guides
from tests.entrance import HOME

every_guide = pytest.mark.parametrize("guide", guides(), ids=lambda guide: str(guide.path.relative_to(ROOT)))
COMMAND = re.compile(r"(?:^|[\s/])(?:retabli|daemon\.py) ([a-z]+)\b([^|;&>]*)")


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_every_guide_is_there_in_both_languages_and_they_lead_to_each_other(pair: tuple[str, str]) -> None:
    first, second = (ROOT / name for name in pair)
    assert Guide(first).text
    assert Guide(second).text
    if pair[0] != "docs/sauvegarde.md":
        assert second.name in {Path(link).name for link in Guide(first).links()}


@every_guide
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(guide: Guide) -> None:
    for link in guide.links():
        name, _, heading = link.partition("#")
        target = (guide.path.parent / name).resolve() if name else guide.path
        assert target.exists() or (HOME / target.relative_to(ROOT)).exists(), link
        if heading and target.suffix == ".md":
            assert heading in Guide(target).anchors(), link


@every_guide
def test_every_command_and_option_that_is_typed_exists(guide: Guide) -> None:
    typed = [line for block in guide.blocks("sh") for line in block.splitlines()]
    typed += [span for span in guide.spans() if span.startswith(("retabli ", "python daemon.py "))]
    for line in typed:
        for name, rest in COMMAND.findall(line.partition(" #")[0].replace("\\\n", " ")):
            assert name in commands.names(), line
            options = {option for action in parser(name)._actions for option in action.option_strings}
            options |= {"--log-format", "--log-level", "--help"}
            given = {word.partition("=")[0] for word in shlex.split(rest.replace("'", ""), comments=True)}
            assert {word for word in given if word.startswith("--")} <= options, line


@every_guide
def test_every_metric_that_is_named_exists(guide: Guide) -> None:
    known = {*types(), *recorded()}
    for name in re.findall(r"\b(?:retabli|probe)_[a-z_]+[a-z]\b", " ".join(guide.spans())):
        bare = re.sub(r"_(bucket|count|sum)$", "", name)
        if name.startswith(("retabli_", "probe_http", "probe_ssl", "probe_success")):
            assert bare in known or name in known or any(each.startswith(name) for each in known), name


@every_guide
def test_a_configuration_that_is_whole_loads(guide: Guide, tmp_path: Path) -> None:
    for number, block in enumerate(guide.blocks("yaml")):
        read = yaml.safe_load(block)
        if isinstance(read, dict) and {"site", "flows"} <= set(read):
            path = tmp_path / f"{number}.yaml"
            path.write_text(block, encoding="utf-8")
            for secret in re.findall(r"secrets/([a-z]+)", block):
                (tmp_path / "secrets").mkdir(mode=0o700, exist_ok=True)
                (tmp_path / "secrets" / secret).write_text("synthetic")
            assert load(path).flows


@every_guide
def test_a_part_of_a_configuration_is_one_that_the_schema_takes(guide: Guide) -> None:
    made = schema()
    judge = Schema(made)
    flow = made["properties"]["flows"]["additionalProperties"]
    for block in guide.blocks("yaml"):
        for key, value in yaml.safe_load(block).items():
            if key in made["properties"]:
                assert judge.accepts(value, made["properties"][key]), key
            elif isinstance(value, dict) and "intent" in value:
                assert judge.accepts(value, flow), key


@pytest.mark.parametrize("name", ["docs/first-configuration.md", "docs/premiere-configuration.md"])
def test_every_secret_of_the_first_hour_is_made_where_it_is_first_named(name: str) -> None:
    made: set[str] = set()
    for section in (ROOT / name).read_text(encoding="utf-8").split("\n## "):
        named = set(re.findall(r"\{file: (secrets/\w+)\}", section))
        made |= set(re.findall(r"> (secrets/\w+)", section))
        assert named <= made, section.partition("\n")[0]


@pytest.mark.parametrize("name", ["docs/security.md", "docs/securite.md"])
def test_every_credential_of_an_account_is_made_and_handed_over(name: str) -> None:
    guide = Guide(ROOT / name)
    named = {each for block in guide.blocks("yaml") for each in re.findall(r"\{credential: (\w+)\}", block)}
    typed, unit = "\n".join(guide.blocks("sh")), "\n".join(guide.blocks("ini"))
    assert len(named) == 4
    assert named == set(re.findall(r"^LoadCredential=(\w+):/etc/retabli/secrets/\1$", unit, re.MULTILINE))
    assert named == set(re.findall(r"(?:> | retabli\.key )/etc/retabli/secrets/(\w+)", typed))
    assert "install -d -m 0700 /etc/retabli/secrets" in typed


SERVICE = [*(ROOT / name for pair in PAIRS for name in pair), *sorted((ROOT / "deploy" / "systemd").glob("*.md"))]


@pytest.mark.parametrize("path", SERVICE, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_run_as_the_service_would_runs_as_its_user(path: Path) -> None:
    for block in Guide(path).blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("systemd-run"):
                assert line.startswith(f"{_handed.SERVICE} ")
                assert "-p LoadCredential=" in line


@pytest.mark.parametrize("guide", french(), ids=lambda guide: str(guide.path.relative_to(ROOT)))
def test_the_french_has_its_no_break_spaces(guide: Guide) -> None:
    for line in guide.prose.splitlines():
        assert not re.search(r" [;!?»%](?:\s|$|[.,)])| :(?:\s|$)|« ", line), line


def test_the_causes_that_guides_link_to_are_causes() -> None:
    for guide in guides():
        for link in guide.links():
            name, _, heading = link.partition("causes.md#")
            if heading and guide.path.parent.name == "docs":
                assert heading in every_cause() or heading.startswith(("common", "communes", "index")), name
