"""Why inbound mail is not proven: the causes that only a watcher of arrivals can meet."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.words import Words

NOT_DELIVERED = cause(
    "not_delivered",
    Side.OURS,
    fr="la balise est chez le témoin, mais pas chez nous",
    en="the beacon is at the witness, but not here",
    look=Words(
        "Le courrier extérieur n'entre plus : regarder MX, pare-feu, filtre et relais d'entrée.",
        "Mail from outside does not come in: look at the MX, the firewall, the filter and the inbound relay.",
    ),
)
NOTHING_ARRIVES = cause(
    "nothing_arrives",
    Side.OURS,
    fr="accepté à l'extérieur, mais rien n'arrive chez nous",
    en="accepted outside, but nothing arrives here",
    look=NOT_DELIVERED.look,
)
REJECTED = cause(
    "rejected",
    Side.OURS,
    fr="notre entrée refuse le message (avis de non-remise)",
    en="our own entrance rejects the message (it was returned)",
    look=Words(
        "Lire l'avis de non-remise : c'est notre serveur d'entrée qui l'a motivé.",
        "Read the notification of non-delivery: it quotes our own inbound server.",
    ),
)
NO_BEACON = cause(
    "no_beacon",
    Side.PROBE,
    fr="aucune balise récente, ni ici ni chez le témoin : l'émetteur se tait",
    en="no recent beacon, neither here nor at the witness: the sender is silent",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Vérifier le Retabli extérieur qui envoie les balises ; sans témoin, un flux fermé a la même apparence.",
        "Check the Retabli outside that sends the beacons; without a witness, a closed flow looks the same.",
    ),
)
WITNESS_UNREADABLE = cause(
    "witness_unreadable",
    Side.PROBE,
    fr="aucune balise ici, et la boîte témoin ne peut être lue",
    en="no beacon here, and the witness mailbox cannot be read",
    verdict=Verdict.UNKNOWN,
    look=Words("Vérifier la boîte témoin extérieure.", "Check the witness mailbox outside."),
)
NO_ANSWER = cause(
    "no_answer",
    Side.PROBE,
    fr="le réflecteur ne répond pas : ni l'aller ni le retour ne sont mis en cause",
    en="the reflector does not answer: neither the way out nor the way back can be blamed",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Comparer avec la sonde du courrier sortant : s'il passe, c'est le retour.",
        "Compare with the probe of outbound mail: if that passes, it is the way back.",
    ),
)
SUBMISSION_FAILED = cause(
    "submission_failed",
    Side.PROBE,
    fr="le message d'essai n'a pas pu être remis à l'extérieur : l'entrée n'est pas jugée",
    en="the test message could not be handed over: inbound mail is not judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Vérifier le service d'envoi utilisé par cette sonde ; cela ne dit rien du courrier entrant.",
        "Check the submission service this probe uses; this says nothing of inbound mail.",
    ),
)
SUBMISSION_AUTH_REFUSED = cause(
    "submission_auth_refused",
    Side.PROBE,
    fr="le compte d'envoi refuse ses identifiants : l'entrée n'est pas jugée",
    en="the submission account refuses its credentials: inbound mail is not judged",
    verdict=Verdict.UNKNOWN,
    credential=True,
    look=SUBMISSION_FAILED.look,
)
BEACONS_MISSING = cause(
    "beacons_missing",
    Side.OURS,
    fr="des balises manquent parmi celles qui arrivent",
    en="some beacons are missing among those that arrive",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Une partie du courrier se perd : comparer les MX entre eux, regarder le filtre.",
        "Part of the mail is lost: compare the MXs with each other, look at the filter.",
    ),
)
CLOCKS_DISAGREE = cause(
    "clocks_disagree",
    Side.PROBE,
    fr="arrivée tardive, ou l'horloge de l'émetteur et la nôtre diffèrent",
    en="late, or the sender's clock and ours differ",
    verdict=Verdict.IMPAIRED,
    look=Words(
        "Régler les horloges (NTP) des deux côtés ; avec un témoin, une seule horloge compte.",
        "Set both clocks right (NTP); with a witness, only one clock counts.",
    ),
)

WATCHING = (NOT_DELIVERED, NO_BEACON, WITNESS_UNREADABLE, BEACONS_MISSING, CLOCKS_DISAGREE)
SENDING = (NOTHING_ARRIVES, REJECTED, NO_ANSWER, SUBMISSION_FAILED, SUBMISSION_AUTH_REFUSED)
