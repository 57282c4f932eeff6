"""What a closed flow's round can give instead of a proof: an answer, which is a breach, or a reason not to judge.

Only an answer fails. Whatever else goes wrong is unknown: a silence that may be our own proves nothing.
"""

from retabli.model import causes
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.words import Words
from retabli.net.web.proxy_causes import PROXY_DOWN

_SHUT = Words(
    "Fermer cette sortie maintenant : règle du pare-feu, route, ou machine exposée ; le détail dit laquelle répond.",
    "Shut this way out now: firewall rule, route, or exposed machine; the detail says which one answers.",
)
_CONTROL = Words(
    "Rétablir ce témoin d'abord : sans lui, un silence ne prouve aucune fermeture.",
    "Mend this control first: without it a silence proves no closure.",
)

# Answers: the breach ------------------------------------------------------------------------------------------------
ANSWERED = cause(
    "answered",
    Side.OURS,
    fr="une destination extérieure répond : le flux n'est pas fermé",
    en="a destination outside answers: the flow is not closed",
    look=Words(
        _SHUT.fr + " Si c'est le pare-feu lui-même qui répond à sa place, donner `says` ou `deny_page`.",
        _SHUT.en + " If the firewall itself answers in its place, give `says` or `deny_page`.",
    ),
)
ANSWERED_IPV6 = cause(
    "answered_ipv6",
    Side.OURS,
    fr="une destination extérieure répond, en IPv6 seulement",
    en="a destination outside answers, over IPv6 only",
    look=Words(
        "Appliquer les mêmes règles en IPv6 qu'en IPv4 sur le pare-feu, ou retirer IPv6 de cette zone.",
        "Apply the same firewall rules to IPv6 as to IPv4, or take IPv6 out of this zone.",
    ),
)
PROXY_LETS_THROUGH = cause(
    "proxy_lets_through",
    Side.OURS,
    fr="le proxy laisse passer vers un site non autorisé",
    en="the proxy lets through to a site that is not allowed",
    look=Words(
        "Regarder les règles du proxy ; s'il refuse par une page, décrire sa signature (`denied` du proxy).",
        "Look at the proxy's rules; if it denies by a page, describe its sign (the proxy's `denied`).",
    ),
)
DNS_TUNNEL_OPEN = cause(
    "dns_tunnel_open",
    Side.OURS,
    fr="des données peuvent sortir par le DNS",
    en="data can get out by DNS",
    look=Words(
        "Retirer au résolveur interne la résolution des noms extérieurs, ou n'y laisser qu'une liste.",
        "Take the resolution of outside names from the inside resolver, or leave it a list only.",
    ),
)
BREACHES = (ANSWERED, ANSWERED_IPV6, PROXY_LETS_THROUGH, DNS_TUNNEL_OPEN)


# Not judged ---------------------------------------------------------------------------------------------------------
def _unknown(code: str, side: Side, *, fr: str, en: str, look: Words | None = None, credential: bool = False) -> Cause:
    return cause(code, side, fr=fr, en=en, verdict=Verdict.UNKNOWN, look=look, credential=credential)


SOMEONE_ELSE_ANSWERS = _unknown(
    "someone_else_answers",
    Side.OURS,
    fr="quelque chose répond à la place de la cible",
    en="something answers in the target's place",
    look=Words(
        "Un pare-feu ou un résolveur répond à la place de la cible : décrire sa page (`deny_page`), ou, s'il achève "
        "lui-même les connexions puis les coupe, ajouter `cut` à `denied`.",
        "A firewall or resolver answers in the target's place: describe its page (`deny_page`) or, if it completes "
        "connections itself and then cuts them, add `cut` to `denied`.",
    ),
)
NO_WAY_OUT = _unknown(
    "no_way_out",
    Side.OURS,
    fr="notre propre machine n'a pas de chemin vers la cible",
    en="our own machine has no way to the target",
    look=Words(
        "Regarder le lien, l'adresse et la route de cette machine : elle ne peut rien prouver.",
        "Look at this machine's link, address and route: it can prove nothing.",
    ),
)
OWN_FILTER = _unknown(
    "own_filter",
    Side.OURS,
    fr="le filtre de notre propre machine arrête l'essai",
    en="our own machine's filter stops the attempt",
    look=Words(
        "Laisser sortir la sonde de sa machine : c'est le pare-feu de l'hôpital qui doit l'arrêter.",
        "Let the probe out of its own machine: it is the hospital's firewall that must stop it.",
    ),
)
RESOLVER_FAILED = _unknown(
    "resolver_failed",
    Side.OURS,
    fr="le résolveur est en défaut : rien n'a pu être essayé par ce nom",
    en="the resolver fails: nothing could be tried by this name",
    look=Words(
        "Regarder le résolveur ; il mérite un flux à lui. Une adresse comme cible se passe de lui.",
        "Look at the resolver; it deserves a flow of its own. An address as target does without it.",
    ),
)
NAME_MISSING = _unknown(
    "name_missing",
    Side.OURS,
    fr="le nom de la cible n'existe pas : cela ne prouve aucune fermeture",
    en="the target's name does not exist: that proves no closure",
    look=Words(
        "Corriger le nom, le renouveler, ou donner une adresse ; un filtre DNS se décrit par `sinkholes`.",
        "Correct the name, renew it, or give an address; a DNS filter is described by `sinkholes`.",
    ),
)
PROXY_ACCOUNT = _unknown(
    "proxy_account",
    Side.OURS,
    fr="le proxy refuse le compte de la sonde : cela ne prouve aucune fermeture",
    en="the proxy refuses the probe's account: that proves no closure",
    look=Words(
        "Vérifier le compte de la sonde sur le proxy et son mot de passe.",
        "Check the probe's account on the proxy, and its password.",
    ),
    credential=True,
)
NOT_EXPECTED_SIGNATURE = _unknown(
    "not_expected_signature",
    Side.OURS,
    fr="refusé, mais pas de la façon attendue",
    en="denied, but not in the expected way",
    look=Words(
        "Comparer le détail avec `denied`, la page de refus (`deny_page`, `denied` du proxy) et `sinkholes`.",
        "Compare the detail with `denied`, the deny page (`deny_page`, the proxy's `denied`) and `sinkholes`.",
    ),
)
CONTROL_PATH_FAILED = _unknown(
    "control_path_failed",
    Side.OURS,
    fr="notre propre sortie ne fonctionne pas : un silence ne prouve rien",
    en="our own way out does not work: a silence proves nothing",
    look=_CONTROL,
)
TARGET_NOT_ALIVE = _unknown(
    "target_not_alive",
    Side.OURS,
    fr="la cible ne répond à personne : un silence ne prouve rien",
    en="the target answers nobody: a silence proves nothing",
    look=Words(
        "Relancer le témoin extérieur ; mort, il ressemble à une porte fermée.",
        "Restart the canary outside; dead, it looks like a closed door.",
    ),
)
ALIVE_NOT_KNOWN = _unknown(
    "alive_not_known",
    Side.OURS,
    fr="on ne sait pas si la cible répond ailleurs : un silence ne prouve rien",
    en="whether the target answers elsewhere is not known: a silence proves nothing",
    look=_CONTROL,
)
CONTROLS_MISSING = _unknown(
    "controls_missing",
    Side.PROBE,
    fr="un silence ou un rejet ne prouve rien sans témoins",
    en="a silence or a reset proves nothing without controls",
    look=Words(
        "Configurer `control.path` et `control.alive`, ou nommer le pare-feu qui refuse en le disant (`firewalls`).",
        "Configure `control.path` and `control.alive`, or name the firewall that says so by ICMP (`firewalls`).",
    ),
)
ROUND_NOT_JUDGED = _unknown(
    "round_not_judged",
    Side.PROBE,
    fr="le tour n'a pas pu être mené à son terme",
    en="the round could not be brought to its end",
)
IPV6_GONE = cause(
    "ipv6_gone",
    Side.OURS,
    fr="IPv6 a disparu de cette machine, et n'est plus éprouvé",
    en="IPv6 is gone from this machine, and is not tried any more",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Voulu : rien à faire, cela s'oublie en un jour. Sinon, rendre son IPv6 à cette machine.",
        "On purpose: nothing to do, it is forgotten in a day. Otherwise give this machine its IPv6 back.",
    ),
)

CAUSES = (
    *BREACHES,
    SOMEONE_ELSE_ANSWERS,
    NO_WAY_OUT,
    OWN_FILTER,
    RESOLVER_FAILED,
    NAME_MISSING,
    PROXY_DOWN,
    PROXY_ACCOUNT,
    NOT_EXPECTED_SIGNATURE,
    CONTROL_PATH_FAILED,
    TARGET_NOT_ALIVE,
    ALIVE_NOT_KNOWN,
    CONTROLS_MISSING,
    ROUND_NOT_JUDGED,
    IPV6_GONE,
)

# Which of several attempts' causes is the round's: safety first, then what is nearest to a breach, then what kept us
# from trying at all.
PRECEDENCE = (
    *BREACHES,
    PROXY_ACCOUNT,  # accounts lock: it must not be hidden by anything that is merely unknown
    SOMEONE_ELSE_ANSWERS,
    causes.LOCAL_RESOURCES,
    causes.LOCAL_PERMISSION,
    causes.SECRET_UNREADABLE,
    OWN_FILTER,
    NO_WAY_OUT,
    RESOLVER_FAILED,
    NAME_MISSING,
    PROXY_DOWN,
    NOT_EXPECTED_SIGNATURE,
    ROUND_NOT_JUDGED,
)


def as_unjudged(found: Cause, detail: str) -> tuple[Cause, str]:
    """Within a round, whatever would fail and is no answer is called by a cause that is merely unknown."""
    if found in BREACHES or found.verdict is Verdict.UNKNOWN:
        return found, detail
    return ROUND_NOT_JUDGED, f"{found.code} {detail}".strip()
