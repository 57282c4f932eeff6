"""How `kinds` shows a kind of probe: everything is read from its model, so that nothing here can be out of date."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import probes
from commands._paper import Paper
from commands._setting_french import FRENCH
from commands._setting_words import SETTINGS
from config.schema import durable, of_kind
from retabli.model.causes import COMMON, Cause, Verdict
from retabli.model.probe import Probe
from retabli.model.words import Words

WIDTH = 80
# Spaces at which no line is broken: before French punctuation, and within a form such as {file: …}.
UNBROKEN = re.compile(r" (?=[;:!?»]|…\})|(?<=«) ")
REQUIRED = Words("obligatoire", "required")
DEFAULT = Words("par défaut", "default")
LIKE = Words("comme {path}", "as {path}")
HEADS = {
    "settings": Words("réglages", "settings"),
    "ladder": Words("échelle", "ladder"),
    "own": Words("causes propres à cette sonde", "causes of its own"),
    "common": Words("causes communes à toutes les sondes", "causes common to all kinds"),
}
TYPES = {
    "duration": Words("durée", "duration"),
    "string": Words("texte", "text"),
    "integer": Words("nombre entier", "whole number"),
    "number": Words("nombre", "number"),
    "boolean": Words("true | false", "true | false"),
    "object": Words("mapping", "mapping"),
    "path": Words("chemin d'un fichier", "path of a file"),
    "email": Words("adresse", "address"),
    "uri": Words("adresse web", "web address"),
    "regex": Words("expression régulière", "regular expression"),
    "list": Words("liste : {of}", "list of {of}"),
    "secret": Words(
        "secret : {{file: …}}, {{env: …}} ou {{credential: …}}", "secret: {{file: …}}, {{env: …}} or {{credential: …}}"
    ),
    "anything": Words("valeur quelconque", "any value"),
}
VERDICTS = {
    Verdict.FAILED: Words("", ""),
    Verdict.TEMPORARY: Words("temporaire", "temporary"),
    Verdict.UNKNOWN: Words("indéterminé", "unknown"),
    Verdict.IMPAIRED: Words("passe, mais pas entièrement", "works, but not wholly"),
}


def all_kinds(paper: Paper, language: str) -> None:
    width = max(len(name) for name in probes.kinds())
    for name in probes.kinds():
        lines = wrapped(summary(probes.kind(name), language), " " * (width + 2))
        paper.line((f"{name:<{width}}  ", "bold"), lines[0].lstrip())
        for line in lines[1:]:
            paper.line(line)


def summary(kind: type[Probe], language: str) -> str:
    french, english = kind.SUMMARY
    return french if language == "fr" else english


def one_kind(paper: Paper, name: str, kind: type[Probe], language: str) -> None:
    paper.line((name, "bold"))
    for line in wrapped(summary(kind, language), "  "):
        paper.line(line)
    heading(paper, "settings", language)
    for path, shape, required in settings(of_kind(kind)):
        setting(paper, path, shape, language, required=required)
    heading(paper, "ladder", language)
    width = max(len(stage.id) for stage in kind.LADDER)
    for number, stage in enumerate(kind.LADDER, 1):
        paper.line(f"  {number:>2}  {stage.id:<{width}}  ", (stage.words[language], "dim"))
    own = dict.fromkeys(kind.CAUSES)
    if own:
        heading(paper, "own", language)
        causes(paper, own, language)
    heading(paper, "common", language)
    causes(paper, (cause for cause in COMMON if cause not in own), language)


def heading(paper: Paper, name: str, language: str) -> None:
    paper.line()
    paper.line((HEADS[name][language], "bold underline"))


def causes(paper: Paper, shown: Iterable[Cause], language: str) -> None:
    for cause in shown:
        note = VERDICTS[cause.verdict][language]
        paper.line("  ", (cause.code, "bold"), f"  ({cause.side.value}{', ' + note if note else ''})")
        for line in wrapped(cause.words[language], "      "):
            paper.line(line)


# Settings ---------------------------------------------------------------------------------------------------------


def settings(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """(dotted path, schema, whether it is required) of every setting; what a mapping holds follows it.

    What an earlier mapping held already is not told again: the schema names that one by `like`.
    """
    yield from _settings(schema, schema.get("$defs", {}), "", {})


def _settings(
    schema: dict[str, Any], definitions: dict[str, Any], above: str, told: dict[str, str]
) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for name, own in schema.get("properties", {}).items():
        if name == "kind" and not above:
            continue
        path, shape = above + name, resolved(own, definitions)
        within = shape if "properties" in shape else shape.get("items", {})
        if "properties" not in within or is_secret(within):
            yield path, shape, name in schema.get("required", ())
            continue
        model = repr(sorted(within["properties"].items()))
        if model in told:
            shape = {**shape, "like": told[model]}
        yield path, shape, name in schema.get("required", ())
        if model not in told:
            told[model] = path
            yield from _settings(within, definitions, f"{path}." if within is shape else f"{path}[].", told)


def resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Without references, and without the null that stands for "not given"."""
    if "$ref" in schema:
        found = definitions[schema["$ref"].rpartition("/")[2]]
        outer = {key: value for key, value in schema.items() if key != "$ref"}
        return {**{key: value for key, value in found.items() if key != "description"}, **outer}
    given = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(given) == 1:
        outer = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**resolved(given[0], definitions), **outer}
    if given:
        return {**schema, "anyOf": [resolved(each, definitions) for each in given]}
    if "items" in schema:
        return {**schema, "items": resolved(schema["items"], definitions)}
    return schema


def is_secret(shape: dict[str, Any]) -> bool:
    return set(shape.get("properties", ())) == {"file", "env", "credential"}


def setting(paper: Paper, path: str, shape: dict[str, Any], language: str, *, required: bool) -> None:
    said = [type_words(shape, language)]
    if required:
        said.append(REQUIRED[language])
    elif plain(default := unusual(shape)):
        said.append(f"{DEFAULT[language]} {default_words(default)}")
    if "like" in shape:
        said.append(LIKE[language].format(path=shape["like"]))
    first, *rest = wrapped(f"{path}  {', '.join(said)}", "  ", "      ")
    paper.line("  ", (path, "bold"), first.removeprefix(f"  {path}"))
    for line in rest:
        paper.line(line)
    told = description(path, shape, language)
    for line in wrapped(told, "      ") if told else ():
        paper.line((line, "dim"))


def unusual(shape: dict[str, Any]) -> object:
    """The default; a mapping's only as far as it is not what its settings are when the mapping is written."""
    default = shape.get("default")
    if not isinstance(default, dict):
        return default
    inner = shape.get("properties", {})
    return {key: value for key, value in default.items() if value != inner.get(key, {}).get("default")}


def plain(default: object) -> bool:
    """Whether a default says something."""
    return default not in (None, "", [], {})


def default_words(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, dict):
        return f"{{{', '.join(f'{key}: {default_words(value)}' for key, value in default.items())}}}"
    if isinstance(default, list):
        return f"[{', '.join(str(each) for each in default)}]"
    return str(default)


def type_words(shape: dict[str, Any], language: str) -> str:
    """What may be written there, in an operator's words."""
    if "enum" in shape:
        return " | ".join(map(default_words, shape["enum"]))
    if "const" in shape:
        return default_words(shape["const"])
    if is_secret(shape):
        return TYPES["secret"][language].format()
    if "anyOf" in shape:
        return " | ".join(dict.fromkeys(type_words(each, language) for each in shape["anyOf"]))
    if isinstance(shape.get("type"), list):
        return " | ".join(type_words({**shape, "type": each}, language) for each in shape["type"])
    if shape.get("type") == "array":
        return TYPES["list"][language].format(of=type_words(shape.get("items", {}), language))
    name = "duration" if durable(shape) else shape.get("format", shape.get("type"))
    words = TYPES.get(str(name)) or TYPES.get(str(shape.get("type"))) or TYPES["anything"]
    return words[language] + bounds(shape)


def bounds(shape: dict[str, Any]) -> str:
    low, high = shape.get("minimum"), shape.get("maximum")
    if low is not None and high is not None:
        return f" {low}…{high}"
    return f" ≥ {low}" if low is not None else f" ≤ {high}" if high is not None else ""


def description(path: str, shape: dict[str, Any], language: str) -> str:
    """The kind's own words where it has some in this language, else what the setting means everywhere."""
    usual = SETTINGS.get(path) or SETTINGS.get(path.rpartition(".")[2])
    own = str(shape.get("description", ""))
    if language == "fr":
        return FRENCH.get(own) or (usual.fr if usual is not None else own)
    return own or (usual.en if usual is not None else "")


def wrapped(text: str, indent: str, later: str | None = None) -> list[str]:
    """Lines of 80 columns; those after the first are indented by `later`, if that is another indent."""
    again = indent if later is None else later
    lines = textwrap.wrap(
        UNBROKEN.sub("\u00a0", text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=again,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("\u00a0", " ") for line in lines] or [indent]
