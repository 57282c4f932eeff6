"""A text for people, in French and in English."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    fr: str
    en: str

    def __getitem__(self, language: str) -> str:
        return self.fr if language == "fr" else self.en

    @classmethod
    def same(cls, text: str) -> "Words":
        """The same text in both languages: a title that the operator gave as a plain string."""
        return cls(text, text)


COLON = Words(" : ", ": ")
