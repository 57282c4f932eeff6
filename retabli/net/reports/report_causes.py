"""Why a report that was handed over did not reach the prescriber as it should."""

from retabli.model.causes import Side, cause
from retabli.model.words import Words

# Handing over by files ----------------------------------------------------------------------------------------------

UNSENT_TOO_OLD = cause(
    "unsent_too_old",
    Side.OURS,
    fr="des comptes rendus attendent d'être envoyés depuis trop longtemps",
    en="reports have been waiting too long to be sent",
    look=Words(
        "Regarder le moteur d'envoi des comptes rendus : son canal de sortie est-il démarré ?",
        "Look at the engine that sends the reports: is its outgoing channel started?",
    ),
)
DIRECTORY_UNUSABLE = cause(
    "directory_unusable",
    Side.OURS,
    fr="le dossier de dépôt est absent, plein ou en lecture seule",
    en="the hand-over directory is missing, full or read-only",
    look=Words(
        "Vérifier le montage, la place libre et les droits du dossier de dépôt.",
        "Check the hand-over directory's mount, free space and permissions.",
    ),
)
FILE_NOT_TAKEN = cause(
    "file_not_taken",
    Side.OURS,
    fr="le fichier déposé n'est pas pris en charge",
    en="the file that was handed over is not taken",
    look=Words(
        "Vérifier que le moteur lit ce dossier, ce nom de fichier, et qu'il est démarré.",
        "Check that the engine reads this directory and this file name, and that it is started.",
    ),
)
HAND_OVER_REJECTED = cause(
    "hand_over_rejected",
    Side.CONTENT,
    fr="le moteur met le fichier déposé en erreur",
    en="the engine puts the file that was handed over among its errors",
    look=Words("Lire le journal du moteur d'intégration.", "Read the integration engine's log."),
)
HAND_OVER = (UNSENT_TOO_OLD, DIRECTORY_UNUSABLE, FILE_NOT_TAKEN, HAND_OVER_REJECTED)

# What arrived (IHE ITI TF-2, 3.32: Distribute Document Set on Media) --------------------------------------------------

_ARCHIVE = Words(
    "Le courrier passe : regarder comment le moteur compose le message et son archive IHE_XDM.zip.",
    "Mail works: look at how the engine composes the message and its archive IHE_XDM.zip.",
)
ARCHIVE_MISSING = cause(
    "archive_missing",
    Side.CONTENT,
    fr="le message arrive sans archive IHE_XDM.zip ni PDF",
    en="the message arrives without an IHE_XDM.zip or a PDF",
    look=_ARCHIVE,
)
ARCHIVE_BROKEN = cause(
    "archive_broken", Side.CONTENT, fr="l'archive ne s'ouvre pas", en="the archive does not open", look=_ARCHIVE
)
ARCHIVE_BOMB = cause(
    "archive_bomb",
    Side.CONTENT,
    fr="l'archive est démesurée ou sort de son dossier",
    en="the archive is beyond all bounds, or leaves its folder",
    look=_ARCHIVE,
)
METADATA_MISSING = cause(
    "metadata_missing",
    Side.CONTENT,
    fr="l'archive n'a pas de METADATA.XML",
    en="the archive has no METADATA.XML",
    look=_ARCHIVE,
)
METADATA_BROKEN = cause(
    "metadata_broken",
    Side.CONTENT,
    fr="METADATA.XML ne décrit aucun document comme le veut la norme",
    en="METADATA.XML describes no document in the standard's way",
    look=_ARCHIVE,
)
DOCUMENT_MISSING = cause(
    "document_missing",
    Side.CONTENT,
    fr="un document décrit par METADATA.XML n'est pas dans l'archive",
    en="a document that METADATA.XML describes is not in the archive",
    look=_ARCHIVE,
)
DOCUMENT_ALTERED = cause(
    "document_altered",
    Side.CONTENT,
    fr="un document n'a pas la taille ou l'empreinte que METADATA.XML annonce",
    en="a document has not the size or the hash that METADATA.XML announces",
    look=_ARCHIVE,
)
DOCUMENT_NOT_CDA = cause(
    "document_not_cda",
    Side.CONTENT,
    fr="l'archive ne contient aucun document CDA lisible",
    en="the archive holds no readable CDA document",
    look=_ARCHIVE,
)
PDF_BROKEN = cause(
    "pdf_broken", Side.CONTENT, fr="la pièce jointe n'est pas un PDF", en="the attachment is no PDF", look=_ARCHIVE
)
REPORT_TOO_LARGE = cause(
    "report_too_large",
    Side.CONTENT,
    fr="le message de test est trop gros pour être jugé",
    en="the test message is too large to be judged",
    look=_ARCHIVE,
)
CONTENT = (
    ARCHIVE_MISSING,
    ARCHIVE_BROKEN,
    ARCHIVE_BOMB,
    METADATA_MISSING,
    METADATA_BROKEN,
    DOCUMENT_MISSING,
    DOCUMENT_ALTERED,
    DOCUMENT_NOT_CDA,
    PDF_BROKEN,
    REPORT_TOO_LARGE,
)

# What was answered (RFC 8098) ---------------------------------------------------------------------------------------

CAUSES = (*HAND_OVER, *CONTENT)
