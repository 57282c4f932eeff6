"""Why a message that was handed to an HL7 engine was not taken: the causes that the kinds of HL7 share."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.words import Words

# On the wire --------------------------------------------------------------------------------------------------------

SILENT = cause(
    "silent",
    Side.PARTNER_DOWN,
    fr="connecté, mais rien ne répond : le moteur est debout, son canal est arrêté",
    en="connected, but nothing answers: the engine is up, its channel is stopped",
    look=Words(
        "Faire vérifier chez le partenaire que le canal (l'écouteur HL7) est démarré, pas seulement le serveur.",
        "Have the partner check that the channel (the HL7 listener) is started, not only the server.",
    ),
)
_PLAIN_OR_TLS = Words(
    "Comparer avec le partenaire : MLLP en clair ou MLLP sur TLS, et sur quel port.",
    "Compare with the partner: MLLP in clear or MLLP over TLS, and on which port.",
)
TLS_UNANSWERED = cause(
    "tls_unanswered",
    Side.PARTNER_DOWN,
    fr="connecté, mais le TLS n'aboutit pas : le moteur attend peut-être du MLLP en clair",
    en="connected, but the TLS handshake never ends: the engine may expect plain MLLP",
    look=_PLAIN_OR_TLS,
)
TLS_WANTED = cause(
    "tls_wanted",
    Side.PARTNER_DOWN,
    fr="le moteur parle TLS, et nous lui parlons en clair",
    en="the engine speaks TLS, and we speak to it in clear",
    look=_PLAIN_OR_TLS,
)
BAD_FRAME = cause(
    "bad_frame",
    Side.PARTNER_DOWN,
    fr="la réponse n'est pas un bloc MLLP",
    en="the answer is no MLLP block",
    look=Words(
        "Vérifier que ce port est bien celui d'un écouteur MLLP, et son réglage des octets VT, FS et CR.",
        "Check that this port is an MLLP listener's, and its setting of the bytes VT, FS and CR.",
    ),
)
MLLP_NAK = cause(
    "mllp_nak",
    Side.PARTNER_DOWN,
    fr="le moteur n'a pas pu conserver le message (NAK)",
    en="the engine could not store the message (NAK)",
    verdict=Verdict.TEMPORARY,  # MLLP release 2: the sender is to try again
    look=Words(
        "Faire vérifier le stockage du moteur du partenaire (disque, file d'attente).",
        "Have the partner check their engine's storage (disk, queue).",
    ),
)
NOT_HL7 = cause(
    "not_hl7",
    Side.PARTNER_DOWN,
    fr="la réponse n'est pas un acquittement HL7",
    en="the answer is no HL7 acknowledgement",
)
WIRE = (SILENT, TLS_UNANSWERED, TLS_WANTED, BAD_FRAME, MLLP_NAK, NOT_HL7)

# Acknowledgements (HL7 v2.5.1 chapter 2, 2.9.2 and 2.9.3, table 0008) ------------------------------------------------

WRONG_CONTROL_ID = cause(
    "wrong_control_id",
    Side.CONTENT,
    fr="l'acquittement est celui d'un autre message (MSA-2)",
    en="the acknowledgement is another message's (MSA-2)",
)
COMMIT_ERROR = cause(
    "commit_error",
    Side.CONTENT,
    fr="message refusé à la réception (CE)",
    en="the message is refused on receipt (CE)",
)
COMMIT_REJECTED = cause(
    "commit_rejected",
    Side.CONTENT,
    fr="message rejeté à la réception (CR)",
    en="the message is rejected on receipt (CR)",
    look=Words(
        "Comparer MSH-9, MSH-11 et MSH-12 du message avec ce que le partenaire accepte (T y compris).",
        "Compare the message's MSH-9, MSH-11 and MSH-12 with what the partner accepts (T included).",
    ),
)
APPLICATION_ERROR = cause(
    "application_error",
    Side.CONTENT,
    fr="l'application du partenaire signale une erreur (AE)",
    en="the partner's application reports an error (AE)",
)
APPLICATION_REJECTED = cause(
    "application_rejected",
    Side.CONTENT,
    fr="l'application du partenaire rejette le message (AR)",
    en="the partner's application rejects the message (AR)",
    verdict=Verdict.TEMPORARY,  # 2.9.2.2: it may well be taken when it is sent again later
    look=Words(
        "Comparer MSH-9, MSH-11 et MSH-12 avec ce que le partenaire accepte ; sinon, son application est en panne.",
        "Compare MSH-9, MSH-11 and MSH-12 with what the partner accepts; if they fit, its application is down.",
    ),
)
UNKNOWN_ACK_CODE = cause(
    "unknown_ack_code",
    Side.CONTENT,
    fr="code d'acquittement inconnu (MSA-1)",
    en="unknown acknowledgement code (MSA-1)",
)
NO_APPLICATION_ACK = cause(
    "no_application_ack",
    Side.PARTNER_DOWN,
    fr="message reçu (CA), mais l'application ne l'acquitte pas",
    en="the message is received (CA), but the application does not acknowledge it",
    look=Words(
        "L'interface a mis le message de côté : faire vérifier l'application derrière elle, ou n'attendre que CA.",
        "The interface has stored the message: have the application behind it checked, or expect CA only.",
    ),
)
ACKNOWLEDGEMENTS = (
    WRONG_CONTROL_ID,
    COMMIT_ERROR,
    COMMIT_REJECTED,
    APPLICATION_ERROR,
    APPLICATION_REJECTED,
    UNKNOWN_ACK_CODE,
    NO_APPLICATION_ACK,
)

# Ourselves ----------------------------------------------------------------------------------------------------------

NOT_A_TEST = cause(
    "not_a_test",
    Side.PROBE,
    fr="le message n'est pas marqué comme un test : il n'est pas envoyé",
    en="the message is not marked as a test: it is not sent",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Mettre T en MSH-11 et le patient de test convenu en PID dans le fichier du message.",
        "Put T into MSH-11 and the agreed test patient into PID in the message's file.",
    ),
)

CAUSES = (*WIRE, *ACKNOWLEDGEMENTS, NOT_A_TEST)
