"""Why an archive's DICOMweb service (DICOM PS3.18) does not do what is asked of it."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.words import Words
from retabli.net.dicom import dicom_causes

_SETTINGS = Words(
    "Vérifier l'adresse racine DICOMweb (`url`) et que ce service est activé sur l'archive.",
    "Check the DICOMweb root (`url`), and that the service is switched on at the archive.",
)
DICOMWEB_ABSENT = cause(
    "dicomweb_absent",
    Side.CONTENT,
    fr="il n'y a pas de service DICOMweb à cette adresse",
    en="there is no DICOMweb service at this address",
    look=_SETTINGS,
)
DICOMWEB_FORBIDDEN = cause(
    "dicomweb_forbidden",
    Side.PARTNER_REFUSES,
    fr="l'archive nous interdit cette opération (403)",
    en="the archive forbids us this operation (403)",
    look=Words(
        "Faire donner au compte de la sonde le droit de cette opération (recherche, dépôt, lecture).",
        "Have the probe's account allowed to do this (query, store, retrieve).",
    ),
)
NOT_DICOM_JSON = cause(
    "not_dicom_json",
    Side.CONTENT,
    fr="la réponse n'est pas du DICOM JSON (page de connexion, autre service ?)",
    en="the answer is not DICOM JSON (a login page, another service?)",
    look=_SETTINGS,
)
WRONG_STUDIES = cause(
    "wrong_studies",
    Side.CONTENT,
    fr="l'archive répond par d'autres examens que ceux qui sont demandés",
    en="the archive answers with other studies than those that were asked for",
    look=Words(
        "L'archive ignore le critère de recherche : la signaler à son exploitant avant de s'y fier.",
        "The archive ignores what is searched for: tell whoever runs it before anybody relies on it.",
    ),
)
NOTHING_OF_OURS = cause(
    "nothing_of_ours",
    Side.PROBE,
    fr="l'archive n'a aucune image d'essai à relire : on ne peut pas juger",
    en="the archive holds no test image that could be retrieved: nothing can be judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Ajouter `store` à `verify`, ou nommer un examen d'essai (`study`).",
        "Add `store` to `verify`, or name a test study (`study`).",
    ),
)

# Storing (PS3.18, 10.5): what HTTP's own status says
_REASON = Words(
    "Comparer le motif DICOM avec la déclaration de conformité de l'archive.",
    "Compare the DICOM reason with the archive's conformance statement.",
)
STOW_ABSENT = cause(
    "stow_absent",
    Side.CONTENT,
    fr="l'archive ne prend pas d'images par STOW-RS à cette adresse",
    en="the archive takes no images by STOW-RS at this address",
    look=_SETTINGS,
)
STOW_UNSUPPORTED = cause(
    "stow_unsupported",
    Side.PARTNER_REFUSES,
    fr="l'archive n'accepte pas ce type d'image ou cet encodage",
    en="the archive does not take this kind of image, or its encoding",
    look=_REASON,
)
STOW_REFUSED = cause(
    "stow_refused",
    Side.PARTNER_REFUSES,
    fr="l'archive refuse notre image",
    en="the archive refuses our image",
    look=_REASON,
)
STOW_UNCONFIRMED = cause(
    "stow_unconfirmed",
    Side.CONTENT,
    fr="l'archive dit oui sans dire si elle a rangé notre image",
    en="the archive says yes, and does not say whether it stored our image",
    verdict=Verdict.UNKNOWN,
    look=_REASON,
)

# Retrieving (PS3.18, 10.4)
IMAGE_MISSING = cause(
    "image_missing",
    Side.CONTENT,
    fr="l'archive ne rend pas l'image qu'elle dit avoir",
    en="the archive does not give back the image that it says it has",
    look=Words(
        "Regarder le stockage de l'archive : l'index et les fichiers ne disent plus la même chose.",
        "Look at the archive's storage: its index and its files no longer agree.",
    ),
)

# By the reason that is given, as for a C-STORE
REASONS = (
    dicom_causes.OUT_OF_RESOURCES,
    dicom_causes.SOP_CLASS_UNSUPPORTED,
    dicom_causes.TRANSFER_SYNTAX_UNSUPPORTED,
    dicom_causes.DICOM_NOT_AUTHORISED,
    dicom_causes.DATA_SET_MISMATCH,
    dicom_causes.CANNOT_UNDERSTAND,
    dicom_causes.DIMSE_FAILED,
)
CAUSES = (
    *REASONS,
    dicom_causes.IMAGE_ALTERED,
    DICOMWEB_ABSENT,
    DICOMWEB_FORBIDDEN,
    NOT_DICOM_JSON,
    WRONG_STUDIES,
    NOTHING_OF_OURS,
    STOW_ABSENT,
    STOW_UNSUPPORTED,
    STOW_REFUSED,
    STOW_UNCONFIRMED,
    IMAGE_MISSING,
)
