"""The rungs' names. The common ones stand here; a kind declares those that only it climbs."""

from dataclasses import dataclass

from retabli.model.words import Words


@dataclass(frozen=True, slots=True)
class Stage:
    """One rung of a ladder. `id` is its name in metrics, the API and the log: lower case, underscores."""

    id: str
    words: Words

    def __str__(self) -> str:
        return self.id


def stage(name: str, *, fr: str, en: str) -> Stage:
    return Stage(name, Words(fr, en))


START = stage("start", fr="préparation", en="preparation")
RESOLVE = stage("resolve", fr="résolution du nom", en="name resolution")
CONNECT = stage("connect", fr="connexion", en="connection")
PROXY = stage("proxy", fr="proxy", en="proxy")
TLS = stage("tls", fr="TLS", en="TLS")
GREETING = stage("greeting", fr="bannière d'accueil", en="greeting")
EHLO = stage("ehlo", fr="EHLO", en="EHLO")
STARTTLS = stage("starttls", fr="STARTTLS", en="STARTTLS")
AUTH = stage("auth", fr="authentification", en="authentication")
ENVELOPE = stage("envelope", fr="enveloppe (MAIL, RCPT)", en="envelope (MAIL, RCPT)")
ACCEPTED = stage("accepted", fr="message accepté", en="message accepted")
MAILBOX = stage("mailbox", fr="lecture de la boîte", en="mailbox read")
DELIVERED = stage("delivered", fr="message remis", en="message delivered")
CLEAN = stage("clean", fr="SPF, DKIM, DMARC, hors indésirables", en="SPF, DKIM, DMARC, not in spam")
ANSWERED = stage("answered", fr="accusé de lecture (MDN)", en="answered (MDN)")
ON_TIME = stage("on_time", fr="dans les délais", en="on time")
REQUEST = stage("request", fr="requête", en="request")
RESPONSE = stage("response", fr="réponse", en="response")
CONTENT = stage("content", fr="contenu attendu", en="expected content")
