"""What is remembered of mailboxes: accounts lock, so a refused login waits."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from retabli.model.settings import Mailbox
from retabli.net.mail.login_book import PAUSE
from retabli.net.mail.mailbox_book import MailboxBook, Mark, Unread
from retabli.net.mail.moments import Moment
from retabli.net.mail.sightings import Place

EVERY = 60.0
INBOX = Place("witness", "INBOX")


def at(seconds: float, life: str = "first") -> Moment:
    return Moment(seconds, 1_688_371_200.0 + seconds, life)


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    (tmp_path / "password").write_bytes(b"guess")
    password = {"file": str(tmp_path / "password")}
    return Mailbox.model_validate({"name": "witness", "imap": "imap.test", "user": "probe", "password": password})


def test_after_a_refusal_one_login_per_rhythm(mailbox: Mailbox) -> None:
    book = MailboxBook({})
    assert book.refused(mailbox, at(0), EVERY) == 0
    book.note_refusal(mailbox, at(0))
    assert book.refused(mailbox, at(5), EVERY) == 1
    assert book.refused(mailbox, at(59.5), EVERY) == 0


def test_after_three_refusals_one_login_per_quarter_of_an_hour(mailbox: Mailbox) -> None:
    book = MailboxBook({})
    for second in (0, 60, 120):
        book.note_refusal(mailbox, at(second))
    assert book.refused(mailbox, at(200), EVERY) == 3
    assert book.refused(mailbox, at(120 + PAUSE * 0.9), EVERY) == 3
    assert book.refused(mailbox, at(120 + PAUSE), EVERY) == 0


def test_a_restart_does_not_shorten_the_wait(mailbox: Mailbox) -> None:
    memory: dict[str, Any] = {}
    for second in (0, 60, 120):
        MailboxBook(memory).note_refusal(mailbox, at(second))
    later = Moment(1.0, 1_688_371_200.0 + 300, "second")
    assert MailboxBook(memory).refused(mailbox, later, EVERY) == 3


def test_a_login_that_succeeds_forgets_the_refusals(mailbox: Mailbox) -> None:
    book = MailboxBook({})
    book.note_refusal(mailbox, at(0))
    book.note_login(mailbox)
    assert book.refused(mailbox, at(1), EVERY) == 0


def test_a_changed_password_lifts_the_wait(mailbox: Mailbox) -> None:
    book = MailboxBook({})
    book.note_refusal(mailbox, at(0))
    assert mailbox.password.path is not None
    os.utime(mailbox.password.path, (1, 1))
    assert book.refused(mailbox, at(1), EVERY) == 0


def test_clearing_takes_its_turn_now_and_then(mailbox: Mailbox) -> None:
    book = MailboxBook({})
    assert [book.is_time_to_clear(mailbox, at(hour * 3600.0)) for hour in (0, 1, 5, 7, 8)] == [
        *(True, False, False, True, False)
    ]


def test_any_memory_is_survived(mailbox: Mailbox) -> None:
    broken: dict[str, Any] = {"marks": 1, "logins": {"witness": "x"}, "cleared": []}
    book = MailboxBook(broken)
    assert book.mark(INBOX) == Mark()
    assert book.refused(mailbox, at(0), EVERY) == 0
    for unread in (1, [], [7, 0, 3], [7, 0, [3, [], [3, 0, None, None], {"uid": 3}]], ["7", 0, []]):
        memory: dict[str, Any] = {}
        MailboxBook(memory).set_mark(INBOX, Mark(7, 9, at(0)))
        memory["unread"] = {INBOX.name: unread}
        assert MailboxBook(memory).mark(INBOX) == Mark(7, 9, at(0))


MARK = Mark(7, 9, at(60), (Unread(3, at(10), None), Unread(8, at(50), at(40), tries=2)), given_up=2)


def test_a_mark_and_what_is_unread_outlive_a_restart() -> None:
    memory: dict[str, Any] = {}
    MailboxBook(memory).set_mark(INBOX, MARK)
    assert MailboxBook(json.loads(json.dumps(memory))).mark(INBOX) == MARK


def test_an_older_version_reads_the_marks_as_it_wrote_them_and_its_own_are_read() -> None:
    memory: dict[str, Any] = {}
    MailboxBook(memory).set_mark(INBOX, MARK)
    assert memory["marks"] == {INBOX.name: [7, 9, at(60).as_json()]}
    del memory["unread"]
    assert MailboxBook(memory).mark(INBOX) == Mark(7, 9, at(60))


def test_what_is_unread_under_another_uidvalidity_is_forgotten() -> None:
    memory: dict[str, Any] = {}
    MailboxBook(memory).set_mark(INBOX, MARK)
    assert MARK.under(8) == Mark(8)
    memory["marks"][INBOX.name] = [8, 1, at(90).as_json()]  # by an older version, after ours
    assert MailboxBook(memory).mark(INBOX) == Mark(8, 1, at(90))
