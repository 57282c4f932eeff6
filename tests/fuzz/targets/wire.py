"""What comes in frames and packets: HL7 over MLLP, DICOM, SSH, SIP, DNS, NTP, ICMP, a TLS handshake's certificates."""

import socket
import struct
import warnings
from dataclasses import dataclass
from datetime import UTC

import asyncssh.sftp
import hl7
from cryptography import x509
from pydicom import Dataset

from probes import dns as dns_probe
from probes import ntp
from retabli.model import causes
from retabli.model.ladder import Fall, Ladder
from retabli.net import nameservers, ping, tls
from retabli.net.certificates import NAMES, read_chain
from retabli.net.containment import dns_tunnel
from retabli.net.dicom import commands, data_sets, dicom_json, multipart, negotiation, stow
from retabli.net.dicom.association import Association
from retabli.net.dicom.captured_image import fresh_uids, what_differs
from retabli.net.dicom.commands import Field
from retabli.net.dicom.negotiation import Acceptance, Context, Grant
from retabli.net.dicom.pdu import data_pdus, read_pdu, values_in
from retabli.net.dicom.received import moment_of
from retabli.net.dicom.syntaxes import EXPLICIT, IMPLICIT
from retabli.net.hl7 import acknowledgements, messages
from retabli.net.hl7.mllp import Mllp, block
from retabli.net.icmp_errors import IP_RECVERR, IPV6_RECVERR, read_error
from retabli.net.resolve import _follow
from retabli.net.revocation_lists import revocation_lists_in
from retabli.net.sip.sip_messages import Question, parse, read_start
from retabli.net.sip.sip_transaction import _read as read_sip_datagram
from retabli.net.sip.sip_transaction import by_stream
from retabli.net.ssh.offer import read_offer
from retabli.net.ssh.wire import Wire
from tests.fuzz.feeding import Fell, Heard, Taken, alike, assert_one_line, finished, looped, outcome
from tests.fuzz.target import Target, words

UIDS = fresh_uids("ZZTEST", 1_688_371_200.0)
QUESTION = Question("z9hG4bK0123", "0123@retabli.invalid", "4567")


def mllp(data: bytes) -> None:
    """Blocks are what stands between VT and FS CR, the same however they come; what goes out comes back."""
    found = alike(data, lambda pieces: outcome(lambda: finished(_blocks(pieces))))
    if not isinstance(found, Fell):
        assert all(b"\x1c\r" not in each for each in found)
        assert sum(len(each) + 3 for each in found) <= len(data)
    if b"\x1c" not in data and len(data) < 60_000:
        sent = block(data) + b"\r\n" + block(b"MSH|")
        assert alike(sent, lambda pieces: finished(_blocks(pieces))) == [data, b"MSH|"]


async def _blocks(pieces: list[bytes]) -> list[bytes]:
    """All blocks up to the peer's leaving."""
    reading = Mllp(Heard(pieces))
    found: list[bytes] = []
    try:
        while len(found) < 300:
            found.append(await reading.receive())
    except Fall as fall:
        assert_one_line(fall.detail)
        if fall.cause is not causes.CLOSED_EARLY:
            raise
    return found


def hl7_acknowledgement(data: bytes) -> None:
    """Of an answer only codes, places and identifiers come out, which can hold nothing of a patient."""
    found = outcome(lambda: acknowledgements.parse(data))
    if found is None or isinstance(found, Fell):
        return
    assert len(found.code) <= 8
    assert len(found.errors) <= acknowledgements.MOST_ERRORS
    assert b"MSA" in data
    for language in ("fr", "en"):
        assert len(found.told(language)) < 300
    for error in found.errors:
        assert error.severity in ("", "E", "F", "I", "W")
        assert " " not in error.location
    assert " " not in acknowledgements.known_id(found.control_id) or "that is no" in acknowledgements.known_id("é" * 50)


def hl7_message(data: bytes) -> None:
    """A message that is taken is read alike by the hl7 library, and sent again as it was but for its own fields."""
    found = outcome(lambda: messages.parse(data), messages.Unfit)
    if isinstance(found, Fell):
        return
    made = found.made("RT0123456789abcdef01", 1_688_371_200.0, {"name": "A|B^C~D\\E&F\r\n"})
    assert b"RT0123456789abcdef01" in made
    again = messages.parse(made)
    assert again.delimiters == found.delimiters
    assert [each[0] for each in again.segments] == [each[0] for each in found.segments]
    proven = outcome(lambda: messages.prove_test(found, None), messages.NotATest)
    if not isinstance(proven, Fell):
        assert b"PID" in data
        assert found.first(11) == "T"
        assert any(mark.encode() in data.upper() for mark in messages.USUAL_MARKS)
    if found.delimiters.encoding == b"^~\\&" and found.delimiters.field == b"|" and data.isascii():
        theirs = hl7.parse(made.decode())
        assert [str(each[0]) for each in theirs] == [each[0].decode() for each in found.segments]


def dicom_association(data: bytes) -> None:
    """PDUs become messages, the same however they come: a command that is whole, with its data set or without."""
    found = alike(data, lambda pieces: outcome(lambda: finished(_messages(pieces))))
    if isinstance(found, Fell):
        return
    assert sum(len(payload or b"") for _, payload in found) <= len(data)
    taken = Taken(data)
    maximum = (0, 128, 4096)[taken.number(3)]
    sent = b"".join(data_pdus(1, taken.rest, command=False, maximum=maximum))
    came = [value for pdu in finished(_pdus([sent])) for value in values_in(pdu)]
    assert b"".join(value.data for value in came) == taken.rest
    assert [value.last for value in came] == [False] * (len(came) - 1) + [True] * bool(came)


async def _messages(pieces: list[bytes]) -> list[tuple[int, bytes | None]]:
    contexts = (Context(1, "1.2.840.10008.1.1", (IMPLICIT,)),)
    association = Association(Heard(pieces), contexts, Acceptance({1: Grant(0, IMPLICIT)}, 0))
    found: list[tuple[int, bytes | None]] = []
    while len(found) < 20 and (message := await association.receive(4096)) is not None:
        found.append((message.context, message.data))
    return found


async def _pdus(pieces: list[bytes]) -> list[bytes]:
    heard = Heard(pieces)
    found = []
    while (pdu := await read_pdu(heard)) is not None:
        found.append(pdu.body)
    return found


def dicom_negotiation(data: bytes) -> None:
    """What an association grants or asks for is within what its items hold; ours is read back as it was made."""
    accepted = outcome(lambda: negotiation.read_acceptance(data))
    if not isinstance(accepted, Fell):
        assert accepted.maximum >= 0
        assert len(accepted.grants) <= len(data) // 8 + 1
    asked = outcome(lambda: negotiation.read_request(data))
    if not isinstance(asked, Fell):
        assert len(asked.called) <= 16
        assert len(asked.calling) <= 16
    taken = Taken(data)
    contexts = [Context(2 * place + 1, f"1.2.{taken.number(999)}", (IMPLICIT, EXPLICIT)) for place in range(5)]
    made = negotiation.request("RETABLI", "PACS", contexts)[6:]
    assert negotiation.read_request(made).contexts == tuple(contexts)


def dicom_command(data: bytes) -> None:
    """A command set is its elements, in whatever order; numbers are of two bytes, or `garbage`."""
    found = outcome(lambda: commands.decode(data))
    if isinstance(found, Fell):
        assert found.cause == causes.GARBAGE.code
        return
    assert sum(map(len, found.values())) <= len(data)
    found.pop(Field.GROUP_LENGTH, None)
    again = commands.decode(commands.encode(found))
    assert {key: value for key, value in again.items() if key is not Field.GROUP_LENGTH} == found
    for key in Field:
        number = outcome(lambda key=key: commands.number(found, key))  # type: ignore[misc]
        assert number is None or isinstance(number, Fell) or 0 <= number < 65_536
        commands.text(found, key)


def dicom_data_set(data: bytes) -> None:
    """A data set's texts come out, or `garbage`; no depth and no length in it makes anything else happen."""
    for transfer in (IMPLICIT, EXPLICIT):
        found = outcome(
            lambda transfer=transfer: data_sets.texts(  # type: ignore[misc]
                data, transfer, ("StudyDate", "StudyTime", "PatientID", "StudyInstanceUID", "ReferencedStudySequence")
            )
        )
        if isinstance(found, Fell):
            assert found.cause == causes.GARBAGE.code
            continue
        for day, time in ((found.get("StudyDate"), found.get("StudyTime")), (found.get("PatientID"), None)):
            moment = moment_of(day, time, UTC)
            assert moment is None or moment.earliest <= moment.latest
    value = data.decode("latin-1").translate(dict.fromkeys((*range(32), 92)))[:64].strip()
    made = Dataset()
    made.PatientID = value
    if value.isascii():
        for transfer in (IMPLICIT, EXPLICIT):
            assert data_sets.texts(data_sets.written(made, transfer), transfer, ("PatientID",)) == {"PatientID": value}


def dicom_web(data: bytes) -> None:
    """An answer of a web archive is data sets or none; an image is stored only where the answer names it."""
    taken = Taken(data)
    content_type, body = taken.part().decode("latin-1"), taken.rest
    part = multipart.first_part(body, content_type)
    assert part is None or part in body
    kind, written = multipart.written(body)
    assert multipart.first_part(written, kind) == body
    assert what_differs(body, UIDS) is not None
    found = outcome(lambda: finished(dicom_json.datasets_in(body[:60_000], content_type)))
    if not isinstance(found, Fell):
        for each in found:
            for tag in each:
                assert all(isinstance(text, str) for text in dicom_json.texts_of(each, tag))
                assert all(dicom_json.is_dataset(item) for item in dicom_json.items_of(each, tag))
            assert moment_of(dicom_json.text_of(each, "00080020"), dicom_json.text_of(each, "00080030"), UTC) or True
    answer = dicom_json.read_dataset(body)
    reason = stow._reason(answer, UIDS) if answer is not None else None
    if reason is not None:
        assert 0 <= reason < 100_000
        assert stow._cause_of(reason).code
    stored = stow._item_of(answer, stow.REFERENCED, UIDS) if answer is not None else None
    assert stored is None or UIDS.instance.encode() in body


def ssh_banner(data: bytes) -> None:
    """A server names itself by a line that is SSH's, or it is none; the same however it comes."""
    found = alike(data, lambda pieces: outcome(lambda: looped(_greeting(pieces))))
    if not isinstance(found, Fell):
        assert_one_line(found[0].rstrip(), 255)  # a blank at its end is the server's, and signed by it
        assert found[0].startswith(("SSH-2.0-", "SSH-1.99-"))
        assert found[0].encode() in data
    offer = read_offer(data)
    if offer is not None:
        assert sum(map(len, offer.host_key)) <= len(data)


async def _greeting(pieces: list[bytes]) -> tuple[str, bytes]:
    wire = Wire(Heard(pieces))
    rest = await wire._read_banner()
    return wire.banner, wire.said[: len(wire.said) - len(rest)]


def sftp_listing(data: bytes) -> None:
    """An entry of a listing is read, or fails by one of the errors that a listing is ready for."""
    for version in (3, 6):
        outcome(lambda version=version: _sftp_name(data, version), *NONSENSE)  # type: ignore[misc]


def _sftp_name(data: bytes, version: int) -> None:
    from retabli.net.folders.listing import Entry

    packet = asyncssh.packet.SSHPacket(data)
    name = asyncssh.sftp.SFTPName.decode(packet, version)
    entry = Entry(str(name.filename), name.attrs.size or 0, name.attrs.mtime)
    assert isinstance(entry.matches(("*.hl7", "[", ".*")), bool)


def sip_reply(data: bytes) -> None:
    """A head is an answer or a request; only what repeats our branch answers us, however it comes."""
    found = outcome(lambda: parse(data))
    if not isinstance(found, Fell):
        assert found.status == 0 or 100 <= found.status < 700
        assert not found.answers(QUESTION) or b"z9hg4bk0123" in data.lower()
    outcome(lambda: read_start(data.decode("utf-8", "replace")))
    reply = outcome(lambda: read_sip_datagram(data, QUESTION))
    assert reply is None or isinstance(reply, Fell) or reply.answers(QUESTION)
    streamed = alike(data, lambda pieces: outcome(lambda: finished(by_stream(Heard(pieces), QUESTION, b""))))
    assert isinstance(streamed, Fell) or (streamed.answers(QUESTION) and streamed.status >= 200)


def dns_answer(data: bytes) -> None:
    """An answer is read or is `dns_garbage`; what its records say is told, and no alias leads round without end."""
    message = outcome(lambda: nameservers._read(data))
    if isinstance(message, Fell):
        assert message.cause == causes.DNS_GARBAGE.code
        return
    chain = outcome(lambda: _follow(nameservers.Reply(message, "192.0.2.53", 0.0)))
    if not isinstance(chain, Fell):
        assert_one_line(Fall(causes.NXDOMAIN, f"{chain.canonical_name}").detail)
        for record in chain.answer or ():
            assert isinstance(dns_probe._text(record), str)
    assert all(isinstance(text, str) for text in dns_tunnel._texts(message))
    assert isinstance(dns_tunnel._by_whom(message), str)


def ntp_packet(data: bytes) -> None:
    """A packet answers our question only with our nonce; a clock's offset is a number, and near in time."""
    nonce = data[24:32].ljust(8, b"\0")
    now = 1_688_371_200.0
    reply = outcome(lambda: ntp._read(data, nonce, now, 0.01))
    if reply is None or isinstance(reply, Fell):
        return
    assert len(data) >= 48
    assert abs(reply.offset) <= 2**31 + 1
    assert reply.delay >= 0
    judged = outcome(lambda: ntp._judge_server(reply))
    assert isinstance(judged, Fell) or (0 < reply.stratum < 16 and reply.leap < 3)
    assert ntp._read(data, bytes(byte ^ 1 for byte in nonce), now, 0.01) is None


@dataclass(frozen=True, slots=True)
class _Queue:
    """A socket, as far as what lies in its error queue is asked for."""

    kind: int
    data: bytes
    type: int = socket.SOCK_RAW
    family: int = socket.AF_INET

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
        return b"", [(0, self.kind, self.data)], 0, None


def icmp(data: bytes) -> None:
    """An error of ICMP is told with its sender, or is none; an echo counts only with our token."""
    for kind in (IP_RECVERR, IPV6_RECVERR):
        found = read_error(_Queue(kind, data))  # type: ignore[arg-type]
        if found is not None:
            assert len(data) >= 16
            assert found.cause in (causes.ADMIN_PROHIBITED, causes.REFUSED, causes.UNREACHABLE)
            assert_one_line(str(found))
    token = bytes(range(16))
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        for family in (socket.AF_INET, socket.AF_INET6):
            number = ping.answered(_Queue(0, b"", kind, family), data, token)  # type: ignore[arg-type]
            assert number is None or token in data
    even = data + b"\0" * (len(data) % 2)
    if even:
        whole = even + ping.checksum(even).to_bytes(2)
        assert ping.checksum(whole) in (0, 0xFFFF)


def certificates(data: bytes) -> None:
    """A certificate message gives what certificates it holds, as the library reads them; a broken one gives none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's, of serial numbers below nought and the like
        _certificates(data)


def _certificates(data: bytes) -> None:
    taken = Taken(data)
    for version13 in (True, False):
        found = tls.certificates_in(data, version13)
        assert sum(map(len, found)) <= len(data)
        if found:
            read_chain(found)
    chain = read_chain((taken.rest, data))
    try:
        ends = x509.load_der_x509_certificate(taken.rest).not_valid_after_utc.timestamp()
    except (ValueError, x509.InvalidVersion):
        assert chain is None
    else:
        assert chain is not None
        assert chain.not_after == ends
        assert chain.earliest_expiry <= chain.not_after
        assert len(chain.names) <= NAMES
        ladder = Ladder(())
        ladder.describe("subject", chain.subject)
        ladder.describe("issuer", chain.issuer)
    wire = struct.pack("!I", len(data))[1:]
    message = b"\x0b\0\0\0\0" + b"\0\0\0" + wire + data + b"\0\0"
    assert tls.certificates_in(message, True) == (data,)
    assert isinstance(outcome(lambda: revocation_lists_in(data, "a.crl")), list | Fell)


NONSENSE = (IndexError, ValueError, AssertionError, OverflowError, asyncssh.SFTPError)
_CERTIFICATE_WORDS = words(r"\x30\x82  \x06\x03\x55\x04\x03  \x17\x0d  230703080000Z  \x0b\x00\x00  \xff\xff")
TARGETS = (
    Target(
        "mllp",
        mllp,
        words(r"\x0bMSH|  \x1c\r  \x1c  \x0b  \r\n  \x15\x03  HTTP/1.1"),
        ((b"\x0b", b"a", b"\x1c\r"), (b"", b"\x0b\x1c\r", b""), (b"\x0b", b"\x1c", b"\r")),
    ),
    Target(
        "hl7-acknowledgement",
        hl7_acknowledgement,
        words(
            r"MSH|^~\\&|  MSA|AA|  MSA|AE|RT0123|  ERR|  |||  ^  \r  \n  "
            r"MSH|^~\\&|A|B|C|D|20230703||ACK^A01|1|T|2.5\r  ERR||PID^1^3|101^x|E\r  \\F\\  ~  MSH~~  &"
        ),
        (
            (b"MSH|^~\\&|\rMSA|AE|", b"^", b"\r"),
            (b"MSH|^~\\&|\r", b"ERR|^^^101~\r", b"MSA|AE|1\r"),
            (b"MSH|^~\\&|\rMSA|AE|1\rERR|", b"~", b"\r"),
            (b"MSH", b"~", b"\rMSA|AE\r"),
            (b"MSH|^~\\&|\r", b"A\r", b"MSA|AE\r"),
            (b"MSH|^~\\&|\rMSA|AE|", b"\\", b"\r"),
            (b"MSH|^~\\&|\rMSA|AE|1\rERR||||", b"&", b"\r"),
        ),
    ),
    Target(
        "hl7-message",
        hl7_message,
        words(
            r"MSH|^~\\&|A|B|C|D|20230703080000+0200||ADT^A01|1|T|2.5\r  PID|1||ZZTEST^^^A||TEST^A\r  "
            r"MRG|ZZTEST\r  {name}  \n  MSH|^~\\&#|  8859/1  UNICODE UTF-8  \xe9  |T|  EVN|A01\r  MSH  ||||||"
        ),
        ((b"MSH|^~\\&|A||||||||T\r", b"PID|1\r", b""), (b"MSH|^~\\&|", b"|", b"\r"), (b"MSH|^~\\&|\r", b"{name}", b"")),
    ),
    Target(
        "dicom-association",
        dicom_association,
        words(
            r"\x04\x00\x00\x00\x00  \x07\x00\x00\x00\x00\x04\x00\x00\x02\x01  "
            r"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00  \x00\x00\x00\x0e\x01\x03  "
            r"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01  \x15\x03  \x00\x00\x00\x02\x01\x02"
        ),
        ((b"", b"\x04\0\0\0\0\x07\0\0\0\x03\x01\x01a", b""),),
    ),
    Target(
        "dicom-negotiation",
        dicom_negotiation,
        words(
            r"\x21\x00\x00\x0c  \x20\x00\x00\x0c  \x40\x00\x00\x02  "
            r"\x50\x00\x00\x08\x51\x00\x00\x04\x00\x00\x40\x00  \x01\x00\x00\x00"
        ),
        ((b"\0" * 68, b"\x10\0\0\0", b""), (b"\0" * 68, b"\x20\0\0\x04\0\0\0\0", b"")),
    ),
    Target(
        "dicom-command",
        dicom_command,
        words(
            r"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x80  \x00\x00\x00\x09\x02\x00\x00\x00\x00\x00  \x00\x00  "
            r"\xff\xff\xff\xff"
        ),
        ((b"", b"\0\0\2\0\0\0\0\0", b""),),
    ),
    Target(
        "dicom-data-set",
        dicom_data_set,
        words(
            r"\x08\x00\x20\x00DA\x08\x0020230703  \x08\x00\x30\x00TM\x06\x00080000  "
            r"\x10\x00\x20\x00LO\x04\x00TEST  \x08\x00\x10\x11SQ\x00\x00\xff\xff\xff\xff  "
            r"\xfe\xff\x00\xe0\xff\xff\xff\xff  \xfe\xff\x0d\xe0\x00\x00\x00\x00  "
            r"\xfe\xff\xdd\xe0\x00\x00\x00\x00  \x08\x00\x20\x00\x08\x00\x00\x00  "
            r"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192  UN\x00\x00"
        ),
        (
            (b"", b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff", b""),
            (b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff", b"\xfe\xff\0\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"),
            (b"", b"\x10\0\x20\0LO\0\0", b""),
        ),
        longest=16_384,
    ),
    Target(
        "dicom-web",
        dicom_web,
        words(
            r"\x00  multipart/related; boundary=b\x00--b\r\n\r\n  \r\n--b--  boundary=\x22  "
            r"[{\x2200080020\x22:{\x22vr\x22:\x22DA\x22,\x22Value\x22:[\x2220230703\x22]}}]  \x2200081199\x22  "
            r"\x2200081198\x22  {\x22vr\x22:\x22SQ\x22,\x22Value\x22:[  \x2200081197\x22  \x22Value\x22  "
            r"{\x22vr\x22:\x22US\x22,\x22Value\x22:[272]}  ]}  [  {  ,  :"
        ),
        (
            (b"\0", b"[", b""),
            (b"multipart/related; ", b"boundary=", b"\0x"),
            (b"multipart/related; boundary=b\0", b"--b", b""),
        ),
    ),
    Target(
        "ssh-banner",
        ssh_banner,
        words(
            r"SSH-2.0-OpenSSH_9.6\r\n  SSH-1.99-  SSH-1.5-\n  \n  HTTP/  \x00\x00\x00\x20\x04\x14  MaxStartups  "
            r"not allowed at this time"
        ),
        ((b"", b"a\n", b""), (b"SSH-2.0-", b"a", b"\n")),
        longest=20_000,
    ),
    Target(
        "sftp-listing",
        sftp_listing,
        words(r"\x00\x00\x00\x05a.hl7  \x00\x00\x00\x0f  \x00\x00\x00\x08  \x00\x00\x00\x00  \xff\xff\xff\xff"),
    ),
    Target(
        "sip-reply",
        sip_reply,
        words(
            r"SIP/2.0 200 OK\r\n  SIP/2.0 100 Trying\r\n  Via: SIP/2.0/UDP a;branch=z9hG4bK0123\r\n  v:\x20  "
            r"\r\n\r\n  CSeq: 1 OPTIONS\r\n  Call-ID: 0123@retabli.invalid\r\n  Content-Length: 0\r\n  "
            r"l: 3\r\n\r\nabc  OPTIONS sip:a SIP/2.0\r\n  \r\n\x20  ;branch="
        ),
        (
            (b"SIP/2.0 200 OK\r\n", b"A: b\r\n", b"\r\n"),
            (b"SIP/2.0 200 OK\r\nA: ", b"\r\n b", b"\r\n\r\n"),
            (b"SIP/2.0 200 OK\r\nVia: ", b"; ", b"\r\n\r\n"),
            (b"SIP/2.0 200 OK\r\nVia: ", b";branch ", b"\r\n\r\n"),
            (b"", b"A", b" b SIP/2.0\r\n\r\n"),
            (b"", b"\r\n", b""),
        ),
    ),
    Target(
        "dns-answer",
        dns_answer,
        words(
            r"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00  \x01a\x04test\x00  \x00\x01\x00\x01  "
            r"\x00\x05\x00\x01  \xc0\x0c  \x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01  \x00\x10\x00\x01  "
            r"\x00\x0f\x00\x01  \x00\x41\x00\x01  \x00\x29  \x00\xfa\x00\xff  \xc0"
        ),
        ((b"\0\1\x81\x80\0\1\xff\xff\0\0\0\0\1a\0\0\1\0\1", b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x0c", b""),),
        longest=4096,
    ),
    Target(
        "ntp-packet",
        ntp_packet,
        words(r"\x24\x02  \x24\x00\x00\x00DENY  \xe8\x4b  \x00\x00\x00\x00\x00\x00\x00\x00"),
        longest=200,
    ),
    Target(
        "icmp",
        icmp,
        words(r"\x00\x00\x00\x00\x02\x03\x0d  \x02\x00\x00\x00\xc0\x00\x02\x01  \x0a\x00  \x45\x00  \x03"),
        longest=2048,
    ),
    Target(
        "certificates",
        certificates,
        _CERTIFICATE_WORDS,
        ((b"\x0b\0\0\0\0\0\0\0", b"\0\0\0\0\0", b""), (b"", b"-----BEGIN X509 CRL-----", b"")),
        longest=20_000,
    ),
)
