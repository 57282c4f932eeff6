"""What operators write, and what we write for others: configuration, settings, rows, metrics, feeds, messages."""

import csv
import html
import io
import json
import sqlite3
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import prometheus_client.openmetrics.parser
import prometheus_client.parser
import yaml

from config.plain_values import Reading, budget
from config.sections import parse_listen
from config.yaml_lines import Lines, Unreadable, compose
from retabli.alerts.channels.placeholders import as_text, faults, filled, summary_of
from retabli.metrics.exposition import Family, labels, wants_openmetrics
from retabli.model.flow import Require
from retabli.model.hours import Hours
from retabli.model.profile import MIDNIGHT, Profile
from retabli.model.profile import parse as parse_quiet
from retabli.model.result import clean
from retabli.model.settings import LONGEST, format_duration, parse_duration, split_host_port
from retabli.published.badge import COLOURS, Badge, badge
from retabli.published.feed import Feed, FeedEntry, feed
from retabli.published.page import templates
from retabli.published.typeset import typeset
from retabli.report.forms import written
from retabli.report.text import Item, Report, Section
from retabli.store.chain import GENESIS, GENESIS_HASH, canonical, link, verify
from retabli.store.encoding import as_object, as_run
from retabli.store.exports import COLUMNS, Export
from retabli.store.facts import LogRow
from retabli.store.outgoing import Outgoing
from retabli.store.schema import MIGRATIONS
from retabli.web.inert import inert
from tests.fuzz.feeding import Fell, Taken, assert_one_line, outcome
from tests.fuzz.target import Target, words

NAME = "a.yaml"


def yaml_file(data: bytes) -> None:
    """A file is values with the lines they stand on, or one sentence with the line at fault; another reader agrees."""
    root = outcome(lambda: compose(data, NAME), Unreadable)
    if isinstance(root, Fell):
        fault = _refusal(data)
        assert fault.file == NAME
        assert (
            0 <= fault.line <= data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + data.count(b"\xe2") + 2
        )
        assert fault.sentence
        return
    node, nodes = root
    if node is None:
        return
    reading = Reading(budget(nodes))
    values = outcome(lambda: reading.value(node), Unreadable)
    lines = Lines(node)
    for _, steps, sentence in reading.wrong:
        assert sentence
        file, line = lines.of(steps)
        assert (file, line > 0) == (NAME, True)
    if isinstance(values, Fell) or reading.wrong:
        return
    for steps in _paths(values):
        assert (
            lines.of(steps)[1]
            <= data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + data.count(b"\xe2") + 1
        )
    try:
        known = yaml.load(data, yaml.BaseLoader)  # noqa: S506 - texts only
    except yaml.YAMLError:
        return
    if b"<<" not in data and b"\xef\xbb\xbf" not in data:  # a mark of order within is no character to libyaml
        assert list(map(str, known)) == list(values)


def _lines(data: bytes) -> int:
    """At most: whatever YAML takes for the end of a line."""
    return 1 + sum(map(data.count, (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80")))


def _refusal(data: bytes) -> Unreadable:
    try:
        compose(data, NAME)
    except Unreadable as error:
        return error
    raise AssertionError("it was refused once, and then read")


def _paths(value: Any, steps: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [steps, *(path for key, each in inner for path in _paths(each, (*steps, key)))][:200]


def settings(data: bytes) -> None:
    """Durations, shares, addresses and hours are read as they are written, or refused by a sentence."""
    text = data.decode("utf-8", "replace")
    seconds = outcome(lambda: parse_duration(text), ValueError)
    if not isinstance(seconds, Fell):
        assert 0 <= seconds <= LONGEST
        assert abs(parse_duration(format_duration(seconds)) - seconds) < 0.00050001  # half a one, and floats
    share = Require(text)
    for units in (1, 3, 40):
        wanted = outcome(lambda units=units: share.of(units), ValueError)  # type: ignore[misc]
        assert isinstance(wanted, Fell) or 1 <= wanted <= units
    listen = outcome(lambda: parse_listen(text), ValueError)
    if not isinstance(listen, Fell):
        assert 0 <= listen[1] <= 65_535
        assert listen[0]
    split = outcome(lambda: split_host_port(text, 0), ValueError)
    assert isinstance(split, Fell) or isinstance(split[1], int)
    quiet = outcome(lambda: parse_quiet(text), ValueError)
    if not isinstance(quiet, Fell):
        for each in quiet:
            assert 0 <= each.begin <= each.end <= MIDNIGHT
            assert each.weekdays <= set(range(7))
        now = 1_688_371_200.0
        assert 0 <= Profile((text,), quiet).expected(now - 9e5, now) <= 9e5
        assert isinstance(Hours((text,), quiet).cover(now), bool)


def row(data: bytes) -> None:
    """A row of results is a run, or one of three errors; a chain holds as it was written, and any change shows."""
    taken = Taken(data)
    rungs = taken.text()
    found: Any = (1.0, taken.text(), 1, "connect", None, None, taken.text(), 0.5, rungs)
    run = outcome(lambda: as_run(found), ValueError, LookupError, TypeError)
    if not isinstance(run, Fell):
        assert len(run.rungs) == len(as_object("p", "", found)["rungs"])
    value = {taken.text(): taken.text(), "n": taken.number(99)}
    text = canonical(value)
    assert text.isascii()
    assert json.loads(text) == value
    event, flow = taken.text(), taken.text()
    hash_ = link(GENESIS_HASH, 1, 2.5, event, flow, text)
    rows = [(*GENESIS, GENESIS_HASH), (1, 2.5, event, flow, text, hash_)]
    assert verify(rows, (1, hash_)).fault is None
    for changed in (
        (1, 2.5, event + "x", flow, text, hash_),
        (1, 2.25, event, flow, text, hash_),
        (1, 2.5, event, None, text, hash_),
        (1, 2.5, event, flow, text + " ", hash_),
        (1, 2.5, event, flow, taken.rest, hash_),
        (2, 2.5, event, flow, text, hash_),
    ):
        assert verify([rows[0], changed], (1, hash_)).fault is not None  # type: ignore[list-item]
    assert verify(rows[:1], (1, hash_)).fault is not None


def export(data: bytes) -> None:
    """A log read back from CSV and JSON is the same; no cell is a formula, under any separator."""
    taken = Taken(data)
    separator = ",;\t"[taken.number(3)]
    event, flow = taken.text(), taken.text()
    value = {taken.text(): taken.text(), "n": [-taken.number(9), taken.text()]}
    log_row = LogRow(7, float(taken.number(2**33)), event, flow, value, "ab" * 32)
    for language in ("fr", "en"):
        made = Export(language, None)
        assert json.loads(made.json(log_row))["data"] == value
        [cells] = csv.reader(io.StringIO(made.csv([log_row], separator)), delimiter=separator)
        assert len(cells) == len(COLUMNS)
        assert json.loads(cells[COLUMNS.index("data")]) == value
        for other in ",;\t|":
            for cell in (part for each in cells for part in each.split(other)):
                assert not cell.lstrip().startswith(("=", "+", "@")), cell


def outbox(data: bytes) -> None:
    """Whether a channel is owed a page's end is told from what it was given of that page alone."""
    taken = Taken(data)
    connection = sqlite3.connect(":memory:")
    try:
        for migration in MIGRATIONS:
            connection.executescript(migration)
        out = Outgoing(connection, lambda: 1.0)
        given: dict[str, list[str]] = {}
        for _ in range(4):
            incident, kind = taken.text().replace("-", ""), ("firing", "resolved", "reminder-1")[taken.number(3)]
            key = f"{incident}-{kind}"
            if not out.has(key, "duty"):
                out.queue(key, "duty", "flow", taken.text())
                given.setdefault(incident, []).append(kind)
            assert out.has(key, "duty")
            assert not out.has(key, "other")
        for incident, kinds in given.items():
            assert out.owes_end(incident, "duty") == ("resolved" not in kinds), (incident, kinds)
            assert not out.owes_end(f"{incident}x", "duty") or f"{incident}x" in given
    finally:
        connection.close()


def metrics(data: bytes) -> None:
    """Whatever stands in a label or a help, scrapers of both formats read it back."""
    taken = Taken(data)
    value, told, accept = taken.text(), taken.text(), taken.text()
    for family, name, openmetrics in (
        (Family("retabli_a_total", "counter", told), "retabli_a_total", False),
        (Family("retabli_b_info", "info", told), "retabli_b_info", True),
        (Family("retabli_c_seconds", "gauge", told), "retabli_c_seconds", True),
    ):
        page = f"{family.head(openmetrics=openmetrics)}{name}{{{labels(flow=value, probe='p')}}} 1\n"
        if openmetrics:
            read = list(prometheus_client.openmetrics.parser.text_string_to_metric_families(page + "# EOF\n"))  # type: ignore[no-untyped-call]
        else:
            read = list(prometheus_client.parser.text_string_to_metric_families(page))
        [sample] = [sample for each in read for sample in each.samples]
        assert sample.labels == {"flow": value, "probe": "p"}
        assert sample.value == 1
    assert isinstance(wants_openmetrics(accept), bool)
    assert wants_openmetrics("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")
    assert not wants_openmetrics(f"text/plain, {accept}") or "openmetrics" in accept.lower()


def shown_text(data: bytes) -> None:
    """What is shown is one line without control characters, cleaned once and for all, whatever comes from elsewhere."""
    text = data.decode("utf-8", "replace")
    assert_one_line(clean(text))
    assert_one_line(clean(data))
    assert clean(clean(text)) == clean(text)
    for shown in (inert(text, 60), typeset(text, "fr", 60), typeset(text, "en", 60)):
        bare = shown.replace("\u200e", "").replace("\u00a0", " ").replace("\u202f", " ")
        assert bare.isprintable()
        assert len(bare) <= 60
    assert typeset(typeset(text, "fr"), "fr") == typeset(text, "fr")
    assert inert(clean(text)).replace("\u200e", "") == clean(text)


class _Tags(HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def published(data: bytes) -> None:
    """Markup within a text stays a text: in a feed, a badge, and in every form of the report."""
    taken = Taken(data)
    title, said, state = inert(taken.text(), 100), inert(taken.text(), 300), list(COLOURS)[taken.number(len(COLOURS))]
    entry = FeedEntry("tag:a", title, said, "2023-07-03T08:00:00Z", f"https://a.test/{title}", state)
    root = ElementTree.fromstring(feed(Feed("b", "fr", title, said, "c", "d", "e", [entry]), templates()))  # noqa: S314
    atom = "{http://www.w3.org/2005/Atom}"
    assert root.findtext(f"{atom}entry/{atom}summary") == said
    assert root.findtext(f"{atom}title") == title
    drawn = ElementTree.fromstring(badge(Badge(title, said, state), "fr"))  # noqa: S314
    assert [each.tag.rpartition("}")[2] for each in drawn] == ["title", "rect", "path", "svg", "g"]
    report = Report("en", title, (said,), (Section(title, (Item(title, said, state),), ""),))
    page, plain = _Tags(), _Tags()
    page.feed(written(report, "html"))
    plain.feed(written(Report("en", "t", ("u",), (Section("t", (Item("t", "u", state),), ""),)), "html"))
    assert page.tags == plain.tags
    assert clean(html.unescape(said), 1000)[:20] in page.text or "&" in said
    assert written(report, "txt")
    marked = written(report, "md")
    assert not any(f"{char}" in marked.replace(f"\\{char}", "") for char in "<`[")


def message(data: bytes) -> None:
    """A template is filled by what fields hold, which is never read as a template again; a summary is one line."""
    taken = Taken(data)
    template, value = taken.text(), taken.text()
    body: dict[str, Any] = {"title": value, "summary": taken.text(), "text": taken.text(), "reminder": 3}
    told = list(faults({"a": [template]}))
    assert all(each.startswith("a[0]: ") for each in told)
    found = filled({"a": [template], "b": "{title}", "c": "{reminder}", "d": "x{title}"}, body)
    assert found["b"] == value
    assert found["c"] == 3
    assert found["d"] == f"x{value}"
    if "{" not in template and "}" not in template:
        assert found["a"] == [template]
    assert_one_line(summary_of(body))
    assert as_text(found["a"])


TARGETS = (
    Target(
        "yaml-file",
        yaml_file,
        words(
            r"flows:\n  \x20\x20a: 1\n  -\x20  &a\x20  *a  <<: *a  !!int\x20  {  }  [  ]  \x22  '  |\n  >\n  "
            r"---\n  ...\n  # c\n  \t  ?\x20  :\x20  \xc2\x85  \xe2\x80\xa8  \xef\xbb\xbf  %YAML 1.1\n  1e3  "
            r"0x1f  no  ~  \x00  !<tag:a>  \xf0\x9f\x9b\xb0"
        ),
        (
            (b"a: ", b"[", b""),
            (b"a: ", b"{a: ", b""),
            (b"a: ", b"- ", b""),
            (b"", b"? ", b""),
            (b"a: '", b"''", b"'"),
            (b"a: ", b" #", b""),
            (b"a: [", b"a,", b"]"),
            (b"{", b"a, ", b"}"),
            (b"", b"&a ", b"b"),
            (b"a: &a [b]\nc: [", b"*a,", b"]"),
            (b"a: &a {b: c}\nd: {<<: [", b"*a,", b"]}"),
            (b"a: |\n", b"\n", b"b"),
            (b"", b"a\n", b": b"),
        ),
    ),
    Target(
        "settings",
        settings,
        words(
            r"30s  1h30m  500ms  9  all  any  36/40  90%  127.0.0.1:9877  [::1]:  :  mon-fri  08:00-18:00  sun  "
            r"\xd9\xa3  \xc2\xb2  .5  24:00  /"
        ),
        (
            (b"", b"1", b"s"),
            (b"", b"1m", b"x"),
            (b"", b"1.1m", b""),
            (b"[", b":", b""),
            (b"mon", b" ", b"x"),
            (b"", b"9", b"%"),
        ),
    ),
    Target(
        "row",
        row,
        words(
            r"[[\x22tcp\x22,0.1]]  [[\x22tcp\x22,0.1,\x22refused\x22]]  \x00  ok\x00  failed\x00  [  {}  null  "
            r"\x22\\ud800\x22  1e999"
        ),
        ((b"", b"[", b""),),
    ),
    Target(
        "export",
        export,
        words(
            r"\x00  =  +  -  @  ;  ,  |  \t  \r  \n  \x22  '  \xef\xbc\x9d  -1  , -2  state  was  "
            r"=cmd|' /C calc'!A0  \xc2\xa0  \xe2\x80\xa8"
        ),
        (
            (b"\0\0\0\0\0\0", b",-", b"\0\0"),
            (b"\0\0\0\0\0\0", b"; ", b"\0\0"),
            (b"\0\0\0\0\0\0", b", -1", b"\0\0"),
            (b"\0\0\0\0", b"\t", b"\0"),
        ),
        longest=20_000,
    ),
    Target("outbox", outbox, words(r"\x00  7  8  7-resolved  .  -  /  \xff  x\x00\x00\x00\x00\x01"), longest=2048),
    Target(
        "metrics",
        metrics,
        words(
            r"\x00  \\  \n  \x22  }  {  #  \x20  application/openmetrics-text; version=1.0.0;q=nan  ,  ;  q=  "
            r"text/plain  \r  \xc2\x85"
        ),
        ((b"", b"\\", b""), (b"", b'"', b""), (b"\0\0", b",", b""), (b"\0\0a", b";q=1", b"")),
    ),
    Target(
        "shown-text",
        shown_text,
        words(
            r"\x1b[31m  \xe2\x80\xae  \xc2\xa0  \xe2\x80\xaf  \xd7\x90  \xd8\xa7  \n  \x00  \xc2\xad  "
            r"\xe2\x80\x8b  \xc2\xbb  \xc2\xab  10 h 14  ?  \xed\xa0\x80"
        ),
        (
            (b"", b" ", b"x"),
            (b"", b"\xd7\x90", b""),
            (b"", b"\xd7\x90 ", b""),
            (b"", b"1 h ", b""),
            (b"", b"\xc2\xab ", b""),
        ),
    ),
    Target(
        "published",
        published,
        words(
            r"\x00  <script>  </title>  &amp;  &  '  \x22  ]]>  <!--  **  [a](b)  `  javascript:  \xef\xbf\xbe  "
            r"\xd7\x90  #  \xf0\x9f\x9b\xb0"
        ),
    ),
    Target(
        "message",
        message,
        words(r"{  }  {{  }}  {title}  {summary}  {nonsense}  \x00  \n  {title  token  {{title}}"),
        ((b"", b"{", b""), (b"", b"{a", b""), (b"", b"}", b""), (b"\0\0", b"\n", b"x")),
    ),
)
