"""A badge: one line of SVG with a state's word, shape and colour, to be placed in a page of somebody else's."""

import unicodedata
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

HEIGHT, FONT, PAD, SHAPE = 24, 13, 8, 14  # pixels
WIDEST = 40  # characters of the label, or of the word
COLOURS = {
    "restored": "#17754a",
    "contained": "#0c6872",
    "suspended": "#55606b",
    "recovering": "#155fa8",
    "degraded": "#965a00",
    "down": "#55606b",
    "dropped": "#bd1a2b",
    "breached": "#96105f",
    "unknown": "#6842a6",
}
_LINE = 'fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"'
_LOCK = '<path d="M7 11V7.500a5 5 0 0 1 10 0V11" fill="none" stroke="#fff" stroke-width="2.4"/>'
_LOCKED = _LOCK + '<rect x="3.500" y="10.500" width="17" height="12" rx="2" fill="#fff"/>'
SHAPES = {
    "restored": f'<circle cx="12" cy="12" r="10" {_LINE}/><path d="M7 12.500l3.500 3.500 6.500-7.500" {_LINE}/>',
    "contained": _LOCKED,
    "suspended": _LOCKED,
    "recovering": f'<path d="M12 20V5M6 11l6-6 6 6" {_LINE}/>',
    "degraded": f'<path d="M12 1.500L22.500 12 12 22.500 1.500 12z" {_LINE}/>',
    "down": f'<rect x="2.500" y="2.500" width="19" height="19" rx="2" {_LINE}/><path d="M7 12h10" {_LINE}/>',
    "dropped": f'<path d="M2 3.500h20L12 21.500z" {_LINE}/><path d="M12 8v4" {_LINE}/>',
    "breached": f'<path d="M7.600 2h8.800L22 7.600v8.800L16.400 22H7.600L2 16.400V7.600z" {_LINE}/>'
    f'<path d="M8 8l8 8M16 8l-8 8" {_LINE}/>',
    "unknown": f'<path d="M7.500 8.500a4.500 4.500 0 1 1 6.800 4c-1.500.9-2.300 1.600-2.300 3.200" {_LINE}/>'
    '<circle cx="12" cy="20.500" r="1.800" fill="#fff"/>',
}


@dataclass(frozen=True, slots=True)
class Badge:
    """`state` is one of COLOURS; texts are inert already."""

    label: str
    word: str
    state: str


def badge(of: Badge, language: str) -> str:
    """As SVG (1.1): no style, no script, nothing from elsewhere; its title is what a screen reader says."""
    label, word = _cut(of.label), _cut(of.word)
    left, right = _width(label), round(1.1 * _width(word))  # the word is bold
    split = left + 2 * PAD
    width = split + PAD + SHAPE + 6 + right + PAD
    said = f"{of.label}{' : ' if language == 'fr' else ': '}{of.word}".replace(" :", "\u00a0:")
    colour, shape = COLOURS[of.state], SHAPES[of.state]
    middle = (HEIGHT - SHAPE) / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" viewBox="0 0 {width} {HEIGHT}" '
        f'role="img" lang="{language}" aria-label={quoteattr(said)}><title>{escape(said)}</title>'
        f'<rect width="{width}" height="{HEIGHT}" rx="4" fill="{colour}"/>'
        f'<path d="M4 0H{split}V{HEIGHT}H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4z" fill="#2b333b"/>'
        f'<svg x="{split + PAD}" y="{middle:g}" width="{SHAPE}" height="{SHAPE}" viewBox="0 0 24 24">{shape}</svg>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,Liberation Sans,Arial,sans-serif" font-size="{FONT}">'
        f'<text x="{PAD}" y="17" textLength="{left}" lengthAdjust="spacingAndGlyphs">{escape(label)}</text>'
        f'<text x="{split + PAD + SHAPE + 6}" y="17" textLength="{right}" lengthAdjust="spacingAndGlyphs" '
        f'font-weight="bold">{escape(word)}</text></g></svg>\n'
    )


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _width(text: str) -> int:
    """About as wide as these characters are in a sans-serif of 13 pixels; the text is then set to it exactly."""
    return max(8, round(sum(map(_advance, text))))


def _advance(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 13.0
    if char in "iljI.,;:!'|()’\u00a0 ":
        return 4.6
    if char in "frt-/":
        return 5.6
    if char in "mwMW@%—…":
        return 12.0
    return 9.2 if char.isupper() else 7.9
