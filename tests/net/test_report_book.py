"""What a unit remembers of its reports."""

import json
from typing import Any

from retabli.net.mail import dsn, tokens
from retabli.net.mail.mdn import Answer, Disposition
from retabli.net.mail.tokens import Purpose
from retabli.net.reports.report_book import MOST, ReportBook, control_id_of

KEY = b"the key of these tests"


def token(number: int = 1) -> tokens.Token:
    return tokens.sign(KEY, Purpose.REPORT, "0123456789ab", number, 1_688_371_200_000)


def test_a_control_id_finds_its_token_again_across_a_restart() -> None:
    memory: dict[str, Any] = {}
    given = ReportBook(memory, KEY).give(token())
    assert (len(given), given[:2]) == (20, "RT")
    after = ReportBook(json.loads(json.dumps(memory)), KEY)
    assert after.find(f"report {given}.") == token()
    assert after.find(f"report {given.upper()}.") == token()
    assert after.find(f"report x{given}") is None
    assert after.find(f"report {given}0") is None


def test_what_was_never_given_or_is_signed_by_another_key_is_not_found() -> None:
    memory: dict[str, Any] = {}
    given = ReportBook(memory, KEY).give(token())
    assert ReportBook({}, KEY).find(given) is None
    assert ReportBook(memory, b"another").find(given) is None
    assert control_id_of(b"another", token()) != given


def test_a_text_full_of_control_ids_costs_no_more_than_a_few() -> None:
    memory: dict[str, Any] = {}
    book = ReportBook(memory, KEY)
    given = book.give(token())
    assert book.find(" ".join(f"RT{number:018x}" for number in range(100)) + f" {given}") is None


def test_the_book_is_bounded_and_forgets_the_oldest() -> None:
    memory: dict[str, Any] = {}
    book = ReportBook(memory, KEY)
    given = [book.give(token(number)) for number in range(MOST + 10)]
    assert len(memory["reports"]["control_ids"]) == MOST
    assert book.find(given[0]) is None
    assert book.find(given[-1]) == token(MOST + 9)


def test_a_memory_that_holds_something_else_is_begun_anew() -> None:
    for memory in ({"reports": 3}, {"reports": {"control_ids": [1]}}):
        book = ReportBook(memory, KEY)
        assert book.find(book.give(token())) == token()


def test_an_answer_is_known_by_token_and_by_message_in_either_order() -> None:
    book = ReportBook({}, KEY)
    book.answered(Disposition("displayed", error=False, message_id=""), token(1))
    book.carried("<two@x>", token(2))
    book.answered(Disposition("deleted", error=False, message_id="<two@x>"), None)
    book.answered(Disposition("processed", error=True, message_id="<three@x>"), None)
    book.carried("<three@x>", token(3))
    assert book.answer(token(1)) == Answer("displayed", read=True)
    assert book.answer(token(2)) == Answer("deleted", read=False)
    assert book.answer(token(3)) == Answer("processed", read=False)
    assert book.answer(token(4)) is None


def test_a_disposition_is_read_whatever_surrounds_it() -> None:
    part = b"--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
    head = b"Content-Type: multipart/report; boundary=b\r\n\r\n"

    def parsed(fields: bytes) -> Disposition | None:
        told = dsn.parse(head + part + fields + b"\r\n--b--\r\n", KEY)
        return told.disposition if told is not None else None

    assert parsed(b"Disposition: automatic-action/MDN-sent-automatically; displayed\r\n") == Disposition(
        "displayed", error=False, message_id=""
    )
    assert parsed(b"Original-Message-ID: <a@b>\r\nDisposition:\r\n manual-action/x; Deleted / warning, error\r\n") == (
        Disposition("deleted", error=True, message_id="<a@b>")
    )
    assert parsed(b"Disposition: displayed\r\n") is None
    assert parsed(b"") is None
    assert dsn.parse(b"Disposition: a; displayed\r\n\r\n", KEY) is None
    assert dsn.parse(b"\xff" * 1000, KEY) is None
