"""A report as Markdown, as plain text, and as HTML: whatever stands in a title or a notice stays text in each."""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping

from markupsafe import Markup

from retabli.model.result import clean
from retabli.model.words import COLON
from retabli.report.text import Item, Report, Section

WIDTH = 78
_UNBROKEN = re.compile(r" (?=[;:!?»])|(?<=«) |(?<=\d) (?=h\b)|(?<= h) (?=\d)|(?<=\d) (?=%)")
LONGEST = 1000  # characters of one text


def markdown(report: Report) -> str:
    """CommonMark."""
    parts = [f"# {_literal(report.title)}", *map(_literal, report.lead)]
    for section in report.sections:
        parts.append(f"## {_literal(section.heading)}")
        parts.append("\n".join(_points(section)))
    return "\n\n".join(parts) + "\n"


def _points(section: Section) -> Iterator[str]:
    if not section.items:
        yield _literal(section.nothing)
    for item in section.items:
        yield f"- **{_literal(item.title)}** — {_literal(item.said)}"


def _literal(text: str) -> str:
    r"""Nothing in it is markup: `*` → `\*`; a link or an image cannot be made either (CommonMark, section 2.4)."""
    return re.sub(r"([\\`*_\[\]<>#|~])", r"\\\1", clean(text, LONGEST))


def plain(report: Report) -> str:
    """For a terminal, a mail, a fax: lines of at most 78 columns."""
    lines = [*_wrapped(clean(report.title, LONGEST)), "=" * min(len(report.title), WIDTH), ""]
    for each in report.lead:
        lines += _wrapped(clean(each, LONGEST))
    for section in report.sections:
        lines += ["", section.heading, "-" * len(section.heading)]
        if not section.items:
            lines.append(section.nothing)
        for item in section.items:
            lines += _wrapped(_spoken(item, report.language), first="- ", later="  ")
    return "\n".join(lines) + "\n"


def _wrapped(text: str, *, first: str = "", later: str = "") -> list[str]:
    """In lines; none is broken before French punctuation, nor within a time of day."""
    kept = _UNBROKEN.sub("\u00a0", text)
    lines = textwrap.wrap(kept, WIDTH, initial_indent=first, subsequent_indent=later)
    return [line.replace("\u00a0", " ") for line in lines]


def _spoken(item: Item, language: str) -> str:
    colon = COLON[language]
    return f"{clean(item.title, LONGEST)}{colon}{clean(item.said, LONGEST)}"


def body(report: Report) -> Markup:
    """The report as a piece of HTML, to be placed in a page."""
    pieces = [Markup("<h1>{}</h1>").format(clean(report.title, LONGEST))]
    pieces += [Markup("<p>{}</p>").format(clean(each, LONGEST)) for each in report.lead]
    for section in report.sections:
        pieces.append(Markup("<h2>{}</h2>").format(section.heading))
        if section.items:
            pieces.append(Markup("<ul>\n{}\n</ul>").format(Markup("\n").join(map(_listed, section.items))))
        else:
            pieces.append(Markup("<p>{}</p>").format(section.nothing))
    return Markup("\n").join(pieces)


def _listed(item: Item) -> Markup:
    return Markup("<li><strong>{}</strong> — {}</li>").format(clean(item.title, LONGEST), clean(item.said, LONGEST))


_STYLE = Markup(
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:1.6rem}li{margin:.3rem 0}"
)


_PAGE = Markup(
    """<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
)


def html(report: Report) -> str:
    """A page by itself, for any web server; nothing in it comes from elsewhere."""
    title = clean(report.title, LONGEST)
    return str(_PAGE.format(lang=report.language, title=title, style=_STYLE, body=body(report)))


FORMS: Mapping[str, Callable[[Report], str]] = {"md": markdown, "txt": plain, "html": html}


def written(report: Report, form: str) -> str:
    """`form` is one of FORMS."""
    return FORMS[form](report)
