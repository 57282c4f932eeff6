"""A mailbox read by IMAP on the ladder's connection: opened, selected, searched, fetched, cleared (RFC 3501, 9051)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder, cause_of, detail_of
from retabli.model.settings import Mailbox, Resolver
from retabli.model.stages import Stage
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.farewell import part
from retabli.net.mail import imap_causes
from retabli.net.mail.credentials import clear_fault, plain, refuse_clear
from retabli.net.mail.imap_messages import HEADER_LIMIT, Fetched, messages_of
from retabli.net.mail.imap_parse import (
    LARGEST_UID,
    Criterion,
    Status,
    criteria_pieces,
    encode_folder,
    is_quotable,
    number,
    quoted,
    uid_set,
)
from retabli.net.mail.imap_talk import ANSWER_LIMIT, Answer, ImapTalk
from retabli.net.mail.starttls import session_stages, start_tls_after_agreement

CAUSES = imap_causes.CAUSES
LOOK_AGAIN = 1.0  # seconds between two looks where the server has no IDLE


def mailbox_stages(mailbox: Mailbox) -> tuple[Stage, ...]:
    """The rungs that `open_mailbox` climbs with these settings, in order."""
    return (*session_stages(mailbox.tls), stages.AUTH)


def mailbox_faults(mailbox: Mailbox) -> Iterator[str]:
    """What these settings have wrong together, as sentences for `check`."""
    if fault := clear_fault(mailbox.tls, mailbox.imap):
        yield fault
    if mailbox.tls.mode == "starttls" and mailbox.port == 993:
        yield "port 993 speaks TLS from the first byte: set tls.mode to implicit (RFC 8314, section 3.2)"


async def open_mailbox(
    mailbox: Mailbox, *, ladder: Ladder | None = None, resolver: Resolver | None = None
) -> "ImapSession":
    """A session that is logged in; no folder is selected yet. The caller ends it, by `async with session:`.

    With a ladder it climbs the rungs of `mailbox_stages`. Without one the caller stands on a rung of its own, and
    whatever fails is a Fall whose detail begins with the name of the step (`auth: NO [AUTHENTICATIONFAILED] …`).

    Raises:
        Fall: one of CAUSES or a common cause; with a ladder also other errors, as the ladder's table knows them.
    """
    if ladder is not None:
        return await _open(mailbox, ladder, resolver)
    steps = Ladder(mailbox_stages(mailbox))
    try:
        return await _open(mailbox, steps, resolver)
    except (Fall, OSError) as error:  # ssl.SSLError and TimeoutError are OSErrors
        found = cause_of(error)
        if found is None:
            raise
        step = steps.finish(beat=0.0, started=0.0, error=error).stage
        raise Fall(found, f"{step}: {detail_of(error)}") from error


async def _open(mailbox: Mailbox, ladder: Ladder, resolver: Resolver | None) -> "ImapSession":
    connection = await open_connection(ladder, mailbox.imap, mailbox.port, resolver=resolver, tls=mailbox.tls)
    session = ImapSession(connection)
    try:
        await session.begin(ladder, mailbox)
    except BaseException:
        connection.abort()
        raise
    return session


@dataclass(frozen=True, slots=True)
class SelectResult:
    """What SELECT told of a folder. UIDs hold only under the same `uid_validity` (RFC 3501, section 2.3.1.1)."""

    exists: int
    uid_validity: int
    uid_next: int


class ImapSession:
    """One conversation. Every method is bounded in what it reads; time is bounded by the run's deadline."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._talk = ImapTalk(connection)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is None:
            await self.logout()
        else:
            self.connection.abort()

    @property
    def capabilities(self) -> frozenset[str]:
        return self._talk.capabilities

    @property
    def exists(self) -> int:
        """How many messages the selected folder holds, as last told."""
        return self._talk.exists

    # Opening -------------------------------------------------------------------------------------------------------

    async def begin(self, ladder: Ladder, mailbox: Mailbox) -> None:
        """GREETING, STARTTLS and TLS where the settings want them, and AUTH."""
        with ladder.rung(stages.GREETING):
            greeting = await self._talk.greeting()
            await self._need_capabilities()
        if mailbox.tls.mode == "starttls":
            with ladder.rung(stages.STARTTLS):
                await self._starttls()
            try:
                with ladder.rung(stages.TLS):
                    await start_tls_after_agreement(self.connection, mailbox.tls, mailbox.imap)
                    await self._must("CAPABILITY", imap_causes.of_command)  # what was said in clear does not count
            finally:
                self.connection.note(ladder)
        with ladder.rung(stages.AUTH):
            if greeting.kind != "PREAUTH":
                await self._log_in(mailbox)

    async def _need_capabilities(self) -> None:
        if not self._talk.capabilities:
            await self._must("CAPABILITY", imap_causes.of_command)

    async def _starttls(self) -> None:
        if "STARTTLS" not in self.capabilities:
            raise Fall(imap_causes.STARTTLS_NOT_OFFERED)
        answer = await self._talk.command(b"STARTTLS")
        if not answer.ok:
            raise Fall(imap_causes.STARTTLS_REFUSED, str(answer.status))
        self._talk.capabilities = frozenset()

    async def _log_in(self, mailbox: Mailbox) -> None:
        """One attempt; never in clear to another machine. No detail holds what we sent."""
        refuse_clear(self.connection.tls is not None, self.connection.address)
        password = mailbox.password.text()
        self._talk.capabilities, offered = frozenset(), self._talk.capabilities  # new ones hold after the login
        if "AUTH=PLAIN" in offered:
            secret = plain(mailbox.user, password)
            if "SASL-IR" in offered:
                answer = await self._talk.command(b"AUTHENTICATE PLAIN " + secret)
            else:
                answer = await self._talk.converse(b"AUTHENTICATE PLAIN", secret)
        elif "LOGINDISABLED" not in offered:
            words = [quoted(word) if is_quotable(word) else word for word in (mailbox.user, password)]
            answer = await self._talk.command(b"LOGIN", *words)
        else:
            raise Fall(imap_causes.LOGIN_DISABLED, " ".join(sorted(offered)))
        if not answer.ok:
            told = str(answer.status)
            raise Fall(imap_causes.of_login(answer.status), answer.status.kind if password in told else told)
        await self._need_capabilities()

    # Reading -------------------------------------------------------------------------------------------------------

    async def select(self, folder: str, *, read_only: bool = False) -> SelectResult:
        """SELECT, or EXAMINE, which changes nothing.

        Raises:
            Fall: `mailbox_missing`, `mailbox_denied`, `imap_unavailable`.
        """
        verb = "EXAMINE" if read_only else "SELECT"
        answer = await self._must(verb, imap_causes.of_select, quoted(encode_folder(folder)))
        told = {r.status.code: r.status.arguments for r in answer.data if r.status is not None}
        exists = [response.number for response in answer.about("EXISTS")]
        return SelectResult(
            exists[-1] if exists else 0,
            number(told.get("UIDVALIDITY", "").encode()),
            number(told.get("UIDNEXT", "").encode()),
        )

    async def search(self, criteria: Sequence[Criterion]) -> list[int]:
        """The UIDs of the messages that fit, ascending: `["HEADER", "X-Token", "abc", "SINCE", date(2023, 7, 3)]`.

        Raises:
            Fall: `garbage` also when something is found that is no UID (RFC 3501, section 9, nz-number): a mailbox
                whose answers make no sense is not to be taken for an empty one.
        """
        pieces = criteria_pieces(criteria or ("ALL",))
        charset = [b"CHARSET", b"UTF-8"] if any(isinstance(piece, str) for piece in pieces) else []
        answer = await self._must("UID SEARCH", imap_causes.of_command, *charset, *pieces)
        found: set[int] = set()
        for response in answer.about("SEARCH"):
            for value in response.values[1:]:
                if isinstance(value, tuple):
                    continue  # (MODSEQ 917162500), of RFC 7162
                uid = number(value)
                if not 0 < uid <= LARGEST_UID:
                    raise Fall(causes.GARBAGE, b"UID SEARCH: " + (value or b"NIL"))
                found.add(uid)
        return sorted(found)

    async def fetch(self, uids: Sequence[int], *, body_limit: int | None = None) -> list[Fetched]:
        """The messages' headers; with `body_limit` their first that many bytes, headers included. Nothing is marked
        as seen. A UID that is gone gives nothing.
        """
        item = b"BODY.PEEK[HEADER]<0.%d>" % HEADER_LIMIT if body_limit is None else b"BODY.PEEK[]<0.%d>" % body_limit
        each = (HEADER_LIMIT if body_limit is None else body_limit) + 4096
        step = max(1, min(100, ANSWER_LIMIT // each))
        wanted = sorted(set(uids))
        found: list[Fetched] = []
        for place in range(0, len(wanted), step):
            some = wanted[place : place + step]
            answer = await self._must(
                "UID FETCH",
                imap_causes.of_command,
                uid_set(some),
                b"(UID FLAGS RFC822.SIZE INTERNALDATE " + item + b")",
                literal_limit=each,
                limit=max(ANSWER_LIMIT, step * each),
            )
            found += messages_of(answer.about("FETCH"), set(some))
        return found

    async def noop(self) -> bool:
        """Whether the folder's content has changed since anything was last asked."""
        before = self._talk.changes
        await self._must("NOOP", imap_causes.of_command)
        return self._talk.changes != before

    async def idle(self, seconds: float) -> bool:
        """Wait until the folder's content changes, for that long at most; whether it did.

        By IDLE where the server has it, else by looking every second.
        """
        if "IDLE" in self.capabilities:
            return await self._talk.idle(seconds)
        end = asyncio.get_running_loop().time() + seconds
        while not await self.noop():
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await asyncio.sleep(min(left, LOOK_AGAIN))
        return True

    # Clearing and ending -------------------------------------------------------------------------------------------

    async def delete(self, uids: Sequence[int]) -> bool:
        """Remove these messages and no other; whether they are gone.

        Without UIDPLUS (RFC 4315) an EXPUNGE takes everything that is marked: it is done only when nothing else is,
        otherwise ours stay marked (False).
        """
        if not uids:
            return True
        await self._must("UID STORE", imap_causes.of_command, uid_set(uids), rb"+FLAGS.SILENT (\Deleted)")
        if "UIDPLUS" in self.capabilities or "IMAP4REV2" in self.capabilities:
            await self._must("UID EXPUNGE", imap_causes.of_command, uid_set(uids))
            return True
        if not set(await self.search(["DELETED"])) <= set(uids):
            return False
        await self._must("EXPUNGE", imap_causes.of_command)
        return True

    async def logout(self) -> None:
        """LOGOUT, waiting a moment at most for the answer, and close."""
        self._talk.leaving = True
        await part(self.connection, lambda: self._talk.command(b"LOGOUT"))

    async def _must(
        self,
        verb: str,
        judge: Callable[[Status], Cause],
        *pieces: bytes | str,
        literal_limit: int = ANSWER_LIMIT,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        answer = await self._talk.command(verb.encode("ascii"), *pieces, literal_limit=literal_limit, limit=limit)
        if not answer.ok:
            raise Fall(judge(answer.status), f"{verb}: {answer.status}")
        return answer
