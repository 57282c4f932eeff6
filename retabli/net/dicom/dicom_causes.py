"""Why a DICOM partner could not be reached, refused us, or did not do what it was asked."""

from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.words import Words

_TITLES = Words(
    "Faire déclarer chez le partenaire notre AE Title (`calling_ae`), notre adresse et notre port.",
    "Have the partner declare our AE title (`calling_ae`), our address and our port.",
)
_RIGHTS = Words(
    "Demander au partenaire ce que notre AE Title a le droit de faire chez lui (envoi, recherche, récupération).",
    "Ask the partner what our AE title may do there (send, search, retrieve).",
)
_ARCHIVE = Words(
    "Joindre l'administrateur de l'archive d'images du partenaire : l'association marche, le traitement non.",
    "Call the administrator of the partner's image archive: the association works, the processing does not.",
)
_RECEIVER = Words(
    "Vérifier chez le partenaire l'adresse et le port déclarés pour `move_to`, et l'ouverture du pare-feu vers nous.",
    "Check the address and port that the partner has declared for `move_to`, and the firewall's opening towards us.",
)

# Association: what the answer is, when it is none of DICOM's
CLOSED_WITHOUT_ANSWER = cause(
    "closed_without_answer",
    Side.PARTNER_REFUSES,
    fr="connexion coupée sans un mot dès la demande d'association",
    en="hung up without a word when asked for an association",
    look=Words(
        "Demander au partenaire si notre adresse est filtrée (liste d'adresses admises), ou si TLS est exigé.",
        "Ask the partner whether our address is filtered (a list of addresses), or whether TLS is demanded.",
    ),
)
ASSOCIATION_SILENT = cause(
    "association_silent",
    Side.PARTNER_DOWN,
    fr="la connexion s'ouvre, mais la demande d'association reste sans réponse",
    en="the connection opens, but the request for an association is not answered",
    look=Words(
        "Joindre le partenaire : son service DICOM est figé, attend du TLS, ou un pare-feu retient la demande.",
        "Call the partner: their DICOM service is stuck, waits for TLS, or a firewall holds the request back.",
    ),
)
DICOM_OVER_TLS = cause(
    "dicom_over_tls",
    Side.OURS,
    fr="le partenaire parle TLS et notre configuration n'en fait pas",
    en="the partner speaks TLS and our configuration uses none",
    look=Words("Mettre « tls: {mode: implicit} » sur cette sonde.", "Put `tls: {mode: implicit}` on this probe."),
)

# A-ASSOCIATE-RJ (PS3.8, table 9-21)
CALLING_AE_UNKNOWN = cause(
    "calling_ae_unknown",
    Side.PARTNER_REFUSES,
    fr="le partenaire ne connaît pas notre AE Title",
    en="the partner does not know our AE title",
    look=_TITLES,
)
CALLED_AE_UNKNOWN = cause(
    "called_ae_unknown",
    Side.OURS,
    fr="le partenaire ne porte pas l'AE Title que nous appelons",
    en="the partner does not bear the AE title that we call",
    look=Words(
        "Vérifier `called_ae` auprès du partenaire : il a pu changer en repartant. Certaines archives répondent ainsi "
        "aussi quand elles ne connaissent pas notre AE Title.",
        "Check `called_ae` with the partner: it may have changed with the restart. Some archives also answer so when "
        "they do not know our AE title.",
    ),
)
APPLICATION_CONTEXT_REFUSED = cause(
    "application_context_refused",
    Side.PARTNER_REFUSES,
    fr="contexte d'application DICOM refusé",
    en="DICOM application context refused",
)
ASSOCIATION_REFUSED = cause(
    "association_refused",
    Side.PARTNER_REFUSES,
    fr="le partenaire refuse l'association sans donner de raison",
    en="the partner refuses the association and gives no reason",
    look=_TITLES,
)
PROTOCOL_VERSION_REFUSED = cause(
    "protocol_version_refused",
    Side.PARTNER_REFUSES,
    fr="version du protocole DICOM refusée",
    en="DICOM protocol version refused",
)
ASSOCIATION_UNAVAILABLE = cause(
    "association_unavailable",
    Side.PARTNER_DOWN,
    fr="le service DICOM du partenaire rejette toute association, sans raison",
    en="the partner's DICOM service rejects the association by itself, without a reason",
)
ASSOCIATION_CONGESTED = cause(
    "association_congested",
    Side.PARTNER_DOWN,
    fr="le partenaire se dit encombré",
    en="the partner says it is congested",
    verdict=Verdict.TEMPORARY,
)
ASSOCIATION_LIMIT = cause(
    "association_limit",
    Side.PARTNER_DOWN,
    fr="le partenaire a atteint son nombre maximal d'associations",
    en="the partner has reached its greatest number of associations",
    verdict=Verdict.TEMPORARY,
)
ASSOCIATION_REFUSED_FOR_NOW = cause(
    "association_refused_for_now",
    Side.PARTNER_REFUSES,
    fr="le partenaire refuse l'association pour l'instant",
    en="the partner refuses the association for now",
    verdict=Verdict.TEMPORARY,
    look=_TITLES,
)

# A-ABORT (PS3.8, table 9-26)
ASSOCIATION_ABORTED = cause(
    "association_aborted",
    Side.PARTNER_REFUSES,
    fr="l'application du partenaire abandonne l'association",
    en="the partner's application aborts the association",
)
ASSOCIATION_ABORTED_BY_PROTOCOL = cause(
    "association_aborted_by_protocol",
    Side.PARTNER_DOWN,
    fr="la couche DICOM du partenaire abandonne l'association",
    en="the partner's DICOM layer aborts the association",
)

# Presentation contexts (PS3.8, table 9-18)
ABSTRACT_SYNTAX_UNSUPPORTED = cause(
    "abstract_syntax_unsupported",
    Side.PARTNER_REFUSES,
    fr="le partenaire n'offre pas ce service ou ce type d'image",
    en="the partner does not offer this service or this kind of image",
    look=_RIGHTS,
)
TRANSFER_SYNTAX_UNSUPPORTED = cause(
    "transfer_syntax_unsupported",
    Side.PARTNER_REFUSES,
    fr="aucun encodage d'image en commun avec le partenaire",
    en="no transfer syntax in common with the partner",
)
CONTEXT_REFUSED_BY_USER = cause(
    "context_refused_by_user",
    Side.PARTNER_REFUSES,
    fr="le partenaire nous refuse ce service",
    en="the partner refuses us this service",
    look=_RIGHTS,
)
CONTEXT_REFUSED = cause(
    "context_refused",
    Side.PARTNER_REFUSES,
    fr="service refusé sans raison",
    en="service refused without a reason",
    look=_RIGHTS,
)

# What a service answered (PS3.7, annex C; PS3.4, annexes B and C)
DIMSE_SILENT = cause(
    "dimse_silent",
    Side.PARTNER_DOWN,
    fr="associé, puis plus de réponse",
    en="associated, then silent",
    look=_ARCHIVE,
)
SOP_CLASS_UNSUPPORTED = cause(
    "sop_class_unsupported",
    Side.PARTNER_REFUSES,
    fr="le partenaire ne prend pas ce type d'objet (0122)",
    en="the partner does not take this kind of object (0122)",
)
DICOM_NOT_AUTHORISED = cause(
    "dicom_not_authorised",
    Side.PARTNER_REFUSES,
    fr="le partenaire ne nous y autorise pas (0124)",
    en="the partner does not authorise us to (0124)",
    look=_RIGHTS,
)
OUT_OF_RESOURCES = cause(
    "out_of_resources",
    Side.PARTNER_DOWN,
    fr="le partenaire manque de ressources (A7xx : disque plein ?)",
    en="the partner is out of resources (A7xx: disk full?)",
    look=_ARCHIVE,
)
DATA_SET_MISMATCH = cause(
    "data_set_mismatch",
    Side.CONTENT,
    fr="le partenaire trouve la demande ou l'image non conforme (A9xx)",
    en="the partner finds that the request or the image does not match (A9xx)",
)
CANNOT_UNDERSTAND = cause(
    "cannot_understand",
    Side.CONTENT,
    fr="le partenaire ne sait pas traiter la demande ou l'image (Cxxx)",
    en="the partner cannot process the request or the image (Cxxx)",
    look=_ARCHIVE,
)
DIMSE_FAILED = cause(
    "dimse_failed",
    Side.PARTNER_DOWN,
    fr="le service répond par un échec",
    en="the service answers with a failure",
    look=_ARCHIVE,
)
SEARCH_BROKEN_OFF = cause(
    "search_broken_off",
    Side.PARTNER_DOWN,
    fr="le partenaire interrompt la recherche (FE00 : limite de réponses ?)",
    en="the partner breaks the search off (FE00: a limit of answers?)",
    look=_ARCHIVE,
)
STORED_WITH_WARNING = cause(
    "stored_with_warning",
    Side.CONTENT,
    fr="image acceptée avec un avertissement",
    en="image taken with a warning",
    verdict=Verdict.IMPAIRED,
)
IMAGE_NOT_FOUND = cause(
    "image_not_found",
    Side.CONTENT,
    fr="image acceptée, mais la recherche ne la voit pas",
    en="image taken, but a search does not see it",
    look=_ARCHIVE,
)
MOVE_DESTINATION_UNKNOWN = cause(
    "move_destination_unknown",
    Side.PARTNER_REFUSES,
    fr="le partenaire ne connaît pas la destination `move_to` (A801)",
    en="the partner does not know the destination `move_to` (A801)",
    look=_RECEIVER,
)
SUBOPERATIONS_FAILED = cause(
    "suboperations_failed",
    Side.PARTNER_DOWN,
    fr="le partenaire n'a pas pu nous renvoyer l'image",
    en="the partner could not send the image back to us",
    look=_RECEIVER,
)
IMAGE_NOT_RETRIEVED = cause(
    "image_not_retrieved",
    Side.CONTENT,
    fr="le partenaire dit avoir renvoyé l'image, et rien n'arrive",
    en="the partner says that it sent the image back, and nothing arrives",
    look=_RECEIVER,
)
IMAGE_ALTERED = cause(
    "image_altered",
    Side.CONTENT,
    fr="l'image revient avec un autre contenu",
    en="the image comes back with other content",
    look=_ARCHIVE,
)
RECEIVER_TAKEN = cause(
    "receiver_taken",
    Side.PROBE,
    fr="le port où nous attendons l'image est pris",
    en="the port on which we await the image is taken",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Vérifier ce qui écoute déjà sur `receive` ; donner un port à chaque sonde qui récupère.",
        "Check what already listens on `receive`; give each retrieving probe a port of its own.",
    ),
)

ASSOCIATING: tuple[Cause, ...] = (
    CLOSED_WITHOUT_ANSWER,
    ASSOCIATION_SILENT,
    DICOM_OVER_TLS,
    CALLING_AE_UNKNOWN,
    CALLED_AE_UNKNOWN,
    APPLICATION_CONTEXT_REFUSED,
    ASSOCIATION_REFUSED,
    PROTOCOL_VERSION_REFUSED,
    ASSOCIATION_UNAVAILABLE,
    ASSOCIATION_CONGESTED,
    ASSOCIATION_LIMIT,
    ASSOCIATION_REFUSED_FOR_NOW,
    ASSOCIATION_ABORTED,
    ASSOCIATION_ABORTED_BY_PROTOCOL,
    ABSTRACT_SYNTAX_UNSUPPORTED,
    TRANSFER_SYNTAX_UNSUPPORTED,
    CONTEXT_REFUSED_BY_USER,
    CONTEXT_REFUSED,
)
ANSWERING: tuple[Cause, ...] = (
    DIMSE_SILENT,
    SOP_CLASS_UNSUPPORTED,
    DICOM_NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    DATA_SET_MISMATCH,
    CANNOT_UNDERSTAND,
    DIMSE_FAILED,
    SEARCH_BROKEN_OFF,
)
STORING: tuple[Cause, ...] = (
    STORED_WITH_WARNING,
    IMAGE_NOT_FOUND,
    MOVE_DESTINATION_UNKNOWN,
    SUBOPERATIONS_FAILED,
    IMAGE_NOT_RETRIEVED,
    IMAGE_ALTERED,
    RECEIVER_TAKEN,
)
