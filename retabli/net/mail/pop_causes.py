"""Why a probe's maildrop could not be read by POP3. None of it says anything of the mail that is watched."""

from retabli.model import causes
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.words import Words

_SERVER = Words(
    "Vérifier le serveur POP de la boîte de la sonde ; cela ne dit rien du flux surveillé.",
    "Check the POP server of the probe's mailbox; this says nothing of the flow that is watched.",
)
_RETENTION = Words(
    "Faire vider la boîte de la sonde par sa propre durée de conservation : la sonde n'y efface jamais rien.",
    "Have the probe's mailbox emptied by its own retention: the probe never deletes anything there.",
)

NOT_POP = cause(
    "not_pop",
    Side.PROBE,
    fr="ce qui répond ne parle pas POP3 : l'arrivée n'est pas jugée",
    en="what answers does not speak POP3: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=_SERVER,
)
POP_TURNED_AWAY = cause(
    "pop_turned_away",
    Side.PROBE,
    fr="le serveur POP nous congédie dès l'accueil : l'arrivée n'est pas jugée",
    en="the POP server turns us away at the greeting: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=_SERVER,
)
POP_LOGIN_DISABLED = cause(
    "pop_login_disabled",
    Side.PROBE,
    fr="le serveur POP ne propose aucun moyen de s'identifier",
    en="the POP server offers no usable way to log in",
    verdict=Verdict.UNKNOWN,
    look=_SERVER,
)
MAILDROP_LOCKED = cause(
    "maildrop_locked",
    Side.PROBE,
    fr="la boîte POP est tenue par une autre session : l'arrivée n'est pas jugée",
    en="the maildrop is held by another session: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Une boîte POP n'admet qu'une session à la fois : en donner une à la sonde seule, jamais celle d'un service.",
        "A maildrop admits one session at a time: give the probe one of its own, never that of a service.",
    ),
)
POP_LOGIN_DELAYED = cause(
    "pop_login_delayed",
    Side.PROBE,
    fr="le serveur POP impose un délai entre deux connexions : l'arrivée n'est pas jugée",
    en="the POP server wants more time between two logins: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Espacer cette sonde (`every`), ou allonger `within`, ou faire lever ce délai pour son compte.",
        "Probe less often (`every`), or lengthen `within`, or have that delay lifted for its account.",
    ),
)
POP_UNAVAILABLE = cause(
    "pop_unavailable",
    Side.PROBE,
    fr="le serveur POP se dit momentanément en panne : l'arrivée n'est pas jugée",
    en="the POP server says that it fails for now: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=_SERVER,
)
POP_BROKEN = cause(
    "pop_broken",
    Side.PROBE,
    fr="le serveur POP se dit en panne, et qu'il faut intervenir : l'arrivée n'est pas jugée",
    en="the POP server says that it fails until somebody mends it: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=_SERVER,
)
POP_REFUSED = cause(
    "pop_refused",
    Side.PROBE,
    fr="le serveur POP refuse une commande : l'arrivée n'est pas jugée",
    en="the POP server refuses a command: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=_SERVER,
)
MAILDROP_OVERFULL = cause(
    "maildrop_overfull",
    Side.PROBE,
    fr="la boîte POP contient trop de messages pour être parcourue : l'arrivée n'est pas jugée",
    en="the maildrop holds too many messages to look through: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=_RETENTION,
)
MAILDROP_GROWING = cause(
    "maildrop_growing",
    Side.PROBE,
    fr="la boîte POP de la sonde se remplit",
    en="the probe's maildrop is filling up",
    verdict=Verdict.IMPAIRED,
    look=_RETENTION,
)

CAUSES: tuple[Cause, ...] = tuple(value for value in tuple(globals().values()) if isinstance(value, Cause))

# RFC 2449, section 8; RFC 3206, section 4.
RESPONSE_CODES = {
    "IN-USE": MAILDROP_LOCKED,
    "LOGIN-DELAY": POP_LOGIN_DELAYED,
    "SYS/TEMP": POP_UNAVAILABLE,
    "SYS/PERM": POP_BROKEN,
    "AUTH": causes.AUTH_REFUSED,
}
