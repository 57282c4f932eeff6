"""Whatever a file holds, what comes of it is a configuration or its faults: never a traceback, never a runaway."""

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import probes
from config import Configuration, ConfigurationFault, load
from config.schema import schema
from config.yaml_lines import Unreadable, compose

WELL = """
site: {name: CHU, timezone: Europe/Paris, language: fr, cut_at: 2023-06-21T16:00:00+02:00}
standpoint: inside
state: s.db
web: {listen: "127.0.0.1:0", url: "https://r.example"}
resolver: {nameservers: [10.0.0.53], port: 53}
defaults: {every: 30s, timeout: 10s, rise: 3}
keep: {results: 30d, per_unit: 100}
proxies: {main: {url: "http://proxy.example:3128", denied: {status: [403], header: "X: y", body: z}}}
mailboxes: {in: {imap: i.example, tls: {mode: implicit}, user: u, password: {env: PATH}}}
alerts:
  channels: {duty: {kind: webhook, url: "https://h.example", key: {env: PATH}}}
  routes: [{states: [dropped], to: [duty], remind: 30m}]
flows:
  a:
    title: {fr: A, en: B}
    intent: open
    depends_on: [b]
    require: all
    notice: n
    probes:
      s: {kind: smtp, host: h, port: 25, tls: {mode: starttls}, mail_from: a@b.example, rcpt_to: c@d.example}
      i: {kind: imap, mailbox: in, expect: {search: [ALL], at_least: 1}}
      l: {kind: mail_loop, submit: {host: h}, mail_from: a@b.example, rcpt_to: c@d.example, mailbox: in,
          key: {env: PATH}, within: 90s}
  b: {intent: closed, probes: {p: {kind: tcp, host: h, port: 1}, d: {kind: dns, name: x.example, expect: [10.0.0.1]}}}
"""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=12),
    st.sampled_from(
        ["open", "30s", "a", "2023-07-03T09:00:00+02:00", "900%", "1/2", "[", "(", "*", "\x1b[31m", "\0", "9" * 40]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def judged(path: Path) -> Configuration | ConfigurationFault:
    try:
        return load(path)
    except ConfigurationFault as refusal:
        fault = refusal
    assert fault.faults
    assert all("\n" not in str(each) and "\x1b" not in str(each) for each in fault.faults)
    return fault


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "any.yaml"


def test_what_is_mutated_here_is_sound(path: Path) -> None:
    path.write_text(WELL)
    assert isinstance(judged(path), Configuration)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_faults(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert isinstance(judged(path), ConfigurationFault)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_sound_file_with_its_characters_shuffled_gives_no_traceback(path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not a secret
    text = list(WELL)
    for _ in range(chance.randint(1, 6)):
        text[chance.randrange(len(text))] = chance.choice(" \t\n{}[]:,&*!|>'\"#%@-x0")
    path.write_text("".join(text))
    judged(path)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), value=VALUES)
def test_any_value_in_any_place_gives_no_traceback(path: Path, seed: int, value: Any) -> None:
    tree = yaml.safe_load(WELL.replace("2023-06-21T16:00:00+02:00", "'2023-06-21T16:00:00+02:00'"))
    replace_somewhere(tree, value, random.Random(seed))  # noqa: S311 - not a secret
    path.write_text(yaml.safe_dump(tree, allow_unicode=True))
    judged(path)


def replace_somewhere(tree: Any, value: Any, chance: random.Random) -> None:
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        key = chance.choice(keys)
        if not isinstance(tree[key], dict | list) or not tree[key] or chance.random() < 0.15:
            tree[key] = value
            return
        tree = tree[key]


@settings(max_examples=120, deadline=None)
@given(kind=st.sampled_from(probes.kinds()), data=st.data())
def test_any_settings_of_any_kind_give_no_traceback(path: Path, kind: str, data: st.DataObject) -> None:
    keys = sorted(probes.kind(kind).model_json_schema(by_alias=True)["properties"])
    made = data.draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=8))
    tree = yaml.safe_load(WELL.replace("2023-06-21T16:00:00+02:00", "'2023-06-21T16:00:00+02:00'"))
    tree["flows"] = {"a": {"intent": "open", "probes": {"p": {**made, "kind": kind}}}}
    path.write_text(yaml.safe_dump(tree, allow_unicode=True))
    judged(path)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "- " * 200_000, "{a: " * 200_000, "\n".join(" " * depth + "a:" for depth in range(1000))]
)
def test_a_file_that_nests_without_end_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        compose(text.encode(), "deep.yaml")


def test_a_file_beyond_all_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.yaml_lines.SIZE", 100)
    with pytest.raises(Unreadable, match="larger than"):
        compose(b"#" * 101, "large.yaml")


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [(b"a: 1\nb: \xff", 2, "this is not UTF-8 text"), (b"a: 1\nb: \x01", 2, "a control character stands here")],
)
def test_bytes_that_are_no_text_are_told_with_their_line(content: bytes, line: int, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        compose(content, "bytes.yaml")
    assert (caught.value.line, caught.value.sentence[: len(said)]) == (line, said)


def test_the_schema_of_every_kind_is_in_the_whole_schema() -> None:
    made = schema()
    flow = made["$defs"]["FlowSettings"]["properties"]["probes"]["additionalProperties"]["oneOf"]
    kinds = [made["$defs"][each["$ref"].rpartition("/")[2]]["properties"]["kind"]["const"] for each in flow]
    assert tuple(kinds) == probes.kinds()
