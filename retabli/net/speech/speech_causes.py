"""Why a recording was not turned into its words: the causes and rungs of speech recognition."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.stages import stage
from retabli.model.words import Words

HOSTS = stage("hosts", fr="hôtes nécessaires", en="hosts it needs")
TOKEN = stage("token", fr="jeton", en="token")
UPGRADE = stage("upgrade", fr="passage à WebSocket", en="upgrade to WebSocket")
LICENCE = stage("licence", fr="licence", en="licence")
RECOGNISED = stage("recognised", fr="texte reconnu", en="text recognised")
WORDS = stage("words", fr="mots attendus", en="expected words")
LATENCY = stage("latency", fr="rapidité", en="latency")

HOST_DENIED = cause(
    "host_denied",
    Side.OURS,
    fr="un hôte nécessaire nous est interdit",
    en="a host that is needed is denied to us",
    look=Words("Demander l'ouverture de cet hôte aussi.", "Have that host allowed as well."),
)
HOST_UNREACHABLE = cause(
    "host_unreachable",
    Side.PARTNER_DOWN,
    fr="un hôte nécessaire ne répond pas",
    en="a host that is needed does not answer",
)
TOKEN_REFUSED = cause(
    "token_refused",
    Side.OURS,
    fr="le service refuse notre jeton",
    en="the service refuses our token",
    credential=True,
    look=Words(
        "Vérifier la clé ou le compte de la sonde auprès du service (révoqué après l'attaque ? horloge juste ?).",
        "Check the probe's key or account with the service (revoked after the attack? is the clock right?).",
    ),
)
NO_TOKEN = cause(
    "no_token",
    Side.PARTNER_DOWN,
    fr="le service de jetons répond sans donner de jeton",
    en="the token service answers and gives no token",
)
LICENCE_EXHAUSTED = cause(
    "licence_exhausted",
    Side.OURS,
    fr="licence épuisée ou expirée",
    en="the licence is exhausted or has expired",
    look=Words(
        "Voir avec l'éditeur : licences toutes prises, expirées, ou serveur de licences coupé.",
        "Ask the vendor: licences all in use, expired, or their server cut off.",
    ),
)
LICENCE_ACCOUNT_REFUSED = cause(
    "licence_account_refused",
    Side.OURS,
    fr="le service de licences refuse notre compte : la licence n'est pas connue",
    en="the licence service refuses our account: the licence is not known",
    verdict=Verdict.UNKNOWN,
    credential=True,
    look=Words(
        "Vérifier le compte de la sonde auprès du service de licences.",
        "Check the probe's account with the licence service.",
    ),
)
LICENCE_UNKNOWN = cause(
    "licence_unknown",
    Side.PARTNER_DOWN,
    fr="l'état de la licence n'a pas pu être lu",
    en="the state of the licence could not be read",
    verdict=Verdict.IMPAIRED,
)
AUDIO_REFUSED = cause(
    "audio_refused",
    Side.CONTENT,
    fr="le service refuse l'enregistrement",
    en="the service refuses the recording",
    look=Words(
        "Comparer le format et la taille avec ce que le service et ses relais acceptent.",
        "Compare format and size with what the service and its reverse proxies accept.",
    ),
)
AUDIO_LOST = cause(
    "audio_lost",
    Side.NETWORK,
    fr="l'enregistrement se perd en chemin, alors que la connexion s'établit",
    en="the recording is lost on the way, though the connection is made",
    look=Words(
        "Chercher où les gros paquets se perdent : MTU, VPN, pare-feu qui jette « fragmentation needed » (ICMP).",
        'Look for where large packets are lost: MTU, VPN, a firewall that drops "fragmentation needed" (ICMP).',
    ),
)
RECOGNISER_ERROR = cause(
    "recogniser_error",
    Side.PARTNER_DOWN,
    fr="le service de reconnaissance se dit en erreur",
    en="the recogniser says that it failed",
)
NO_TRANSCRIPT = cause(
    "no_transcript",
    Side.CONTENT,
    fr="la réponse n'est pas une transcription",
    en="the answer is no transcript",
    look=Words(
        "Voir si une page d'un équipement intermédiaire est venue à la place, et où la réponse porte son texte.",
        "See whether a page of something in between came instead, and where the answer holds its text.",
    ),
)
NO_FINAL = cause(
    "no_final_text",
    Side.PARTNER_DOWN,
    fr="le service écoute et ne donne pas de texte définitif",
    en="the service listens and gives no final text",
)
EMPTY_TEXT = cause(
    "empty_text",
    Side.CONTENT,
    fr="le service n'a rien entendu : texte vide",
    en="the service heard nothing: empty text",
)
WRONG_TEXT = cause(
    "wrong_text",
    Side.CONTENT,
    fr="le texte reconnu n'est pas celui qui a été dit",
    en="the text that was recognised is not what was said",
)
RECOGNITION_SLOW = cause(
    "recognition_slow",
    Side.PARTNER_DOWN,
    fr="reconnaissance trop lente",
    en="recognition is too slow",
    verdict=Verdict.IMPAIRED,
)

CAUSES = (
    HOST_DENIED,
    HOST_UNREACHABLE,
    TOKEN_REFUSED,
    NO_TOKEN,
    LICENCE_EXHAUSTED,
    LICENCE_ACCOUNT_REFUSED,
    LICENCE_UNKNOWN,
    AUDIO_REFUSED,
    AUDIO_LOST,
    RECOGNISER_ERROR,
    NO_TRANSCRIPT,
    NO_FINAL,
    EMPTY_TEXT,
    WRONG_TEXT,
    RECOGNITION_SLOW,
)
