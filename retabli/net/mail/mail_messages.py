"""The message that carries a token: marked as synthetic for people and machines, its attachment to be checked."""

import email
import email.message
import email.policy
import email.utils
import hashlib
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage

from retabli.net.mail.tokens import HEADER, Purpose, Token

MARK = "[Retabli probe]"
ATTACHMENT = "retabli-probe.txt"
ATTACHMENT_HEADER = "X-Retabli-Attachment"
ATTACHMENT_LINES = 8
STAYING = (Purpose.APICRYPT,)  # nobody removes these from where they arrive, and they do not say so

_TEXT = """\
Ceci est un message de test automatique, envoyé par l'outil de surveillance Retabli pour vérifier que la messagerie
fonctionne. Il ne contient aucune donnée de patient. Ne pas y répondre{end_fr}.
Contact : {contact}

This is an automatic test message, sent by the monitoring tool Retabli to verify that mail works.
It holds no patient data. Do not answer it{end_en}.
Contact: {contact}

{token}
"""


def compose(
    token: Token, mail_from: str, rcpt_to: str, contact: str | None = None, *, disposition: bool = False
) -> bytes:
    """The whole message, lines ended by CRLF, 7-bit. The token stands in header, subject, Message-ID and text.

    `disposition`: whoever takes it up is asked to say so (RFC 8098, section 2.1).
    """
    message = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=200))
    domain = mail_from.rpartition("@")[2] or "localhost"
    message["From"] = Address("Retabli probe", addr_spec=mail_from)
    message["To"] = rcpt_to
    message["Subject"] = f"{MARK} {token.text}"
    message["Date"] = email.utils.format_datetime(datetime.fromtimestamp(token.sent / 1000, UTC))
    message["Message-ID"] = f"<{token.text}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
    message["X-Auto-Response-Suppress"] = "All"  # the same, for Exchange
    message["Precedence"] = "bulk"  # the same, for older responders
    message[HEADER] = token.text
    if disposition:
        message["Disposition-Notification-To"] = mail_from
    content = attachment(token)
    message[ATTACHMENT_HEADER] = f"sha256={hashlib.sha256(content).hexdigest()}"
    message.set_content(_text(token, contact or mail_from), cte="quoted-printable")
    message.add_attachment(content, maintype="text", subtype="plain", filename=ATTACHMENT, cte="base64")
    return message.as_bytes()


def _text(token: Token, contact: str) -> str:
    ends = (" ; il sera effacé automatiquement", "; it will be deleted automatically")
    end_fr, end_en = ("", "") if token.purpose in STAYING else ends
    return _TEXT.format(contact=contact, token=token.text, end_fr=end_fr, end_en=end_en)


def attachment(token: Token) -> bytes:
    """The attachment's content. It follows from the signed token, so that nobody can change both alike."""
    lines = (hashlib.sha256(f"{token.text} {line}".encode()).hexdigest() for line in range(ATTACHMENT_LINES))
    return "".join(f"{line}\r\n" for line in lines).encode()


def attachment_intact(message: bytes, token: Token) -> bool:
    """Whether the attachment arrived as it was sent; a change of line ends or encoding on the way is none.

    Never raises, whatever is in the message.
    """
    wanted = attachment(token).split()
    try:
        parsed = email.message_from_bytes(message, policy=email.policy.compat32)
        for part in parsed.walk():
            if part.is_multipart() or part.get_content_disposition() != "attachment":
                continue
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes) and payload.split() == wanted:
                return True
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
        return False
    return False
