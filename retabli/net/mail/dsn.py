"""Notifications about a mail of ours: what became of its delivery (RFC 3464), and that it was read (RFC 8098)."""

import email
import email.message
import email.policy
import re
from dataclasses import dataclass
from enum import StrEnum

from retabli.model.result import clean
from retabli.model.words import Words
from retabli.net.mail import tokens
from retabli.net.mail.mdn import Disposition, disposition_in
from retabli.net.mail.report_parts import Fields, field_groups
from retabli.net.mail.tokens import Token

LENGTH = 131_072  # bytes of a message that are read for a notification
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


class Action(StrEnum):
    """What became of the message (RFC 3464, section 2.3.3); DISPOSED: of the message itself, once delivered."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    DISPOSED = "disposed"


ACTIONS = {action.value: action for action in Action if action is not Action.DISPOSED}


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification. `status` is the enhanced code (RFC 3463) or empty; `diagnostic` is cleaned and cut.

    `disposition` is what the recipient's side did with the message, where the notification says that.
    """

    action: Action
    status: str
    diagnostic: str
    token: Token | None
    disposition: Disposition | None = None

    @property
    def bounced(self) -> bool:
        """The message will not arrive. A delay, or a delivery reported back, is no bounce."""
        return self.action is Action.FAILED


# RFC 3463, section 3. The most particular row that a status begins with gives the words.
STATUS_WORDS = {
    "5.1.1": Words("destinataire inconnu", "unknown recipient"),
    "5.1.2": Words("domaine du destinataire inconnu", "the recipient's domain is unknown"),
    "5.1.10": Words("le domaine n'accepte aucun courrier", "the domain accepts no mail"),
    "5.1": Words("adresse refusée", "address refused"),
    "5.2.2": Words("boîte pleine", "mailbox full"),
    "5.2.3": Words("message trop gros pour la boîte", "message too large for the mailbox"),
    "5.2": Words("la boîte n'accepte pas le message", "the mailbox does not accept the message"),
    "5.3.4": Words("message trop gros", "message too large"),
    "5.3": Words("le système de messagerie du destinataire refuse", "the recipient's mail system refuses"),
    "5.4.1": Words("aucune réponse du serveur destinataire", "no answer from the recipient's server"),
    "5.4.4": Words("route introuvable vers le destinataire", "no route to the recipient"),
    "5.4.6": Words("boucle de routage", "routing loop"),
    "5.4.7": Words("délai de remise dépassé", "delivery time expired"),
    "5.4": Words("réseau ou routage", "network or routing"),
    "5.5": Words("erreur de protocole", "protocol error"),
    "5.6": Words("contenu refusé", "content refused"),
    "5.7.1": Words("envoi non autorisé (liste de blocage ?)", "delivery not authorised (block list?)"),
    "5.7.23": Words("refusé : SPF", "refused: SPF"),
    "5.7.26": Words("refusé : authentification (SPF, DKIM, DMARC)", "refused: authentication (SPF, DKIM, DMARC)"),
    "5.7": Words("refusé par une règle de sécurité", "refused by a security rule"),
    "4.4.7": Words("délai de remise dépassé", "delivery time expired"),
    "4.4.1": Words("aucune réponse du serveur destinataire", "no answer from the recipient's server"),
    "4.4": Words("réseau ou routage", "network or routing"),
    "4.7": Words("refusé pour l'instant par une règle de sécurité", "refused for now by a security rule"),
}


def status_words(status: str) -> Words | None:
    """What an enhanced status code means, or None for one that says nothing more."""
    exact = STATUS_WORDS.get(status)
    return exact if exact is not None else STATUS_WORDS.get(status.rpartition(".")[0])


def parse(message: bytes, key: bytes) -> Notification | None:
    """The notification that this message is, or None. Never raises, whatever is in it.

    The token is looked for in the returned message or headers, wherever they were put, and in the Message-ID that
    some servers return instead. Without a `message/delivery-status` or `message/disposition-notification` part it is no
    notification: a text that merely says so cannot be judged.
    """
    message = message[:LENGTH]
    try:
        parsed = email.message_from_bytes(message, policy=email.policy.compat32)
        disposition = disposition_in(parsed)
        groups = field_groups(parsed, "message/delivery-status")
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return None  # parts nested without end, broken encodings: not a notification that anybody can read
    if disposition is None and groups is None:
        return None
    token = tokens.find(key, joined(message))
    if disposition is not None:
        return Notification(Action.DISPOSED, "", disposition.kind, token, disposition)
    return _judge(groups or [], token)


def _judge(groups: list[Fields], token: Token | None) -> Notification | None:
    recipients = [group for group in groups if "action" in group or "status" in group]
    if not recipients:
        return None
    # Ours have one recipient. Were there several, one failure is the news.
    worst = next((group for group in recipients if _action(group) is Action.FAILED), recipients[0])
    match = _STATUS.search(worst.get("status", "")) or _STATUS.search(worst.get("diagnostic-code", ""))
    return Notification(
        action=_action(worst),
        status=match.group() if match else "",
        diagnostic=clean(worst.get("diagnostic-code", "").partition(";")[2] or worst.get("diagnostic-code", "")),
        token=token,
    )


def _action(group: Fields) -> Action:
    word = group.get("action", "").split("(")[0].strip().lower()
    if word in ACTIONS:
        return ACTIONS[word]
    return Action.FAILED if group.get("status", "").strip().startswith("5") else Action.DELAYED


def joined(message: bytes) -> str:
    """The message as text, with what quoted-printable and folding may have cut put together again."""
    text = message.decode("ascii", "replace").replace("=\r\n", "").replace("=\n", "")
    return re.sub(r"\r?\n[ \t]+", " ", text)
