"""What a reader finds on a web page: its text, a marker in it, the telephone numbers on it."""

import html
import re
import unicodedata

# Every pattern here is linear in the page's length: what a remote sent must not stall the daemon.
META_CHARSET = re.compile(
    rb"""<meta[^<>]{0,200}?charset\s{0,5}=\s{0,5}["']?\s{0,5}([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE
)
HEADER_CHARSET = re.compile(r"""charset\s{0,5}=\s{0,5}"?([A-Za-z0-9_.:-]{1,40})""", re.IGNORECASE)
# Python's codecs that decode in linear time and into text; "punycode", "zip" and others must not be a remote's choice.
CHARSETS = re.compile(
    r"utf-?8|utf-?16(-?[lb]e)?|(us-)?ascii|iso-?8859-?\d{1,2}|latin-?1|(windows-|cp)125\d", re.IGNORECASE
)
ACCENTED = re.compile(r"[A-Za-z][\u0300-\u0327]")  # a letter and its accent as two characters
TAG = re.compile(r"<[^<>]*>")
NUMBERED = re.compile(r"&#0*([0-9]+)")  # of thousands of digits Python makes no number; no character has eight
TELEPHONE_LINK = re.compile(r"""href\s{0,5}=\s{0,5}["']?\s{0,5}tel:([^"'<>]{1,40})""", re.IGNORECASE)
BETWEEN = r"[ .\-\u2010\u2011\u2013]{0,2}"  # blanks are plain ones by then
NUMBER = re.compile(
    rf"(?<![\d+])(?:(?:\+|00)33{BETWEEN}(?:\(0\))?{BETWEEN}|0)(?:[1-9](?:{BETWEEN}\d\d){{4}}"
    rf"|{BETWEEN}8\d\d{BETWEEN}\d{{3}}{BETWEEN}\d{{3}})(?!\d)"
)


def text_of(body: bytes, content_type: str) -> str:
    """The page's source as text: by the header's charset, the page's own, else UTF-8, else Windows-1252."""
    named = HEADER_CHARSET.search(content_type)
    charset = named[1] if named else None
    if charset is None and (found := META_CHARSET.search(body[:4096])):
        charset = found[1].decode("ascii")
    candidates = ("utf-8", "cp1252") if charset is None else (charset, "utf-8", "cp1252")
    for candidate in candidates:
        if not CHARSETS.fullmatch(candidate):
            continue
        try:
            return body.decode(candidate)
        except (UnicodeDecodeError, LookupError) as error:
            if isinstance(error, UnicodeDecodeError) and candidate == "utf-8" and error.start >= len(body) - 4:
                return body[: error.start].decode()  # cut within a character
    return body.decode("latin-1")


def holds(source: str, wanted: str) -> bool:
    """Whether the page holds this text: as it is written, or as a reader sees it (entities, blanks, accents)."""
    return wanted in source or _plain(wanted) in _plain(source)


def _plain(source: str) -> str:
    """Entities resolved, every run of blanks one blank, accents composed, one kind of apostrophe."""
    source = NUMBERED.sub(lambda entity: f"&#{entity[1][:8]}", source)
    text = html.unescape(source).replace("’", "'").replace("\u00ad", "")
    # Letter by letter: composing a whole text takes time with the square of a run of accents.
    text = ACCENTED.sub(lambda letter: unicodedata.normalize("NFC", letter[0]), text)
    return " ".join(text.split())


def telephone_numbers(source: str) -> frozenset[str]:
    """The French telephone numbers that a reader finds, as ten digits: in the text, or behind a `tel:` link.

    Short numbers (15, 3624) are none. The same number written twice is one.
    """
    found = set()
    for link in TELEPHONE_LINK.findall(source):
        found.update(_numbers(_plain(link)))
    found.update(_numbers(TAG.sub("\n", _plain(without_scripts(source)))))
    return frozenset(found)


def _numbers(text: str) -> list[str]:
    digits = (re.sub(r"\(0\)|\D", "", number) for number in NUMBER.findall(text))
    return ["0" + number[-9:] for number in digits]


def without_scripts(source: str) -> str:
    """The page without what no reader sees: scripts, styles, comments."""
    for opening, closing in (("<!--", "-->"), ("<script", "</script"), ("<style", "</style")):
        source = _without(source, opening, closing)
    return source


def _without(source: str, opening: str, closing: str) -> str:
    lowered = source.lower()
    if len(lowered) != len(source):  # a letter whose small form is two: places would not match
        lowered = source
    kept, place = [], 0
    while (start := lowered.find(opening, place)) >= 0:
        kept.append(source[place:start])
        end = lowered.find(closing, start + len(opening))
        if end < 0:
            return "".join(kept)
        place = end + len(closing)
    kept.append(source[place:])
    return " ".join(kept)
