"""The page of settings: every key of every section, and of every kind of channel."""

from collections.abc import Iterator

from commands._kind_print import REQUIRED, default_words, description, plain, settings, type_words, unusual
from config.schema import Schema, of_kind
from config.sections import Copies, Defaults, FlowSettings, Keep, Place, Site
from config.web_settings import User, Web
from docs.writing.markdown import code, said, table
from docs.writing.section_words import FIELDS, SECTIONS, SETTINGS
from retabli.alerts.channels import CHANNELS, placeholders
from retabli.alerts.heartbeat import Heartbeat
from retabli.alerts.routes import Route
from retabli.model.settings import Mailbox, Proxy, Resolver
from retabli.model.settings import Settings as Model
from retabli.model.words import Words

TITLE = Words("Les réglages", "Settings")
ABOUT = Words(
    "Chaque clé de la configuration, sauf celles des sondes, qui sont dans [Les sondes](sondes.md). La configuration "
    "est un fichier YAML, ou un dossier de `*.yaml` : celui de `--config`, sinon `$RETABLI_CONFIG`, sinon "
    "`/etc/retabli`. Une clé inconnue est refusée ; `retabli check` dit toutes les fautes d'un coup. `retabli schema` "
    "en donne le schéma JSON, pour un éditeur. Une durée s'écrit `500ms`, `30s`, `2m`, `1h`, `1d`, `1h30m`. Un chemin "
    "relatif part du fichier de configuration. Un secret n'est jamais écrit en clair : `{file: chemin}`, `{env: NOM}` "
    "ou `{credential: nom}` (systemd).",
    "Every key of the configuration, but for those of probes, which are in [Kinds of probes](kinds.md). The "
    "configuration is a YAML file, or a directory of `*.yaml`: that of `--config`, else `$RETABLI_CONFIG`, else "
    "`/etc/retabli`. A key that nobody knows is refused; `retabli check` tells every fault at once. `retabli schema` "
    "prints its JSON Schema, for editors. A duration is written `500ms`, `30s`, `2m`, `1h`, `1d`, `1h30m`. A relative "
    "path begins at the configuration file. A secret is never written in clear: `{file: path}`, `{env: NAME}` or "
    "`{credential: name}` (systemd).",
)
PARTS: tuple[tuple[str, type[Model]], ...] = (
    ("site", Site),
    ("", Place),
    ("web", Web),
    ("web.users", User),
    ("resolver", Resolver),
    ("defaults", Defaults),
    ("keep", Keep),
    ("copies", Copies),
    ("proxies", Proxy),
    ("mailboxes", Mailbox),
    ("flows", FlowSettings),
    ("alerts.routes", Route),
    ("alerts.heartbeat", Heartbeat),
)
KEYED = ("proxies", "mailboxes")  # whose `name` is the key
HEADS = Words("réglage|ce qui s'y écrit|par défaut|sens", "setting|what is written|default|means")
TOP = Words("En tête", "At the top")
CHANNELS_HEAD = Words("Les sortes de canaux", "Kinds of channels")
FIELDS_HEAD = Words("Les champs d'un message", "The fields of a message")
FIELDS_ABOUT = Words(
    "`{summary}` dans un `template` ou dans l'argument d'un programme est remplacé par ce champ, `{{` par une "
    "accolade.",
    "`{summary}` in a `template` or in a program's argument stands for that field, `{{` for a brace.",
)
FIELDS_HEADS = Words("champ|sens", "field|means")


def lines(language: str) -> Iterator[str]:
    for section, model in PARTS:
        yield from (f"## {section or TOP[language]}", "", SECTIONS[section][language], "")
        yield from rows(of_kind(model), language, section)
    yield from ("## alerts.channels", "", SECTIONS["alerts.channels"][language], "")
    yield from (f"## {CHANNELS_HEAD[language]}", "")
    for name, channel in CHANNELS.items():
        yield from (f"### {name}", "", channel.SUMMARY[0 if language == "fr" else 1], "")
        yield from rows(of_kind(channel), language)
    yield from (f"## {FIELDS_HEAD[language]}", "", FIELDS_ABOUT[language], "")
    fields = ((code(each), said(FIELDS[each], language)) for each in placeholders.FIELDS)
    yield from table(FIELDS_HEADS[language].split("|"), fields)


def rows(schema: Schema, language: str, section: str = "") -> list[str]:
    """The table of one model's settings."""
    made = []
    for path, shape, required in settings(schema):
        if not (path == "name" and section in KEYED):
            made.append(_row(path, shape, language, section, required=required))
    return table(HEADS[language].split("|"), made)


def _row(path: str, shape: Schema, language: str, section: str, *, required: bool) -> tuple[str, ...]:
    default = unusual(shape)
    shown = REQUIRED[language] if required else code(default_words(default)) if plain(default) else ""
    return code(path), type_words(shape, language), shown, meaning(section, path, shape, language)


def meaning(section: str, path: str, shape: Schema, language: str) -> str:
    """The section's own words for it, else those that it has everywhere; and the mapping that it is like."""
    whole = f"{section}.{path}" if section else path
    own = SETTINGS.get(whole) or (SETTINGS.get(path) if section in ("defaults", "flows") else None)
    told = own[language] if own is not None else description(path, shape, language)
    return f"{told} ({LIKE[language].format(path=code(shape['like']))})" if "like" in shape else told


LIKE = Words("comme {path}", "as {path}")
