"""What can go wrong between a TCP connection and an SFTP session, and the rungs that lead there."""

from retabli.model import stages
from retabli.model.causes import Side, Verdict, cause
from retabli.model.stages import stage
from retabli.model.words import Words

BANNER = stage("banner", fr="bannière SSH", en="SSH banner")
KEY_EXCHANGE = stage("key_exchange", fr="échange de clés", en="key exchange")
HOST_KEY = stage("host_key", fr="clé d'hôte attendue", en="pinned host key")
CANARY = stage("canary", fr="témoin écrit, relu, effacé", en="canary written, read back, removed")

LOGIN = (stages.RESOLVE, stages.CONNECT, BANNER, KEY_EXCHANGE, HOST_KEY, stages.AUTH)

_ALGORITHMS = Words(
    "Comparer ce que SSH permet de part et d'autre : l'un des deux a été mis à jour ou durci.",
    "Compare what SSH allows on either side: one of the two was updated or hardened.",
)
_HOST_KEY = Words(
    "Ne rien envoyer. Demander au partenaire, par un autre canal, l'empreinte de sa clé : serveur réinstallé, ou "
    "quelqu'un entre nous ?",
    "Send nothing. Ask the partner for their key's fingerprint by another channel: a rebuilt server, or somebody in "
    "between?",
)
_ACCOUNT = Words(
    "Demander au partenaire ce que ce compte peut faire : mot de passe, clé, second facteur, accès SFTP.",
    "Ask the partner what this account may do: password, key, second factor, SFTP access.",
)
_OUR_KEY = Words(
    "Vérifier le fichier de la clé privée et sa phrase secrète (format OpenSSH sans phrase, ou PKCS#8).",
    "Check the private key's file and its passphrase (OpenSSH format without one, or PKCS#8).",
)

NOT_SSH = cause("not_ssh", Side.PARTNER_DOWN, fr="la réponse n'est pas du SSH", en="the answer is not SSH")
SSH_VERSION = cause(
    "ssh_version",
    Side.PARTNER_DOWN,
    fr="le serveur ne parle pas SSH 2",
    en="the server does not speak SSH 2",
    look=_ALGORITHMS,
)
SSH_BANNER_UNFINISHED = cause(
    "ssh_banner_unfinished",
    Side.PARTNER_DOWN,
    fr="la bannière SSH n'arrive pas jusqu'au bout",
    en="the SSH banner never comes to its end",
)
SSH_HUNG_UP_AT_ONCE = cause(
    "ssh_hung_up_at_once",
    Side.PARTNER_REFUSES,
    fr="le serveur SSH raccroche sans un mot",
    en="the SSH server hangs up without a word",
    look=Words(
        "Un filtre d'adresses (hosts.deny, fail2ban) nous écarte, ou un répartiteur n'a plus de serveur derrière lui.",
        "A filter of addresses (hosts.deny, fail2ban) shuts us out, or a balancer has no server left behind it.",
    ),
)
SSH_TOO_MANY_SESSIONS = cause(
    "ssh_too_many_sessions",
    Side.PARTNER_DOWN,
    fr="le serveur SSH a trop de connexions en cours (MaxStartups)",
    en="the SSH server has too many connections under way (MaxStartups)",
    verdict=Verdict.TEMPORARY,
    look=Words(
        "Le serveur est assailli ou des sessions restent ouvertes : en parler au partenaire si cela dure.",
        "The server is under assault or sessions stay open: tell the partner if it lasts.",
    ),
)
SSH_ADDRESS_REFUSED = cause(
    "ssh_address_refused",
    Side.PARTNER_REFUSES,
    fr="le serveur SSH refuse notre adresse",
    en="the SSH server refuses our address",
)
SSH_NO_COMMON_ALGORITHM = cause(
    "ssh_no_common_algorithm",
    Side.PARTNER_DOWN,
    fr="aucun algorithme SSH en commun",
    en="no SSH algorithm in common",
    look=_ALGORITHMS,
)
SSH_DISCONNECTED = cause(
    "ssh_disconnected",
    Side.PARTNER_REFUSES,
    fr="le serveur SSH met fin à la connexion et dit pourquoi",
    en="the SSH server ends the connection and says why",
)
HOST_KEY_TYPE = cause(
    "host_key_type",
    Side.PARTNER_DOWN,
    fr="le serveur n'a plus de clé d'hôte du type attendu",
    en="the server has no host key of the pinned type any more",
    look=_HOST_KEY,
)
HOST_KEY_CHANGED = cause(
    "host_key_changed",
    Side.PARTNER_DOWN,
    fr="la clé d'hôte a changé : rien ne lui est envoyé",
    en="the host key has changed: nothing is sent to it",
    look=_HOST_KEY,
)
HOST_KEY_UNPROVEN = cause(
    "host_key_unproven",
    Side.PARTNER_DOWN,
    fr="le serveur montre la clé d'hôte attendue et ne prouve pas qu'il la possède",
    en="the server shows the pinned host key and does not prove that it has it",
    look=_HOST_KEY,
)
SSH_METHOD_NOT_OFFERED = cause(
    "ssh_method_not_offered",
    Side.PARTNER_REFUSES,
    fr="notre façon de nous authentifier n'est pas offerte",
    en="our way to authenticate is not offered",
    look=_ACCOUNT,
)
SSH_SECOND_FACTOR = cause(
    "ssh_second_factor",
    Side.PARTNER_REFUSES,
    fr="un second facteur est exigé",
    en="a second factor is demanded",
    credential=True,
    look=_ACCOUNT,
)
SSH_PASSWORD_EXPIRED = cause(
    "ssh_password_expired",
    Side.OURS,
    fr="le mot de passe doit être changé",
    en="the password must be changed",
    credential=True,
    look=_ACCOUNT,
)
SSH_CUT_AT_LOGIN = cause(
    "ssh_cut_at_login",
    Side.PARTNER_REFUSES,
    fr="le serveur coupe la connexion après nos identifiants",
    en="the server cuts the connection after our credentials",
    credential=True,
    look=_ACCOUNT,
)
SSH_KEY_UNREADABLE = cause(
    "ssh_key_unreadable",
    Side.PROBE,
    fr="notre clé privée est illisible",
    en="our private key cannot be read",
    verdict=Verdict.UNKNOWN,
    look=_OUR_KEY,
)
SSH_PASSPHRASE_WRONG = cause(
    "ssh_passphrase_wrong",
    Side.PROBE,
    fr="la phrase secrète de notre clé privée manque ou est fausse",
    en="our private key's passphrase is missing or wrong",
    verdict=Verdict.UNKNOWN,
    look=_OUR_KEY,
)
SFTP_REFUSED = cause(
    "sftp_refused",
    Side.PARTNER_REFUSES,
    fr="connectés, mais SFTP nous est refusé",
    en="logged in, but SFTP is refused",
    look=_ACCOUNT,
)
SFTP_ENDED = cause(
    "sftp_ended",
    Side.PARTNER_DOWN,
    fr="connectés, mais le service SFTP s'arrête aussitôt",
    en="logged in, but the SFTP service ends at once",
)
SFTP_GARBAGE = cause(
    "sftp_garbage",
    Side.PARTNER_DOWN,
    fr="connectés, mais la réponse n'est pas du SFTP",
    en="logged in, but the answer is not SFTP",
    look=Words(
        "Un script de connexion du compte écrit du texte (.bashrc, message forcé), ou le sous-système est un autre.",
        "A login script of the account prints text (.bashrc, a forced message), or the subsystem is another one.",
    ),
)
SFTP_FAILURE = cause(
    "sftp_failure",
    Side.PARTNER_DOWN,
    fr="le serveur SFTP dit échec, sans plus",
    en="the SFTP server says failure, and no more",
)

SSH = (
    NOT_SSH,
    SSH_VERSION,
    SSH_BANNER_UNFINISHED,
    SSH_HUNG_UP_AT_ONCE,
    SSH_TOO_MANY_SESSIONS,
    SSH_ADDRESS_REFUSED,
    SSH_NO_COMMON_ALGORITHM,
    SSH_DISCONNECTED,
    HOST_KEY_TYPE,
    HOST_KEY_CHANGED,
    HOST_KEY_UNPROVEN,
    SSH_METHOD_NOT_OFFERED,
    SSH_SECOND_FACTOR,
    SSH_PASSWORD_EXPIRED,
    SSH_CUT_AT_LOGIN,
    SSH_KEY_UNREADABLE,
    SSH_PASSPHRASE_WRONG,
    SFTP_REFUSED,
    SFTP_ENDED,
    SFTP_GARBAGE,
    SFTP_FAILURE,
)
