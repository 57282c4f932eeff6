"""The page of addresses: everything that the daemon answers at, who asks for it, and what may be asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from docs.writing.markdown import code, said, table
from retabli.model.words import Words
from retabli.web.access.rules import RULES
from retabli.web.pages.log import KINDS

TITLE = Words("Les adresses HTTP", "HTTP addresses")
ABOUT = Words(
    "Ce à quoi répond le démon sur `web.listen`. Toute page prend `?lang=fr` ou `?lang=en`. Un POST n'est pris que "
    "d'une page du démon lui-même ou d'un outil, jamais d'un autre site (403). Le rôle est celui qu'il faut quand le "
    "démon a des comptes ou un mandataire ([Sécurité](../../securite.md)) ; sans eux, voir est ouvert à tous, et rien "
    "ne se change que depuis la machine. L'API est décrite pour les programmes "
    'par `/api/v1/openapi.json` ; ses erreurs sont `{"error": …}`.',
    "What the daemon answers at on `web.listen`. Every page takes `?lang=fr` or `?lang=en`. A POST is taken from the "
    "daemon's own pages or a tool alone, never from another site (403). The role is the one needed where the daemon "
    "has accounts or a proxy ([Security](../../security.md)); without them everybody may see, and nothing is changed "
    "but from the machine. `/api/v1/openapi.json` describes the API to "
    'programs; its errors are `{"error": …}`.',
)
NOBODY = Words("tous", "everybody")
ASKED = Words("Paramètres", "Parameters")
PARTS = {
    "people": Words("Pour des personnes", "For people"),
    "public": Words("Pour le public", "For the public"),
    "api": Words("L'API", "The API"),
    "service": Words("Pour l'exploitation", "For those who run it"),
}
HEADS = Words("adresse||rôle|sens", "address||role|means")
FIELD_HEADS = Words("champ|sens", "field|means")

_LANG = Words("la langue de ce qui est pour des personnes : fr ou en", "the language of what is for people: fr or en")
_BY = Words("le nom d'une personne, pour la main courante", "a person's name, for the log")
_UNTIL = Words(
    "un instant avec son décalage, ou une durée : 2h, 30m", "an instant with its offset, or how long from now: 2h, 30m"
)
_LIMIT = Words("au plus tant de lignes", "at most so many rows")
_MOMENT = Words("un instant (RFC 3339, ou secondes Unix)", "an instant (RFC 3339, or Unix seconds)")


@dataclass(frozen=True, slots=True)
class Address:
    """`methods` as they are written; `fields`, by name, what a question or a body may hold."""

    part: str
    methods: str
    means: Words
    fields: Mapping[str, Words] = field(default_factory=dict)


ADDRESSES: Mapping[str, Address] = {
    "/": Address("people", "GET", Words("le mur : tous les flux, en direct", "the wall: every flow, live")),
    "/flows/{id}": Address(
        "people",
        "GET",
        Words(
            "un flux : pourquoi, que faire, les formulaires de l'astreinte", "a flow: why, what to do, on-call's forms"
        ),
        {"unit": Words("l'unité montrée en entier", "the unit that is shown in full")},
    ),
    "/flows/{id}/acknowledge": Address(
        "people",
        "GET, POST",
        Words("prendre en charge, par le formulaire de la page", "acknowledge, by the page's form"),
    ),
    "/flows/{id}/silence": Address("people", "GET, POST", Words("faire taire, de même", "silence, likewise")),
    "/flows/{id}/unsilence": Address(
        "people", "GET, POST", Words("finir un silence, de même", "end a silence, likewise")
    ),
    "/log": Address(
        "people",
        "GET",
        Words("la main courante", "the log"),
        {
            "flow": Words("ce flux seulement", "this flow alone"),
            "kind": Words(", ".join(KINDS), ", ".join(KINDS)),
            "since": _MOMENT,
            "until": _MOMENT,
            "before": Words("les lignes de numéro inférieur", "rows with a lower number"),
            "format": Words(
                "csv ou json : toutes ces lignes, à télécharger", "csv or json: all these rows, to download"
            ),
        },
    ),
    "/report": Address(
        "people",
        "GET",
        Words("le point de situation", "the point of situation"),
        {
            "format": Words("md, txt ou html ; sans lui, une page", "md, txt or html; without it, a page"),
            "at": Words("tel qu'il était à cet instant", "as it was at that instant"),
            "since": Words("ce qui a changé depuis, en tête", "what has changed since, first"),
            "public": Words("1 : seulement ce que le public peut lire", "1: only what the public may read"),
        },
    ),
    "/feed.atom": Address("people", "GET", Words("les changements d'état, en Atom", "changes of state, as Atom")),
    "/badge.svg": Address("people", "GET", Words("une pastille pour tous les flux", "a badge for all flows")),
    "/badge/{flow}.svg": Address("people", "GET", Words("une pastille pour un flux", "a badge for one flow")),
    "/live": Address(
        "people",
        "GET",
        Words("ce dont le mur se nourrit (événements du serveur)", "what the wall lives on (server-sent events)"),
        {"since": Words("la révision déjà vue", "the revision seen already")},
    ),
    "/static/{name}": Address("people", "GET", Words("style et script des pages", "the pages' style and script")),
    "/public": Address(
        "public",
        "GET",
        Words("la page publique : ni hôte, ni cause, ni rupture", "the public page: no host, cause or breach"),
    ),
    "/public/feed.atom": Address("public", "GET", Words("ses changements", "its changes")),
    "/public/badge.svg": Address("public", "GET", Words("sa pastille", "its badge")),
    "/api/v1/flows": Address("api", "GET", Words("tous les flux", "every flow"), {"lang": _LANG}),
    "/api/v1/flows/{id}": Address("api", "GET", Words("un flux", "one flow"), {"lang": _LANG}),
    "/api/v1/flows/{id}/history": Address(
        "api",
        "GET",
        Words("ses essais conservés, du plus récent au plus ancien", "its runs that are kept, the newest first"),
        {"limit": Words("au plus tant d'essais (200)", "at most so many runs (200)")},
    ),
    "/api/v1/flows/{id}/acknowledge": Address(
        "api",
        "POST",
        Words("quelqu'un a pris l'alerte en charge", "somebody has taken the page in hand"),
        {"by": _BY, "note": Words("ce que l'on sait déjà", "what is known already"), "until": _UNTIL},
    ),
    "/api/v1/flows/{id}/silence": Address(
        "api",
        "POST",
        Words(
            "travaux prévus : aucune alerte jusque-là, sauf rupture",
            "planned work: no page until then, but for a breach",
        ),
        {"until": _UNTIL, "by": _BY, "why": Words("les travaux prévus", "the work that is planned")},
    ),
    "/api/v1/flows/{id}/unsilence": Address(
        "api", "POST", Words("fin d'un silence", "the end of a silence"), {"by": _BY}
    ),
    "/api/v1/log": Address(
        "api",
        "GET",
        Words("la main courante, de la plus récente ligne à la plus ancienne", "the log, the newest row first"),
        {
            "since": _MOMENT,
            "until": _MOMENT,
            "flow": Words("ce flux seulement", "this flow alone"),
            "event": Words("ces sortes de lignes ; peut être répété", "rows of these kinds; may be repeated"),
            "before": Words("les lignes de numéro inférieur", "rows with a lower number"),
            "limit": _LIMIT,
        },
    ),
    "/api/v1/stream": Address(
        "api",
        "GET",
        Words(
            "les changements à mesure : événements flow, gone, log, resync",
            "changes as they happen: events flow, gone, log, resync",
        ),
    ),
    "/api/v1/openapi.json": Address("api", "GET", Words("la description de l'API", "the API's description")),
    "/metrics": Address(
        "service", "GET", Words("les métriques ([liste](metriques.md))", "the metrics ([list](metrics.md))")
    ),
    "/probe": Address(
        "service",
        "GET",
        Words("une unité sous la forme de blackbox_exporter", "one unit in blackbox_exporter's form"),
        {"target": Words("FLUX/SONDE", "FLOW/PROBE")},
    ),
    "/-/healthy": Address(
        "service",
        "GET",
        Words(
            "200 si le démon fait son travail ; 503 et pourquoi, sinon",
            "200 if the daemon does its work; 503 and why, if it does not",
        ),
    ),
    "/-/ready": Address(
        "service", "GET", Words("200 quand l'état est repris ; 503 avant", "200 once the state is taken up; 503 before")
    ),
    "/-/reload": Address(
        "service",
        "POST",
        Words(
            "relire la configuration ; si elle est refusée (l'ancienne continue), 400 et ses fautes, ou 503 et "
            "pourquoi quand la faute n'en est pas à elle",
            "read the configuration again; if it is refused (the old one goes on), 400 and its faults, or 503 and why "
            "when it is not the one at fault",
        ),
    ),
    "/login": Address(
        "people", "GET, POST", Words("s'identifier, si le démon a des comptes", "log in, where there are accounts")
    ),
    "/logout": Address("people", "POST", Words("finir sa session", "end one's session")),
    "/demo/switch": Address(
        "service",
        "POST",
        Words("démonstration seulement : manœuvrer un flux", "the demo alone: move a flow's switch"),
        {
            "flow": Words("le flux", "the flow"),
            "position": Words("la position voulue", "the position that is wanted"),
            "stay": Words("revenir à la page du flux", "go back to the flow's page"),
        },
    ),
}


def role(path: str, methods: str, language: str) -> str:
    """The role that it needs where the daemon has accounts or a proxy; of a form, the one that sending it needs."""
    needed = RULES[path].need(methods.rpartition(" ")[2])
    return NOBODY[language] if needed is None else code(str(needed))


def lines(language: str) -> Iterator[str]:
    for part, title in PARTS.items():
        met = {path: each for path, each in ADDRESSES.items() if each.part == part}
        yield from (f"## {title[language]}", "")
        rows = (
            (code(path), each.methods, role(path, each.methods, language), said(each.means, language))
            for path, each in met.items()
        )
        yield from table(HEADS[language].split("|"), rows)
        if any(each.fields for each in met.values()):
            yield from (f"### {ASKED[language]} — {title[language]}", "")
        for path, each in met.items():
            if each.fields:
                yield from (code(path), "")
                fields = ((code(name), words[language]) for name, words in each.fields.items())
                yield from table(FIELD_HEADS[language].split("|"), fields)
