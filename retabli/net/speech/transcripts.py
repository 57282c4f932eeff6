"""What a recogniser says, taken apart: refusals, errors, texts, and which of them are final."""

from dataclasses import dataclass

from retabli.model.ladder import Fall
from retabli.net.speech.speech_causes import (
    LICENCE,
    LICENCE_EXHAUSTED,
    NO_TRANSCRIPT,
    RECOGNISER_ERROR,
    TOKEN,
    TOKEN_REFUSED,
)
from retabli.net.speech.speech_settings import Sign
from retabli.net.web.json_paths import at

SHOWN = 120  # characters of what came instead


@dataclass(frozen=True, slots=True)
class Reading:
    """How this recogniser's answers are read: where their text and their errors stand, how it refuses us, and whether
    it was shown a token."""

    text_at: str
    error_at: str | None
    refused: Sign
    exhausted: Sign
    presented: bool

    def refusal(self, status: int | None, text: str) -> Fall | None:
        """Whether this answer (or message, or end) says that the licence is exhausted, or refuses our token."""
        said = f"{'' if status is None else status} {text[:SHOWN]}".strip()
        if self.exhausted.seen(status, text):
            return Fall(LICENCE_EXHAUSTED, said, rung=LICENCE)
        if self.presented and self.refused.seen(status, text):
            return Fall(TOKEN_REFUSED, said, rung=TOKEN)
        return None

    def text(self, document: object) -> str | None:
        """The text of an answer; None when it holds none at all.

        Raises:
            Fall: `recogniser_error` when it tells of one, `no_transcript` when something else stands in its place.
        """
        errors = at(document, self.error_at) if self.error_at is not None else []
        told = [error for error in errors if error not in (False, "", 0, {}, [])]
        if told:
            raise Fall(RECOGNISER_ERROR, str(told[0])[:SHOWN])
        found = at(document, self.text_at)
        if not all(isinstance(each, str) for each in found):
            raise Fall(NO_TRANSCRIPT, f"no text at {self.text_at}: {str(found[0])[:SHOWN]}")
        return " ".join(str(each) for each in found) if found else None


def is_final(document: object, final_at: str | None) -> bool:
    """Whether a message's text is final: always, without a sign of it."""
    if final_at is None:
        return True
    path, wanted, value = final_at.partition("=")
    found = at(document, path)
    if wanted:
        return any(_written(each) == value for each in found)
    return any(each not in (False, "", 0) for each in found)


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_page(content_type: str | None) -> bool:
    """A page for people: from something in between, for no recogniser answers by one."""
    return content_type is not None and content_type.lower().startswith("text/html")
