"""Why a mail that was handed over did not arrive as it should: the causes that the kinds of mail share."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.words import Words

LATE = cause(
    "late",
    Side.OURS,
    fr="accepté, mais pas arrivé dans le délai",
    en="accepted, but not arrived in time",
    look=Words(
        "Regarder d'abord la file d'attente de qui l'a pris (notre relais ou moteur, le serveur du partenaire).",
        "Look first at the queue of what took it (our relay or engine, the partner's server).",
    ),
)
BOUNCED = cause(
    "bounced",
    Side.PARTNER_REFUSES,
    fr="retourné à l'expéditeur",
    en="returned to its sender",
    look=Words(
        "Lire l'avis de non-remise : c'est l'explication du partenaire.",
        "Read the notification of non-delivery: it is the partner's own explanation.",
    ),
)
RELAY_HOLDING = cause(
    "relay_holding",
    Side.OURS,
    fr="le flux est rouvert, mais le relais retient encore les messages",
    en="the flow is open again, but the relay still holds messages back",
    verdict=Verdict.IMPAIRED,
    proves=False,
    look=Words(
        "Vider la file d'attente du relais vers cette destination (postqueue -f).",
        "Flush the relay's queue for this destination (postqueue -f).",
    ),
)
IN_SPAM = cause(
    "in_spam",
    Side.CONTENT,
    fr="remis dans les indésirables",
    en="delivered to spam",
    look=Words(
        "Lire les en-têtes du filtre ; vérifier la réputation de notre adresse, SPF, DKIM et DMARC.",
        "Read the filter's headers; check our address's reputation, SPF, DKIM and DMARC.",
    ),
)
DMARC_FAIL = cause(
    "dmarc_fail",
    Side.OURS,
    fr="DMARC échoue : rien ne prouve que le message vient de nous",
    en="DMARC fails: nothing proves that the message is ours",
    look=Words(
        "Comparer l'adresse de sortie avec notre SPF, et la clé DKIM du relais avec le DNS.",
        "Compare the outgoing address with our SPF, and the relay's DKIM key with the DNS.",
    ),
)
SPF_FAIL = cause("spf_fail", Side.OURS, fr="SPF échoue", en="SPF fails", verdict=Verdict.IMPAIRED, look=DMARC_FAIL.look)
DKIM_FAIL = cause(
    "dkim_fail", Side.OURS, fr="DKIM échoue", en="DKIM fails", verdict=Verdict.IMPAIRED, look=DMARC_FAIL.look
)
NOT_AUTHENTICATED = cause(
    "not_authenticated",
    Side.OURS,
    fr="l'authentification attendue n'est pas constatée par le destinataire",
    en="the recipient's server does not find the authentication that is expected",
    look=DMARC_FAIL.look,
)
ATTACHMENT_STRIPPED = cause(
    "attachment_stripped",
    Side.CONTENT,
    fr="la pièce jointe a été retirée ou modifiée",
    en="the attachment was stripped or changed",
    look=Words(
        "Un filtre de contenu enlève les pièces jointes : regarder sa politique.",
        "A content filter takes attachments off: look at its policy.",
    ),
)
MAILBOX_UNREADABLE = cause(
    "mailbox_unreadable",
    Side.PROBE,
    fr="la boîte de la sonde ne peut être lue : l'arrivée n'est pas jugée",
    en="the probe's mailbox cannot be read: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Vérifier le serveur de la boîte de la sonde ; cela ne dit rien du flux surveillé.",
        "Check the server of the probe's mailbox; this says nothing of the flow that is watched.",
    ),
)
# Not `credential`: the sending must go on at its rhythm. The mailbox's own door is left alone after refusals instead.
MAILBOX_AUTH_REFUSED = cause(
    "mailbox_auth_refused",
    Side.PROBE,
    fr="la boîte de la sonde refuse ses identifiants : l'arrivée n'est pas jugée",
    en="the probe's mailbox refuses its credentials: arrival is not judged",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Vérifier le mot de passe de la boîte de la sonde ; cela ne dit rien du flux surveillé.",
        "Check the password of the probe's mailbox; this says nothing of the flow that is watched.",
    ),
)
NO_MDN = cause(
    "no_mdn",
    Side.CONTENT,
    fr="arrivé, mais aucun accusé de lecture ne revient dans le délai",
    en="arrived, but no disposition notification comes back in time",
    look=Words(
        "Le transport fonctionne : regarder ce qui lit la boîte de test du destinataire, et s'il envoie des accusés.",
        "The transport works: look at what reads the recipient's test mailbox, and whether it sends notifications.",
    ),
)
MDN_REFUSED = cause(
    "mdn_refused",
    Side.CONTENT,
    fr="l'accusé dit que le message n'a pas pu être lu ou a été supprimé",
    en="the notification says that the message could not be read, or was deleted",
    look=Words(
        "Voir avec le destinataire ce que son logiciel a fait du message.",
        "Ask the recipient what their software did with the message.",
    ),
)

ARRIVAL = (LATE, BOUNCED, RELAY_HOLDING, IN_SPAM, MAILBOX_UNREADABLE, MAILBOX_AUTH_REFUSED)
ANSWERS = (NO_MDN, MDN_REFUSED)
AUTHENTICATION = (DMARC_FAIL, SPF_FAIL, DKIM_FAIL, NOT_AUTHENTICATED)
