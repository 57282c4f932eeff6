"""What mail servers and mails say: SMTP, IMAP and POP replies, headers, notifications, tokens, reports."""

import email.utils
import re

from imapclient import imap_utf7

from retabli.model.ladder import Fall
from retabli.net.mail import authentication_results, dsn, mail_messages, pop_causes, pop_replies, smtp, tokens
from retabli.net.mail.dsn import Action
from retabli.net.mail.imap_messages import Fetched, arrival, messages_of
from retabli.net.mail.imap_parse import Response, Value, encode_folder, is_quotable, quoted, uid_set
from retabli.net.mail.imap_talk import read_response
from retabli.net.mail.sightings import Kind, Place, sight
from retabli.net.mail.smtp_addresses import check_address, path
from retabli.net.mail.smtp_replies import (
    LINES_LIMIT,
    Reply,
    banner_masked,
    command_masked,
    parse_capabilities,
    read_reply,
)
from retabli.net.mail.tokens import Purpose
from retabli.net.reports import report_mail
from retabli.net.reports.report_book import ReportBook
from tests.fuzz.feeding import Fell, Heard, Taken, alike, assert_one_line, finished, outcome
from tests.fuzz.target import Target, words

KEY = b"a key of the fuzzing alone, of thirty-two bytes"
TOKEN = tokens.sign(KEY, Purpose.LOOP, "0123456789ab", 7, 1_688_371_200_000)


def smtp_reply(data: bytes) -> None:
    """A reply is one of SMTP's codes with its lines, or a fall; it is the same however it comes."""
    found = alike(data, lambda pieces: outcome(lambda: finished(read_reply(Heard(pieces)))))
    if isinstance(found, Fell):
        assert found.cause in ("garbage", "too_long", "closed_early")
        return
    assert 200 <= found.code <= 599
    assert 1 <= len(found.lines) <= LINES_LIMIT
    assert found.enhanced == "" or found.enhanced[0] == str(found.code)[0]
    assert found.good + found.temporary + (found.code >= 500) == 1, "a reply is good, temporary or a refusal"
    assert data.startswith(str(found.code).encode()) or len(found.lines) > 1
    for said in (str(found), found.text, smtp.queue_id(found)):
        assert_one_line(said)


def smtp_capabilities(data: bytes) -> None:
    """What a server offers is its keywords in capitals, whatever else stands there; a size is never made up."""
    lines = tuple(line.rstrip(b"\r") for line in data.split(b"\n"))[:LINES_LIMIT]
    reply = Reply(250, lines)
    offered = parse_capabilities(reply)
    assert all(word == word.upper() and not word.isspace() for word in offered.keywords)
    assert len(offered.keywords) < len(lines) or not offered.keywords
    assert offered.size is None or str(offered.size) in "".join(offered.keywords["SIZE"]).lstrip("0") + " "
    assert parse_capabilities(Reply(250, (lines[0], *lines[1:], *lines[1:]))) == offered, "said twice it is said once"
    assert isinstance(banner_masked(reply) or command_masked(reply), bool)
    assert offered.masked is None or offered.masked in offered


def smtp_transparent(data: bytes) -> None:
    """What DATA carries ends where we end it, and is undone to the same lines (RFC 5321, 4.5.2)."""
    sent = smtp.transparent(data)
    assert sent.endswith(b".\r\n")
    lines = sent.removesuffix(b".\r\n").split(b"\r\n")
    assert lines.pop() == b""
    assert b"." not in lines, "a line of one dot would end the message early"
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", sent)
    undone = [line.removeprefix(b".") if line.startswith(b".") else line for line in lines]
    given = re.split(rb"\r\n|\r|\n", data)
    assert undone == (given[:-1] if given[-1] == b"" else given)


def smtp_address(data: bytes) -> None:
    """An address that is taken can be written into an envelope, and ends nothing there."""
    text = data.decode("utf-8", "replace")
    taken = outcome(lambda: check_address(text), ValueError)
    if isinstance(taken, Fell):
        return
    written = path(taken)
    assert written[:1] == b"<"
    assert written[-1:] == b">"
    assert not re.search(rb"[\x00-\x20<>]", written[1:-1])


def imap_response(data: bytes) -> None:
    """A response is values, a status or a fall; the same however it comes, and the same every time."""
    found = alike(data, lambda pieces: outcome(lambda: finished(_responses(Heard(pieces)))))
    if isinstance(found, Fell):
        assert found.cause in ("garbage", "too_long", "closed_early")
        return
    for response in found:
        assert response.number >= 0
        assert_one_line(response.text)
        if response.status is not None:
            assert response.status.kind in ("OK", "NO", "BAD", "PREAUTH", "BYE")
            assert_one_line(str(response.status))
        assert _weight(response.values) <= len(data)


def _weight(value: Value) -> int:
    if isinstance(value, tuple):
        return sum(map(_weight, value))
    return len(value or b"")


async def _responses(heard: Heard) -> list[Response]:
    found = [await read_response(heard)]
    try:
        while len(found) < 4:
            found.append(await read_response(heard))
    except Fall as fall:
        if fall.cause.code != "closed_early":
            raise
    return found


def imap_fetch(data: bytes) -> None:
    """Only messages that were asked for come out, ascending; what is not told is zero and never negative."""
    found = outcome(lambda: finished(_responses(Heard([data]))))
    if isinstance(found, Fell):
        return
    messages = messages_of(found, {1, 2, 7})
    assert [each.uid for each in messages] == sorted({each.uid for each in messages})
    for each in messages:
        assert each.uid in (1, 2, 7)
        assert each.size >= 0
        assert not each.whole or each.size > 0
        sighted = sight(each, KEY, Place("box", "INBOX"), None)
        assert sighted.token is None or sighted.token == TOKEN


def imap_arrival(data: bytes) -> None:
    """A date is what Python's own reader of mail dates makes of it, or 0.0."""
    at = arrival(data)
    assert at == at
    assert abs(at) < 1e12
    if at > 0 and data[:1].isdigit() and b":60" not in data:  # the other reader takes early years for ours
        text = re.sub(r"^(\d+)-(\w+)-", r"\1 \2 ", data.decode("ascii"))
        assert email.utils.parsedate_to_datetime(text).timestamp() == at


def imap_names(data: bytes) -> None:
    """Folder names and quoted strings are read by another's client as they were meant."""
    text = data.decode("utf-8", "replace")
    assert encode_folder(text).isascii()
    assert imap_utf7.decode(encode_folder(text).encode("ascii")) == text
    if is_quotable(text):
        found = finished(read_response(Heard([b"* " + quoted(text) + b"\r\n"])))
        assert found.values == (text.encode(),)
    numbers = [1 + byte + 256 * place for place, byte in enumerate(data[:20])]
    if numbers:
        told = {
            uid
            for part in uid_set(numbers).split(b",")
            for uid in range(int(part.split(b":")[0]), int(part.split(b":")[-1]) + 1)
        }
        assert told == set(numbers)


def pop_reply(data: bytes) -> None:
    """A status line is one of two; whatever is said in a refusal, it is no success."""
    found = outcome(lambda: pop_replies.reply_of(data))
    if isinstance(found, Fell):
        assert found.cause == pop_causes.NOT_POP.code
        return
    assert found.ok == data.startswith(b"+OK")
    assert_one_line(found.text)
    assert found.code == found.code.upper()
    assert pop_replies.of_login(found).code != "ok"


def header_findings(data: bytes) -> None:
    """Authentication-Results: only the methods and words of RFC 8601 come out, and only of whom is trusted."""
    text = data.decode("latin-1")
    headers = text.split("\0")[:8]
    for trusted in (None, "mx.test"):
        found = authentication_results.read(headers, trusted)
        assert set(found.results) <= set(authentication_results.METHODS)
        assert set(found.results.values()) <= authentication_results.RESULTS
        assert found.by is not None or not found.results
        assert trusted is None or found.by in (None, trusted)


def header_sighting(data: bytes) -> None:
    """Whatever stands in a header, a message is of one kind, and a token of ours only where we signed it."""
    sighted = sight(Fetched(1, frozenset(), len(data), 0.0, data), KEY, Place("box", "INBOX"), None)
    assert sighted.kind in Kind
    if sighted.token is not None:
        assert sighted.token == TOKEN
        assert TOKEN.text in data.decode("latin-1").lower()
    assert sighted.kind is not Kind.TOKEN or sighted.token is not None
    assert set(sighted.authentication("mx.test").results) <= set(authentication_results.METHODS)


def notification(data: bytes) -> None:
    """A notification says one of the actions; whatever it is, it names no token but ours."""
    found = dsn.parse(data, KEY)
    if found is None:
        return
    assert found.action in Action
    assert re.fullmatch(r"|[245]\.\d{1,3}\.\d{1,3}", found.status)
    assert_one_line(found.diagnostic)
    assert found.token in (None, TOKEN)
    assert (found.disposition is None) == (found.action is not Action.DISPOSED)
    assert found.disposition is None or not (found.disposition.error and found.disposition.read)
    assert not (found.bounced and found.disposition)


def token(data: bytes) -> None:
    """No bytes but those that we signed are a token, wherever they stand."""
    text = data.decode("latin-1")
    found = tokens.find(KEY, text)
    if found is not None:
        assert found == TOKEN
        assert TOKEN.text in text.lower()
    taken = Taken(data)
    purpose = list(Purpose)[taken.number(len(Purpose))]
    made = tokens.sign(KEY, purpose, taken.octets(6).ljust(6, b"\0").hex(), taken.number(10**10), 1_688_371_200_000)
    assert tokens.verify(KEY, made.text) == made
    assert tokens.find(KEY, f"<{made.text.upper()}@relay.test>") == made
    broken = made.text[:-1] + ("0" if made.text[-1] != "0" else "1")
    assert tokens.verify(KEY, broken) is None
    assert tokens.verify(KEY + b"x", made.text) is None


def attachment(data: bytes) -> None:
    """A message that was changed on its way is intact only while what it carries is."""
    sent = mail_messages.compose(TOKEN, "probe@a.test", "probe@b.test")
    assert mail_messages.attachment_intact(sent, TOKEN)
    other = tokens.sign(KEY, Purpose.LOOP, "0123456789ab", 8, 1_688_371_200_000)
    assert not mail_messages.attachment_intact(sent, other)
    taken = Taken(data)
    place = taken.number(len(sent))
    changed = sent[:place] + taken.rest + sent[place:]
    if mail_messages.attachment_intact(changed, TOKEN):
        assert mail_messages.attachment(TOKEN).split()[0][:8] not in data
    mail_messages.attachment_intact(data, TOKEN)


def report_examined(data: bytes) -> None:
    """A mail carries a report that is whole, or one of the findings; nothing in it raises anything."""
    book = ReportBook({}, KEY)
    token_, finding = report_mail.examine(data, book.find, ("xdm", "pdf"))
    assert token_ is None or token_.text in data.decode("latin-1").lower()
    assert_one_line(finding)
    fall = report_mail.finding_of(finding)
    assert fall is not None or b"%PDF" in data or b"PK" in data or b"base64" in data.lower()


TARGETS = (
    Target(
        "smtp-reply",
        smtp_reply,
        words(
            r"250-  250\x20  550 5.1.1\x20  \r\n  220  queued as\x20  message accepted for delivery  "
            r"qp\x20"
        ),
        ((b"250 ", b"a ", b"\r\n"), (b"", b"250-a\r\n", b"250 b\r\n"), (b"250 ok ", b"1", b"")),
    ),
    Target(
        "smtp-capabilities",
        smtp_capabilities,
        words(r"STARTTLS  AUTH=LOGIN  AUTH PLAIN  SIZE 10240000  XXXXXXXA  \n  ***  \xb2"),
        ((b"x\n", b"AUTH a\n", b""), (b"x\n", b"AUTH=", b""), (b"x\n", b"XXXX ", b"")),
    ),
    Target("smtp-transparent", smtp_transparent, words(r"\r\n.  \n..\n  \r  ."), ((b"", b"\n.", b""),)),
    Target(
        "smtp-address",
        smtp_address,
        words(r"@  a@b.test  \xc3\xa9  xn--  ..  [1.2.3.4]"),
        ((b"a@", b"a", b""),),
    ),
    Target(
        "imap-response",
        imap_response,
        words(r"* OK\x20  [UIDVALIDITY 7]  {3}\r\n  ~{1}  \x22  \\  (  )  NIL  BODY[HEADER.FIELDS (A)]"),
        (
            (b"* OK [A", b" ", b"\r\n"),
            (b"* OK [", b"a ", b"\r\n"),
            (b"* OK [A ", b"[A ", b"\r\n"),
            (b"* ", b'"\\', b"\r\n"),
            (b"* a", b"[", b"\r\n"),
            (b"* a", b"[]", b"\r\n"),
            (b"* ", b"( ", b"\r\n"),
            (b"* x ", b"~{1", b"\r\n"),
            (b"* LIST ", b"a ", b"\r\n"),
        ),
    ),
    Target(
        "imap-fetch",
        imap_fetch,
        words(
            r"* 1 FETCH (  UID 7  RFC822.SIZE 20  BODY[HEADER] {4}\r\nA: b  FLAGS (\\Seen)  "
            r"INTERNALDATE\x20  \x2217-Jul-1996 02:44:25 -0700\x22  )\r\n"
        ),
        ((b"* 1 FETCH (UID 7 ", b"BODY[] a ", b")\r\n"),),
    ),
    Target("imap-arrival", imap_arrival, words(r"17-Jul-1996 02:44:25 -0700  -  :  \x20+2400  Feb  0000")),
    Target("imap-names", imap_names, words(r"&  &-  \xc3\xa9  \\  \x22  \xf0\x9f\x9b\xb0"), ((b"", b"&", b""),)),
    Target(
        "pop-reply",
        pop_reply,
        words(r"+OK\x20  -ERR\x20  [IN-USE]\x20  [AUTH]  maildrop locked  \r\n"),
        ((b"+OK", b" ", b"x"), (b"-ERR ", b"mail drop ", b""), (b"-ERR ", b"[A", b"")),
    ),
    Target(
        "header-findings",
        header_findings,
        words(r"mx.test;\x20  spf=pass  dkim=fail  dmarc=none  (  )  \x22  \\  \x00  ;  /1="),
        (
            (b'a; "', b'\\"', b""),
            (b"a; ", b"(", b""),
            (b"a; ", b"(\0", b""),
            (b"a; ", b'"', b""),
            (b"a;", b"spf ", b""),
        ),
    ),
    Target(
        "header-sighting",
        header_sighting,
        words(
            r"From:\x20  Subject:\x20  X-Retabli-Token:\x20  "
            r"v1.0123456789ab.7.1688371200000.fc40252d6bfb60709a74cdf195d29c54  In-Reply-To:\x20  "
            r"\r\n\x20  =?utf-8?q?  Content-Type: multipart/report  "
            r"Authentication-Results: mx.test; spf=pass\r\n  (  <  \\"
        ),
        (
            (b"From: ", b"(", b"\r\n\r\n"),
            (b"From: ", b"a,", b"\r\n\r\n"),
            (b"From: ", b"<", b"\r\n\r\n"),
            (b"From: ", b'"', b"\r\n\r\n"),
            (b"From: ", b"\\", b"\r\n\r\n"),
            (b"", b"A: b\r\n", b"\r\n"),
            (b"A: b", b"\r\n c", b"\r\n\r\n"),
            (b"Subject: ", b"=?utf-8?q?a?= ", b"\r\n\r\n"),
            (b"Subject: ", b"v1.0", b"\r\n\r\n"),
        ),
    ),
    Target(
        "notification",
        notification,
        words(
            r"Content-Type: multipart/report; boundary=b\r\n\r\n  --b\r\n  --b--  "
            r"message/delivery-status  Action: failed\r\n  Status: 5.1.1\r\n  "
            r"Diagnostic-Code: smtp;\x20  Disposition: a; displayed  message/disposition-notification  "
            r"\r\n\r\n  v1.0123456789ab.7.1688371200000.fc40252d6bfb60709a74cdf195d29c54  base64  "
            r"quoted-printable"
        ),
        (
            (b"Content-Type: multipart/report; boundary=b\r\n\r\n", b"--b\r\n\r\n", b""),
            (b"Content-Type: message/delivery-status\r\n\r\n", b"\r\n", b"x"),
            (b"Content-Type: message/delivery-status\r\n\r\n", b"A: b\r\n\r\n", b""),
            (b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", b"\n ", b"x"),
            (b"Content-Type: ", b"a;", b"\r\n\r\nx"),
            (b"Content-Type: a/b", b"; a*1=b", b"\r\n\r\nx"),
            (b"Content-Type: a/b;", b'"', b"\r\n\r\nx"),
            (b"Content-Type: a/b", b"\r\n ;", b"\r\n\r\nx"),
            (b"", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b""),
            (b"", b"Content-Type: message/rfc822\n\n", b""),
            (b"Content-Type: message/disposition-notification\r\n\r\nDisposition: ", b"a", b"\r\n"),
        ),
    ),
    Target(
        "token",
        token,
        words(r"v1.0123456789ab.7.1688371200000.fc40252d6bfb60709a74cdf195d29c54  v1.  .0123456789ab."),
        ((b"", TOKEN.text[:-1].encode() + b"z ", b""),),
    ),
    Target("attachment", attachment, words(r"\r\n  --  Content-Disposition: attachment  base64"), longest=4096),
    Target(
        "report-examined",
        report_examined,
        words(
            r"Content-Type: multipart/mixed; boundary=b\r\n\r\n  --b\r\n  --b--\r\n  "
            r"name=\x22IHE_XDM.ZIP\x22  Content-Disposition: attachment; filename=  application/pdf  "
            r"%PDF-1.4  base64  PK\x05\x06  =?utf-8?b?  filename*0*=utf-8''  \r\n\r\n"
        ),
        (
            (b"Content-Type: a/b; name=", b"=?q?", b"\r\n\r\nx"),
            (b"Content-Disposition: attachment; filename=", b"=?utf-8?q?a?= ", b"\r\n\r\nx"),
            (b"Content-Disposition: attachment", b"; filename*1=a", b"\r\n\r\nx"),
            (b"Content-Disposition: attachment", b";a=b", b"\r\n\r\nx"),
            (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"--b\r\n\r\n", b""),
            (b"", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b""),
        ),
    ),
)
