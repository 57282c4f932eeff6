"""Numbers as the reader's language writes them: `1 250` and `3,2` in French, `1,250` and `3.2` in English."""

NBSP = "\u00a0"
NARROW = "\u202f"  # the space by which French sets thousands apart


def number(value: int, language: str) -> str:
    """A whole number, its thousands apart: `1 250`, `1,250`."""
    return f"{value:,}".replace(",", NARROW) if language == "fr" else f"{value:,}"


def decimal(value: float, places: int, language: str) -> str:
    """With so many places: `1 250,3`, `1,250.3`."""
    text = f"{value:,.{places}f}"
    return text.translate(_FRENCH) if language == "fr" else text


def percent(ratio: float, language: str) -> str:
    """Of a whole: `97 %`, `97%`. Neither nothing nor all is said of what is only near it."""
    rounded = round(100 * ratio)
    if 0 < ratio < 1:
        rounded = min(max(rounded, 1), 99)
    return f"{number(rounded, language)}{NBSP}%" if language == "fr" else f"{number(rounded, language)}%"


_FRENCH = str.maketrans({",": NARROW, ".": ","})
