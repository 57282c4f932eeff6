"""Why a partner's images are not shown to arrive: its silence, or our own archive that cannot say."""

from retabli.model import causes
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.words import Words
from retabli.net.dicom import dicom_causes
from retabli.net.dicom.dicomweb_causes import NOT_DICOM_JSON

NO_NEW_STUDY = cause(
    "no_new_study",
    Side.PARTNER_DOWN,
    fr="aucun examen récent de ce partenaire : le plus récent est plus vieux qu'attendu",
    en="no recent study of this partner: the newest is older than expected",
    look=Words(
        "Demander au partenaire s'il envoie ; regarder le chemin et notre réception (port DICOM, AE, file d'attente).",
        "Ask the partner whether they send; look at the path and our own reception (DICOM port, AE title, queue).",
    ),
)
NEVER_RECEIVED = cause(
    "never_received",
    Side.PROBE,
    fr="l'archive n'a jamais montré d'examen de ce partenaire : silence ou nom mal écrit, on ne peut pas juger",
    en="the archive never showed a study of this partner: silent or misspelt, nothing can be judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Comparer `partner` à ce que ses images portent dans `match_attribute`, et allonger `look_back` au besoin.",
        "Compare `partner` with what its images hold in `match_attribute`, and lengthen `look_back` if need be.",
    ),
)
ONLY_A_DATE = cause(
    "only_a_date",
    Side.PROBE,
    fr="l'examen le plus récent n'a pas d'heure : son âge n'est connu qu'à un jour près",
    en="the newest study has no time: its age is only known to within a day",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Allonger `max_age` d'un jour : cette archive ne donne que la date.",
        "Make `max_age` a day longer: this archive gives the date alone.",
    ),
)
STUDY_IN_FUTURE = cause(
    "study_in_future",
    Side.CONTENT,
    fr="des examens sont datés du futur : une horloge est fausse, et l'âge ne peut être jugé",
    en="studies are dated in the future: a clock is wrong, and no age can be judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Vérifier l'horloge des appareils du partenaire, et la nôtre ; le fuseau horaire aussi.",
        "Check the clock of the partner's machines, and ours; the time zone too.",
    ),
)
MATCH_IGNORED = cause(
    "match_ignored",
    Side.OURS,
    fr="l'archive ne dit pas de quel partenaire viennent les examens : on ne peut pas juger",
    en="the archive does not say which partner its studies are from: nothing can be judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Choisir un `match_attribute` que l'archive sait chercher et rendre au niveau de l'examen.",
        "Choose a `match_attribute` that the archive can search and return at the study level.",
    ),
)
ANSWER_CAPPED = cause(
    "answer_capped",
    Side.OURS,
    fr="l'archive ne rend qu'une partie des examens : le plus récent n'est pas connu",
    en="the archive gives only part of its studies: the newest is not known",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Relever la limite de réponses de l'archive, ou `limit`.", "Raise the archive's limit of answers, or `limit`."
    ),
)

# Our own archive: what it does not say proves nothing against the partner.
_OURS = Words(
    "Cela ne dit rien du partenaire : regarder notre archive et l'accès de la sonde à celle-ci.",
    "This says nothing of the partner: look at our archive, and at the probe's access to it.",
)
ARCHIVE_UNASKED = cause(
    "archive_unasked",
    Side.OURS,
    fr="notre archive ne peut pas être interrogée : rien n'est prouvé du partenaire",
    en="our archive cannot be asked: nothing is proven of the partner",
    verdict=Verdict.UNKNOWN,
    look=_OURS,
)
ARCHIVE_LOGIN_REFUSED = cause(
    "archive_login_refused",
    Side.OURS,
    fr="notre archive refuse les identifiants de la sonde",
    en="our archive refuses the probe's credentials",
    verdict=Verdict.UNKNOWN,
    credential=True,
    look=causes.AUTH_REFUSED.look,
)
ARCHIVE_REFUSES = cause(
    "archive_refuses",
    Side.OURS,
    fr="notre archive nous refuse cette recherche",
    en="our archive refuses us this query",
    verdict=Verdict.UNKNOWN,
    look=_OURS,
)
ARCHIVE_GARBAGE = cause(
    "archive_garbage",
    Side.OURS,
    fr="notre archive répond n'importe quoi",
    en="our archive answers garbage",
    verdict=Verdict.UNKNOWN,
    look=_OURS,
)

CAUSES = (
    NO_NEW_STUDY,
    NEVER_RECEIVED,
    ONLY_A_DATE,
    STUDY_IN_FUTURE,
    MATCH_IGNORED,
    ANSWER_CAPPED,
    ARCHIVE_UNASKED,
    ARCHIVE_LOGIN_REFUSED,
    ARCHIVE_REFUSES,
    ARCHIVE_GARBAGE,
)

_REFUSALS = (causes.AUTH_REQUIRED, causes.CLIENT_CERT_MISSING, dicom_causes.CALLED_AE_UNKNOWN)
_GARBAGE = (causes.GARBAGE, causes.TOO_LONG, causes.NOT_TLS, NOT_DICOM_JSON)


def as_our_archives(found: Cause, detail: str) -> tuple[Cause, str]:
    """Whatever falls on the way to our own archive says nothing of the partner (see `Ladder.told_as`)."""
    said = f"{found.code}: {detail}" if detail else found.code
    if found.credential:
        return ARCHIVE_LOGIN_REFUSED, said
    if found in _GARBAGE:
        return ARCHIVE_GARBAGE, said
    refused = found in _REFUSALS or found.side is Side.PARTNER_REFUSES
    return (ARCHIVE_REFUSES if refused else ARCHIVE_UNASKED), said
