"""How `alert kinds` shows the kinds of channels: from their models, as `kinds` shows those of probes."""

from commands._kind_print import heading, setting, settings, wrapped
from commands._paper import Paper
from config.schema import of_kind
from retabli.alerts.channels import CHANNELS, placeholders
from retabli.model.words import Words

FIELDS = Words("champs d'un message, pour {…}", "fields of a message, for {…}")


def all_kinds(paper: Paper, language: str) -> None:
    width = max(map(len, CHANNELS))
    for name in CHANNELS:
        lines = wrapped(_summary(name, language), " " * (width + 2))
        paper.line((f"{name:<{width}}  ", "bold"), lines[0].lstrip())
        for line in lines[1:]:
            paper.line(line)


def one_kind(paper: Paper, name: str, language: str) -> None:
    paper.line((name, "bold"))
    for line in wrapped(_summary(name, language), "  "):
        paper.line(line)
    heading(paper, "settings", language)
    for path, shape, required in settings(of_kind(CHANNELS[name])):
        setting(paper, path, shape, language, required=required)
    paper.line()
    paper.line((FIELDS[language], "bold underline"))
    for line in wrapped(" ".join(placeholders.FIELDS), "  "):
        paper.line(line)


def _summary(name: str, language: str) -> str:
    french, english = CHANNELS[name].SUMMARY
    return french if language == "fr" else english
