"""`kinds`: each kind as its own model has it."""

import pytest
from pydantic import BaseModel

import probes
from commands._kind_print import description, settings
from commands._setting_french import FRENCH
from config.schema import of_kind
from config.web_settings import User, Web
from retabli.alerts.channels import CHANNELS
from retabli.model.causes import COMMON
from tests.commands.terminal import typed


@pytest.mark.parametrize("language", ["fr", "en"])
def test_without_a_kind_all_are_listed_with_a_sentence(language: str) -> None:
    ended = typed("kinds", "--lang", language)
    assert (ended.code, ended.err) == (0, "")
    for name in probes.kinds():
        assert any(line.startswith(f"{name} ") and len(line.split()) > 2 for line in ended.lines), name


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", probes.kinds())
def test_a_kind_is_documented_to_its_last_setting_rung_and_cause(name: str, language: str) -> None:
    ended = typed("kinds", name, "--lang", language)
    assert (ended.code, ended.err) == (0, "")
    kind = probes.kind(name)
    shown = [line.split()[0] for line in ended.lines if line.startswith("  ") and not line.startswith("   ")]
    for key, entry in kind.model_fields.items():
        assert key == "kind" or (entry.alias or key) in shown, key
    assert all(cause.code in shown for cause in (*kind.CAUSES, *COMMON))
    for number, stage in enumerate(kind.LADDER, 1):
        assert any(line.split()[:2] == [str(number), stage.id] for line in ended.lines), stage
        assert stage.words[language] in ended.out
    assert max(map(len, ended.lines)) <= 80


def test_what_must_be_given_is_told_from_what_has_a_default() -> None:
    lines = typed("kinds", "tls").lines
    assert "  host  text, required" in lines
    assert "  port  whole number 1…65535, default 443" in lines
    assert "  tls.mode  none | starttls | implicit, default implicit" in lines
    assert "  every  duration, default 30s" in lines
    assert "  every  duration, default 60s" in typed("kinds", "mail_loop").lines


def test_a_mapping_that_was_told_of_already_is_named_and_not_told_again() -> None:
    lines = typed("kinds", "containment").lines
    assert "  control.alive  mapping, as attempts[].alive" in lines
    assert sum(".promql.query  " in line for line in lines) == 1
    assert "  attempts[].alive.declared  true | text" in lines


def test_the_kinds_own_descriptions_are_french_where_a_french_one_is_kept_and_none_is_kept_for_nothing() -> None:
    described = set[str]()
    models: list[type[BaseModel]] = [*map(probes.kind, probes.kinds()), *CHANNELS.values(), Web, User]
    for model in models:
        described |= {shape["description"] for _, shape, _ in settings(of_kind(model)) if "description" in shape}
    assert set(FRENCH) <= described
    french = typed("kinds", "sftp", "--lang", "fr").out
    assert "celle de la clé privée" in french
    assert "the private key's" not in french


def test_each_setting_of_web_is_described_in_both_languages() -> None:
    for path, shape, _ in [*settings(of_kind(Web)), *settings(of_kind(User))]:
        assert shape.get("description"), path
        assert shape["description"] in FRENCH, path


def test_a_kind_that_does_not_exist_is_refused_with_the_nearest() -> None:
    ended = typed("kinds", "smpt")
    assert (ended.code, ended.out, ended.err) == (2, "", 'there is no kind "smpt" (did you mean "smtp"?)\n')


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_setting_of_a_kind_or_channel_is_left_without_a_word(language: str) -> None:
    models = {**{name: probes.kind(name) for name in probes.kinds()}, **CHANNELS}
    silent = [
        f"{name}: {path}"
        for name, model in models.items()
        for path, shape, _ in settings(of_kind(model))
        if not description(path, shape, language)
    ]
    assert silent == []
