"""IMAP's responses become values or a fall, whatever a server sends; and what we write is what servers read."""

from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imapclient import imap_utf7, response_parser

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.net.mail import imap_causes
from retabli.net.mail.imap_messages import arrival, messages_of
from retabli.net.mail.imap_parse import (
    Response,
    Status,
    announced_literal,
    criteria_pieces,
    encode_folder,
    quoted,
    uid_set,
)
from retabli.net.mail.imap_talk import LINE_LIMIT, ImapTalk, read_response

T = TypeVar("T")


class Canned:
    """A connection that has received everything beforehand."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.taken = 0

    async def send(self, data: bytes) -> None:
        pass

    async def read_line(self, limit: int) -> bytes:
        end = self._data.find(b"\n", self.taken, self.taken + limit)
        if end < 0:
            raise Fall(causes.TOO_LONG if len(self._data) - self.taken >= limit else causes.CLOSED_EARLY)
        line, self.taken = self._data[self.taken : end + 1], end + 1
        return line

    async def read_exactly(self, size: int) -> bytes:
        if len(self._data) - self.taken < size:
            raise Fall(causes.CLOSED_EARLY)
        self.taken += size
        return self._data[self.taken - size : self.taken]


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that has nothing to wait for."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    raise AssertionError("it waited")


def read(data: bytes) -> Response:
    return finished(read_response(Canned(data)))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"* OK [UIDVALIDITY 3857529045] UIDs valid", Status("OK", "UIDVALIDITY", "3857529045", "UIDs valid")),
        (b"R1 NO [ALERT] x [y] z", Status("NO", "ALERT", "", "x [y] z")),
        (b"* ok", Status("OK")),
        (b"* BYE see you {12}", Status("BYE", "", "", "see you {12}")),
        (b"R1 BAD [broken", Status("BAD", "", "", "[broken")),
    ],
)
def test_a_status_is_read_with_its_code(line: bytes, status: Status) -> None:
    assert read(line + b"\r\n").status == status


def test_a_text_that_looks_like_a_literal_announces_none() -> None:
    assert announced_literal(b"* OK you owe {12}") is None
    assert announced_literal(b"+ go {12}") is None
    assert announced_literal(b"* 1 FETCH (BODY[] {12}") == 12
    assert announced_literal(b"* 1 FETCH (BINARY[] ~{12}") == 12
    assert announced_literal(b" OK {3}", first=False) == 3


def test_lists_strings_literals_and_nil_become_values() -> None:
    response = read(b'* LIST (\\HasNoChildren) "/" NIL {5}\r\na\r\nb) "q\\"\\\\" "NIL" () ~{1}\r\nx\r\n')
    assert response.values == (b"LIST", (b"\\HasNoChildren",), b"/", None, b"a\r\nb)", b'q"\\', b"NIL", (), b"x")


def test_a_section_is_part_of_its_atom() -> None:
    response = read(b"* 3 FETCH (BODY[HEADER.FIELDS (SUBJECT)]<0> {3}\r\na b UID 9)\r\n")
    assert response.values == (b"3", b"FETCH", (b"BODY[HEADER.FIELDS (SUBJECT)]<0>", b"a b", b"UID", b"9"))
    assert (response.name, response.number) == ("FETCH", 3)


@pytest.mark.parametrize(
    "line", [b"", b"hello there", b"* (", b"* )", b'* "open', b"* " + b"(" * 40 + b")" * 40, b"* [x", b"R1 LIST x"]
)
def test_what_is_no_response_is_garbage(line: bytes) -> None:
    with pytest.raises(Fall) as fall:
        read(line + b"\r\n")
    assert fall.value.cause.code == "garbage"


def test_a_literal_is_refused_by_its_length_before_a_byte_of_it_is_read() -> None:
    wire = Canned(b"* 1 FETCH (BODY[] {4294967296}\r\nabc")
    with pytest.raises(Fall) as fall:
        finished(read_response(wire))
    assert fall.value.cause.code == "too_long"
    assert wire.taken == len(b"* 1 FETCH (BODY[] {4294967296}\r\n")


@pytest.mark.parametrize(
    "flood", [b"* OK x\r\n", b"* LIST {0}\r\n\r\n", b"* LIST ({900000}\r\n" + b"x" * 900_000 + b")\r\n"]
)
def test_all_that_answers_one_command_is_bounded(flood: bytes) -> None:
    wire = Canned(flood * (8_000_000 // len(flood)))
    with pytest.raises(Fall) as fall:
        finished(ImapTalk(wire).command(b"NOOP"))
    assert fall.value.cause.code == "too_long"
    assert wire.taken < 5_000_000


_PIECE = st.sampled_from(
    b'* |+ |R1 |OK|NO |FETCH|SEARCH| |(|)|"|\\|{3}\r\n|~{0}\r\n|\r\n|NIL|BODY[|]|<0>|UID 4|\x00|\xff|{99999999}\r\n'
    b"|[ALERT]|12".split(b"|")
)


@given(st.one_of(st.binary(max_size=300), st.lists(_PIECE, max_size=60).map(b"".join)))
def test_no_bytes_raise_anything_but_a_fall(data: bytes) -> None:
    wire = Canned(data + b"\r\n")
    left = ""
    try:
        while True:
            response = finished(read_response(wire))
            messages_of([response], {4})
            if response.status is not None:
                imap_causes.of_login(response.status)
                imap_causes.of_select(response.status)
    except Fall as fall:
        left = fall.cause.code
    assert left in ("garbage", "too_long", "closed_early")


_VALUE = st.recursive(
    st.one_of(st.binary(max_size=20), st.none()), lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12
)


def _written(value: object) -> bytes:
    if value is None:
        return b"NIL"
    if isinstance(value, bytes):
        return b"{%d}\r\n" % len(value) + value
    assert isinstance(value, tuple)
    return b"(" + b" ".join(_written(inner) for inner in value) + b")"


@given(_VALUE)
def test_what_a_server_writes_is_what_we_read(value: object) -> None:
    response = read(b"* X " + _written(value) + b"\r\n")
    assert response.values == (b"X", value)


@pytest.mark.parametrize(
    "line",
    [
        b'1 (FLAGS (\\Seen) UID 4 INTERNALDATE "17-Jul-2023 02:44:25 -0700" RFC822.SIZE 44827)',
        b'2 (UID 5 BODYSTRUCTURE ("TEXT" "PLAIN" ("CHARSET" "x (y") NIL NIL "7BIT" 5 1) FLAGS ())',
        b'3 (UID 6 BODY[HEADER.FIELDS (DATE FROM)] "x y" FLAGS ($Forwarded \\Answered))',
    ],
)
def test_it_reads_a_fetch_as_another_client_does(line: bytes) -> None:
    number, _, rest = line.partition(b" ")
    theirs = response_parser.parse_fetch_response([line], normalise_times=False)
    values = read(b"* " + number + b" FETCH " + rest + b"\r\n").values[2]
    assert isinstance(values, tuple)
    ours = dict(zip(values[::2], values[1::2], strict=True))
    uid = ours.pop(b"UID")
    assert isinstance(uid, bytes)
    assert set(theirs) == {int(uid)}
    assert theirs[int(uid)][b"FLAGS"] == ours[b"FLAGS"]
    if b"INTERNALDATE" in ours:
        assert arrival(ours[b"INTERNALDATE"]) == theirs[int(uid)][b"INTERNALDATE"].timestamp()


def test_an_arrival_is_unix_time_and_what_is_no_date_is_none() -> None:
    assert arrival(b" 3-Jul-2023 09:00:00 +0200") == datetime(2023, 7, 3, 7, 0, tzinfo=UTC).timestamp()
    for odd in (b"31-Feb-2023 09:00:00 +0200", b"3-Xyz-2023 09:00:00 +0200", b"3-Jul-0001 00:00:00 +9900", b"x", None):
        assert arrival(odd) == 0.0


@given(st.text(max_size=40))
def test_folder_names_are_written_as_another_client_writes_them(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return  # half a surrogate pair is no text
    if not all(char.isprintable() for char in name):
        return
    assert encode_folder(name).encode() == imap_utf7.encode(name)


@given(st.sets(st.integers(1, 200), min_size=1))
def test_a_set_of_uids_says_each_once(uids: set[int]) -> None:
    said: list[int] = []
    for part in uid_set(list(uids)).decode().split(","):
        low, _, high = part.partition(":")
        said += range(int(low), int(high or low) + 1)
    assert said == sorted(uids)


@pytest.mark.parametrize("uids", [[], [0], [-1], [2**32]])
def test_what_is_no_uid_is_never_sent(uids: list[int]) -> None:
    with pytest.raises(ValueError, match="UIDs"):
        uid_set(uids)


def test_nothing_that_is_searched_for_can_become_a_command() -> None:
    pieces = criteria_pieces(["SUBJECT", "x\r\nR9 LOGOUT", "BODY", 'a" UNSEEN'])
    assert pieces == [b"SUBJECT", "x\r\nR9 LOGOUT", b"BODY", b'"a\\" UNSEEN"']  # the first goes as a counted literal
    with pytest.raises(ValueError, match="literal"):
        quoted("a\r\nb")


def test_no_two_causes_share_a_name() -> None:
    codes = [cause.code for cause in imap_causes.CAUSES]
    assert len(codes) == len(set(codes))
    assert LINE_LIMIT < 1 << 20
