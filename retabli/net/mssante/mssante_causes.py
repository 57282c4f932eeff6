"""The rungs and causes that only secure health mail between operators has."""

from dataclasses import replace

from retabli.model import causes
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.stages import stage
from retabli.model.words import Words

WHITE_LIST = stage("white_list", fr="liste blanche", en="white list")
OWN_DOMAIN = stage("own_domain", fr="notre domaine y figure", en="our domain is on it")
PARTNER = stage("partner", fr="le domaine du partenaire y figure", en="the partner's domain is on it")
OWN_CERTIFICATE = stage("own_certificate", fr="notre certificat", en="our certificate")

# The white list
_OBTAIN = Words(
    "Vérifier l'accès à la liste blanche (pare-feu, proxy, adresse) ; le flux lui-même n'est pas en cause.",
    "Check the way to the white list (firewall, proxy, address); the flow itself is not in question.",
)
WHITE_LIST_UNREACHABLE = cause(
    "white_list_unreachable",
    Side.OURS,
    fr="la liste blanche ne peut être obtenue",
    en="the white list cannot be obtained",
    verdict=Verdict.UNKNOWN,
    look=_OBTAIN,
)
WHITE_LIST_UNREADABLE = cause(
    "white_list_unreadable",
    Side.CONTENT,
    fr="la liste blanche est illisible (XML incomplet ou inattendu)",
    en="the white list cannot be read (incomplete or unexpected XML)",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Regarder le fichier reçu : souvent tronqué, ou une page d'erreur à sa place. Prévenir qui le publie.",
        "Look at the file that came: often cut off, or an error page in its place. Tell whoever publishes it.",
    ),
)
WHITE_LIST_STALE = cause(
    "white_list_stale",
    Side.CONTENT,
    fr="la liste blanche est trop ancienne pour dire qui est autorisé",
    en="the white list is too old to say who is allowed",
    verdict=Verdict.UNKNOWN,
    look=Words("Rétablir la mise à jour quotidienne de la liste blanche.", "Have the white list updated daily again."),
)
WHITE_LIST_UNDATED = cause(
    "white_list_undated",
    Side.CONTENT,
    fr="la liste blanche ne porte pas de date de génération lisible",
    en="the white list bears no date of generation that can be read",
    verdict=Verdict.IMPAIRED,
)
_PUBLISHER = Words(
    "Joindre l'opérateur et le gestionnaire de l'espace de confiance : l'inscription manque dans la liste publiée.",
    "Call the operator and whoever runs the trusted space: the entry is missing on the published list.",
)
OWN_DOMAIN_UNLISTED = cause(
    "own_domain_unlisted",
    Side.OURS,
    fr="notre domaine n'est pas sur la liste blanche : les partenaires nous refuseront",
    en="our domain is not on the white list: partners will refuse us",
    look=_PUBLISHER,
)
OWN_CERTIFICATE_UNLISTED = cause(
    "own_certificate_unlisted",
    Side.OURS,
    fr="la liste blanche n'associe pas notre certificat à notre domaine",
    en="the white list does not tie our certificate to our domain",
    look=Words(
        "Déclarer le DN du nouveau certificat, ou remettre en service celui qui est déclaré.",
        "Have the new certificate's DN declared, or put the declared one back into service.",
    ),
)
PARTNER_UNLISTED = cause(
    "partner_unlisted",
    Side.PARTNER_REFUSES,
    fr="le domaine du partenaire n'est plus sur la liste blanche",
    en="the partner's domain is not on the white list",
    look=Words(
        "Joindre le partenaire : il a quitté l'espace de confiance, ou changé de domaine.",
        "Call the partner: they have left the trusted space, or changed their domain.",
    ),
)

# Our own certificate. What OpenSSL says of it is what a partner's server would say.
_RENEW = Words(
    "Renouveler notre certificat d'opérateur, et faire déclarer son DN avant de le mettre en service.",
    "Renew our operator's certificate, and have its DN declared before it is put into service.",
)
OWN_CERTIFICATE_EXPIRED = cause(
    "own_certificate_expired", Side.OURS, fr="notre certificat a expiré", en="our certificate has expired", look=_RENEW
)
OWN_CERTIFICATE_NOT_YET_VALID = cause(
    "own_certificate_not_yet_valid",
    Side.OURS,
    fr="notre certificat n'est pas encore valable (ou notre horloge)",
    en="our certificate is not yet valid (or our clock)",
    look=_RENEW,
)
OWN_CERTIFICATE_REVOKED = cause(
    "own_certificate_revoked",
    Side.OURS,
    fr="notre certificat est révoqué",
    en="our certificate is revoked",
    look=_RENEW,
)
OWN_CERTIFICATE_EXPIRES_SOON = cause(
    "own_certificate_expires_soon",
    Side.OURS,
    fr="notre certificat expire bientôt",
    en="our certificate is about to expire",
    verdict=Verdict.IMPAIRED,
    look=_RENEW,
)
OWN_CERTIFICATE_DOUBTFUL = cause(
    "own_certificate_doubtful",
    Side.OURS,
    fr="notre certificat ne passerait pas le contrôle que nous faisons subir aux autres",
    en="our certificate would not pass the check that we put others to",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Comparer l'émetteur et les usages de notre certificat avec l'autorité de l'espace de confiance (`ca`).",
        "Compare our certificate's issuer and usages with the authority of the trusted space (`ca`).",
    ),
)

REVOCATION_LIST_UNUSABLE = cause(
    "revocation_list_unusable",
    Side.OURS,
    fr="une liste de révocation ne peut être obtenue ou lue : la révocation n'est pas jugée",
    en="a revocation list cannot be obtained or read: revocation is not judged",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Vérifier le fichier ou l'adresse de la liste (`crl`), et le chemin qui y mène.",
        "Check the list's file or address (`crl`), and the way to it.",
    ),
)

# The partner's side
NO_MAIL_ACCEPTED = cause(
    "no_mail_accepted",
    Side.PARTNER_REFUSES,
    fr="le domaine déclare ne recevoir aucun courrier (MX nul)",
    en="the domain declares that it takes no mail (null MX)",
)
EXCHANGER_UNAVAILABLE = cause(
    "exchanger_unavailable",
    Side.PARTNER_DOWN,
    fr="un serveur de messagerie du partenaire est en panne, un autre répond",
    en="one of the partner's mail servers is down, another answers",
    verdict=Verdict.IMPAIRED,
)
PARTNER_CERTIFICATE_UNLISTED = cause(
    "partner_certificate_unlisted",
    Side.PARTNER_DOWN,
    fr="la liste blanche n'associe pas le certificat présenté au domaine du partenaire",
    en="the white list does not tie the certificate that was shown to the partner's domain",
    look=Words(
        "Joindre le partenaire : certificat changé sans être déclaré, ou un équipement se tient entre lui et nous.",
        "Call the partner: a certificate changed without being declared, or something stands between them and us.",
    ),
)
CLIENT_CERT_NOT_ASKED = cause(
    "client_cert_not_asked",
    Side.PARTNER_DOWN,
    fr="le serveur du partenaire ne demande pas notre certificat : l'authentification n'est pas mutuelle",
    en="the partner's server does not ask for our certificate: authentication is not mutual",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Joindre le partenaire : son serveur n'exige plus de certificat, ou ce n'est pas son serveur MSSanté.",
        "Call the partner: their server demands no certificate any more, or it is not their MSSanté server.",
    ),
)
ONLY_RELAYED = cause(
    "only_relayed",
    Side.PARTNER_DOWN,
    fr="transmis à un serveur qui ne notifie pas : on ne sait pas si le message est remis",
    en="handed on to a server that does not notify: whether it was delivered is not known",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Lire une boîte de test du partenaire (`mailbox`) plutôt que d'attendre une notification.",
        "Read a test mailbox of the partner's (`mailbox`) instead of awaiting a notification.",
    ),
)

CAUSES: tuple[Cause, ...] = tuple(value for value in tuple(globals().values()) if isinstance(value, Cause))


def only_impaired(found: Cause) -> Cause:
    """The same cause where the flow works nevertheless, though not all is known: an older list, a stale CRL."""
    return replace(found, verdict=Verdict.IMPAIRED)


# What is a failure by a list that may be an hour old: the list is asked for anew before the next run judges by it.
UNLISTED = (OWN_DOMAIN_UNLISTED, OWN_CERTIFICATE_UNLISTED, PARTNER_UNLISTED, PARTNER_CERTIFICATE_UNLISTED)

# Why revocation could not be judged: the flow is climbed all the same, and is not whole.
UNJUDGED = (causes.CRL_STALE, causes.REVOCATION_UNKNOWN)
