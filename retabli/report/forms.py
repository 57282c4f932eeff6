"""A report as Markdown, as plain text, and as HTML: whatever stands in a title or a notice stays text in each."""

import re
import textwrap
from collections.abc import Callable, Iterator, Mapping

from markupsafe import Markup

from retabli.model.result import clean
from retabli.published import typeset
from retabli.report.text import Item, Report, Section

WIDTH = 78
LONGEST = 1000  # characters of one text
_NBSP = "\u00a0"


def _set(text: str, language: str) -> str:
    return typeset(clean(text, LONGEST), language)


def markdown(report: Report) -> str:
    """CommonMark."""
    parts = [f"# {_literal(report.title, report.language)}", *(_literal(each, report.language) for each in report.lead)]
    for section in report.sections:
        parts.append(f"{'###' if section.under else '##'} {_literal(section.heading, report.language)}")
        parts += _points(section, report.language)
    return "\n\n".join(parts) + "\n"


def _points(section: Section, language: str) -> Iterator[str]:
    if section.items:
        pairs = ((_literal(each.title, language), _literal(each.said, language)) for each in section.items)
        yield "\n".join(f"- **{title}** — {said}" for title, said in pairs)
    elif section.nothing:
        yield _literal(section.nothing, language)


def _literal(text: str, language: str) -> str:
    return _escaped(_set(text, language))


def _escaped(text: str) -> str:
    r"""Nothing in it is markup: `*` → `\*`; a link or an image cannot be made either (CommonMark, section 2.4)."""
    return re.sub(r"([\\`*_\[\]<>#|~&])", r"\\\1", text)


def plain(report: Report) -> str:
    """For a terminal, a mail, a fax: lines of at most 78 columns."""
    language = report.language
    title = _set(report.title, language)
    lines = [*_wrapped(title), "=" * min(len(title), WIDTH), ""]
    for each in report.lead:
        lines += _wrapped(_set(each, language))
    for section in report.sections:
        lines += _plain_section(section, language)
    return "\n".join(lines) + "\n"


def _plain_section(section: Section, language: str) -> Iterator[str]:
    heading = _set(section.heading, language)
    yield ""
    if section.under:
        yield f"{heading}{_NBSP if language == 'fr' else ''}:"
    else:
        yield from _wrapped(heading)
        yield "-" * min(len(heading), WIDTH)
    if not section.items and section.nothing:
        yield _set(section.nothing, language)
    for item in section.items:
        yield from _wrapped(f"{_set(item.title, language)} — {_set(item.said, language)}", first="- ", later="  ")


def _wrapped(text: str, *, first: str = "", later: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=later, break_on_hyphens=False)


def body(report: Report) -> Markup:
    """The report as a piece of HTML, to be placed in a page."""
    language = report.language
    pieces = [Markup("<h1>{}</h1>").format(_set(report.title, language))]
    pieces += [Markup("<p>{}</p>").format(_set(each, language)) for each in report.lead]
    for section in report.sections:
        heading = Markup("<h3>{}</h3>") if section.under else Markup("<h2>{}</h2>")
        pieces.append(heading.format(_set(section.heading, language)))
        if section.items:
            listed = Markup("\n").join(_listed(each, language) for each in section.items)
            pieces.append(Markup("<ul>\n{}\n</ul>").format(listed))
        elif section.nothing:
            pieces.append(Markup("<p>{}</p>").format(_set(section.nothing, language)))
    return Markup("\n").join(pieces)


def _listed(item: Item, language: str) -> Markup:
    state = Markup(' data-state="{}"').format(item.state) if item.state else Markup()
    title, said = _set(item.title, language), _set(item.said, language)
    return Markup("<li{}><strong>{}</strong> — {}</li>").format(state, title, said)


_STYLE = Markup(
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:1.6rem}h3{font-size:1rem;margin:1rem 0 .3rem}"
    "li{margin:.3rem 0}@media print{@page{size:A4;margin:18mm}"
    "body{max-width:none;margin:0;padding:0;font-size:11pt}li{break-inside:avoid}}"
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
    title = _set(report.title, report.language)
    return str(_PAGE.format(lang=report.language, title=title, style=_STYLE, body=body(report)))


FORMS: Mapping[str, Callable[[Report], str]] = {"md": markdown, "txt": plain, "html": html}


def written(report: Report, form: str) -> str:
    """`form` is one of FORMS."""
    return FORMS[form](report)
