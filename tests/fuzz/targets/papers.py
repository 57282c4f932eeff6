"""What comes as a document or as words: white lists, names in certificates, archives, XML, plugins' data, speech."""

import io
import math
import re
import zipfile
from datetime import datetime
from xml.etree import ElementTree

from cryptography import x509
from cryptography.x509.oid import NameOID

from retabli.net.folders.listing import Entry, listing
from retabli.net.mssante.distinguished_names import name_of, parse_name, same_name
from retabli.net.mssante.white_list import LONGEST_NAME, MOST_NAMES, plain_domain, read_date, read_listing
from retabli.net.plugins.plugin_output import LONGEST_LABEL, MOST_VALUES, Value, read_output
from retabli.net.reports import xdm
from retabli.net.reports.report_causes import CONTENT
from retabli.net.reports.xml_outline import Refused, outline
from retabli.net.speech.words import error_rate, words_of
from tests.fuzz.feeding import Fell, Taken, assert_one_line, outcome
from tests.fuzz.target import Target, words

DOMAINS = ("chu.test", "@Clinique.Test.", "café.test")


def distinguished_name(data: bytes) -> None:
    """A name is itself, whatever blanks and capitals it is written with; and a certificate's is what it bears."""
    text = data.decode("utf-8", "replace")
    found = parse_name(text)
    if found is not None:
        assert found
        assert all(kind and value == value.strip() for part in found for kind, value in part)
        assert parse_name(f"  {text.strip()[:1900]} ") == parse_name(text.strip()[:1900])
        assert same_name(found, tuple(reversed(found)))
    value = "".join(char for char in text if char.isprintable() and char not in '\\+"')[:20].strip(" #,;/=<>")
    if not value or "=" in value:
        return
    bears = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, value), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "O")]
    )
    for written in (bears.rfc4514_string(), f'O=O, CN="{value}"', f"cn = {value} ; 2.5.4.10=o"):
        read = parse_name(written)
        assert read is not None
        assert same_name(read, name_of(bears)), f"{written!r} is {read}, not {name_of(bears)}"


def white_list(data: bytes) -> None:
    """A list that is read to its end says of our domains what it says, whatever the size of its pieces."""
    found = outcome(lambda: read_listing(data, DOMAINS))
    if isinstance(found, Fell):
        assert found.cause == "white_list_unreadable"
        return
    others = _elements(data)
    assert others is None or found.entries == others.count("domaine")
    assert set(found.names) <= {plain_domain(each) for each in DOMAINS}
    for names in found.names.values():
        assert len(names) <= MOST_NAMES
        assert all(0 < len(name) <= LONGEST_NAME and "\n" not in name for name in names)
    for support in found.support.values():
        assert_one_line(support, 200)


def _elements(data: bytes) -> list[str] | None:
    """Names of all elements, in small letters and without namespace, as a stricter reader sees them; or None."""
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - what has a DOCTYPE was refused
    except ElementTree.ParseError:
        return None
    return [each.tag.rpartition("}")[2].rpartition(":")[2].lower() for each in root.iter()]


def list_date(data: bytes) -> None:
    """A date is what it says, or nothing; day and month in French order, UTC where there is no zone."""
    text = data.decode("utf-8", "replace")
    at = read_date(text)
    assert at is None or math.isfinite(at)
    try:
        known = datetime.fromisoformat(text)
    except ValueError:
        return
    told = text[10:11] in ("T", " ")  # Python takes any sign for the one between date and time, lists have these two
    if known.tzinfo is not None and known.year > 1900 and told:
        assert at is not None
        assert abs(at - known.timestamp()) < 1.5e-6
    assert plain_domain(plain_domain(text)) == plain_domain(text)


def archive(data: bytes) -> None:
    """An archive is whole, or falls by one of the causes; what is unpacked is bounded, and nothing of it is told."""
    taken = Taken(data)
    named, metadata, document = taken.text() or "DOC.XML", taken.part(), taken.rest
    seen: list[bytes] = []
    for packed in (data, _packed(named, metadata, document)):
        found = outcome(lambda packed=packed: xdm.judge(packed, seen.append))  # type: ignore[misc]
        assert not isinstance(found, Fell) or found.cause in {cause.code for cause in CONTENT}
    assert sum(map(len, seen)) <= xdm.LARGEST + xdm.LARGEST_ENTRY


def _packed(named: str, metadata: bytes, document: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("IHE_XDM/SUBSET01/METADATA.XML", metadata)
        made.writestr(zipfile.ZipInfo(f"IHE_XDM/SUBSET01/{named}"), document)
    return written.getvalue()


def xml(data: bytes) -> None:
    """An outline has the root that another reader sees, or the document is refused: no DOCTYPE, no entities."""
    found = outcome(lambda: outline(data), Refused)
    if isinstance(found, Fell):
        return
    try:
        root = ElementTree.fromstring(data).tag  # noqa: S314 - what has a DOCTYPE was refused
    except ElementTree.ParseError:
        assert b"}" in data  # the other reader's own sign between a namespace and a name: it takes none with it
        return
    assert found.root == root.replace("{", "").replace("}", " ")[:200]
    assert all(len(value) <= len(data) for each in found.documents for value in each.slots.values())


def plugin(data: bytes) -> None:
    """A plugin's values are numbers with labels, few, and read again as they are written."""
    said = read_output(data)
    assert "\n" not in said.text
    assert len(said.values) <= MOST_VALUES
    for value in said.values:
        assert value.label
        assert len(value.label) <= LONGEST_LABEL
        for number in (value.value, value.warning, value.critical, value.least, value.most):
            assert number is None or math.isfinite(number)
        again = read_output(
            f"ok|'{value.label.replace(chr(39), 2 * chr(39))}'={value.value!r}{value.unit};1;2;0;9".encode()
        )
        if value.label.isprintable() and value.unit.isascii() and not re.match("[eE]", value.unit):
            assert again.values[:1] == (Value(value.label, value.value, value.unit, 1, 2, 0, 9),), again


def speech(data: bytes) -> None:
    """Words are the same however they are spelt; the rate is nought for the same and grows by one word at a time."""
    taken = Taken(data)
    expected, heard = words_of(taken.text()), words_of(taken.rest.decode("utf-8", "replace"))
    assert words_of(" - ".join(expected).upper()) == words_of(" ".join(expected).upper())
    assert words_of(" ".join(expected)) == expected
    if not expected or len(expected) > 60:
        return
    assert error_rate(expected, expected) == 0
    rate = error_rate(expected, heard)
    assert rate >= 0
    assert (rate == 0) == (heard == expected)
    assert rate <= max(len(expected), len(heard)) / len(expected)
    if len(heard) < len(expected):
        assert error_rate(expected, (*heard, "x")) <= rate + 1 / len(expected) + 1e-9


def folder(data: bytes) -> None:
    """Patterns of names are shell's; what is ours is never an arrival."""
    taken = Taken(data)
    name, patterns = taken.text(), [taken.text() for _ in range(3)]
    entry = Entry(name, 1, None)
    assert isinstance(entry.matches(patterns), bool)
    assert entry.matches(["*", ".*"])
    assert not listing([Entry(f"{name}.Retabli", 1, None)], None).files


TARGETS = (
    Target(
        "distinguished-name",
        distinguished_name,
        words(
            r"CN=  ,O=  ; C=  /OU=  +UID=  2.5.4.3=  OID.  \\2C  \\,  \x22  #0C03  \xc3\x89  \xef\xac\x81  \n  "
            r"=  E=a@b.test  \xc2\xa0"
        ),
        (
            (b"a=b", b"\n", b"x"),
            (b"a=b", b",a=", b""),
            (b"a=", b'"', b""),
            (b"a=", b"\\", b""),
            (b"", b"1.", b"="),
            (b"a=", b"\xcc\x81\xcc\x96", b""),
            (b"", b"a", b""),
        ),
    ),
    Target(
        "white-list",
        white_list,
        words(
            r"<ListeBlanche>  </ListeBlanche>  <Domaine><Nom>chu.test</Nom>  "
            r"<DNCertificatOperateur>CN=mx</DNCertificatOperateur>  <SupportContact>01</SupportContact>  "
            r"</Domaine>  <DateDeGeneration>2023-07-03T06:00:00+02:00</DateDeGeneration>  <!DOCTYPE a>  <!--  "
            r"-->  <![CDATA[  ]]>  &amp;  &#10;  <?xml version='1.0' encoding='utf-16'?>  <a:Nom xmlns:a='b'>  "
            r"</a:Nom>"
        ),
        (
            (b"<L>", b"<Domaine/>", b"</L>"),
            (b"<L>", b"<a>", b""),
            (b"<L><Domaine><Nom>", b"a&#10;", b"</Nom></Domaine></L>"),
            (b"<L><!--", b"a", b"--><Domaine/></L>"),
            (b"<L ", b"a", b""),
            (b"<L a='", b"b", b"'/>"),
            (
                b"<L><Domaine><Nom>chu.test</Nom>",
                b"<DNCertificatOperateur>a</DNCertificatOperateur>",
                b"</Domaine></L>",
            ),
            (b"<L><Domaine><Nom>", b"\xc3\xa9", b"</Nom></Domaine></L>"),
        ),
    ),
    Target(
        "list-date",
        list_date,
        words(
            r"2023-07-03  T06:00:00  +02:00  03/07/2023  \xc3\xa0  ,5  .123456789  Z  0001-01-01  9999-12-31  "
            r"\xd9\xa3  24:00  W"
        ),
        ((b"", b".1", b""), (b"", b"\xc3\xa9.", b""), (b"1/1/2023", b" ", b"x")),
    ),
    Target(
        "archive",
        archive,
        words(
            r"PK\x03\x04  PK\x01\x02  PK\x05\x06\x00\x00\x00\x00  PK\x06\x07  DOC.XML\x00  ../  "
            r"<SubmitObjectsRequest xmlns='urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0' "
            r"xmlns:r='urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0'>  "
            r"<r:ExtrinsicObject>  "
            r"<r:Slot name='URI'><r:ValueList><r:Value>DOC.XML</r:Value></r:ValueList></r:Slot>  "
            r"</r:ExtrinsicObject>  </SubmitObjectsRequest>\x00  <ClinicalDocument xmlns='urn:hl7-org:v3'/>  "
            r"<r:Slot name='size'>  \xff\xff"
        ),
        ((b"", b"PK\x05\x06", b""), (b"", b"PK\x01\x02", b"")),
        longest=20_000,
    ),
    Target(
        "xml",
        xml,
        words(
            r"<a>  </a>  xmlns='b'  <!DOCTYPE a [<!ENTITY b 'c'>]>  &b;  &lt;  "
            r"<?xml version='1.0' encoding='latin-1'?>  <![CDATA[  ]]>  \xff\xfe"
        ),
        (
            (b"<a>", b"<b/>", b"</a>"),
            (b"", b"<a>", b""),
            (b"<a ", b"b", b"='c'/>"),
            (b"<a>", b"&lt;", b"</a>"),
            (b"<a", b" b=''", b"/>"),
        ),
    ),
    Target(
        "plugin",
        plugin,
        words(
            r"OK - fine|  'a b'=  load1=0.5;1;2;0;8  ''  %  =  U  ;  1e9  ,5  \n  |  -inf  nan  \xd9\xa3  "
            r"1e999  ms"
        ),
        (
            (b"x|", b"a", b""),
            (b"x|", b"'", b""),
            (b"x|", b"' ", b""),
            (b"x|", b"'a ''", b""),
            (b"x|", b"''' ", b""),
            (b"x|", b"a=", b""),
            (b"x|", b"a= ", b""),
            (b"x|a=", b"1", b""),
            (b"x|a=", b";", b""),
            (b"x\n", b"|", b""),
            (b"", b"a\n", b""),
        ),
    ),
    Target(
        "speech",
        speech,
        words(
            r"bonjour  le  l\xe2\x80\x99patient  \x00  \xc3\xa9  e\xcc\x81  \xef\xac\x81  \xca\xbc  -  "
            r"\xc7\xb0  \xcc\xa3\xcc\x87  \xe1\xba\x9e  \xef\xbc\xa1  \xcd\x85"
        ),
        ((b"a\0a", b"\xcc\x81\xcc\x96", b""), (b"a b c\0", b"a ", b""), (b"\0", b"\xef\xb7\xba", b"")),
    ),
    Target(
        "folder",
        folder,
        words(r"*.hl7\x00  .hidden\x00  [a-z]  ?  [  \x00  retabli  [!"),
    ),
)
