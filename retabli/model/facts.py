"""The words for the facts that probes note by name, beside their rungs."""

import re

from retabli.model.numbers import NBSP
from retabli.model.words import Words

# The facts that probes note by name. One that is not here is shown by its name: an attempt to get out, for one.
FACTS = {
    "address": Words("adresse", "address"),
    "age": Words("âge", "age"),
    "alive_declared": Words("cible en vie, selon l'exploitant", "target alive, as declared"),
    "answers": Words("réponses", "answers"),
    "authentication": Words("authentification", "authentication"),
    "authorisation": Words("autorisation", "authorisation"),
    "beacon": Words("balise n°", "beacon no."),
    "cipher": Words("chiffrement", "cipher"),
    "client_certificate": Words("certificat client", "client certificate"),
    "commit": Words("reçu et conservé", "received and stored"),
    "control_alive": Words("témoin : la cible répond ailleurs", "control: the target answers elsewhere"),
    "control_alive_detail": Words("témoin de la cible", "the target's control"),
    "control_id": Words("numéro du message (MSH-10)", "message control id (MSH-10)"),
    "control_path": Words("témoin : notre sortie fonctionne", "control: our way out works"),
    "control_path_detail": Words("témoin de notre sortie", "the way out's control"),
    "disposition": Words("accusé de lecture", "disposition notification"),
    "encryption": Words("chiffrement du message", "encryption of the message"),
    "error_rate": Words("taux d'erreur de mots", "word error rate"),
    "errors": Words("fichiers en erreur", "files put aside as errors"),
    "exchanger": Words("serveur de messagerie", "mail server"),
    "failed_addresses": Words("adresses en échec", "addresses that failed"),
    "failed_exchangers": Words("serveurs de messagerie en échec", "mail servers that failed"),
    "files": Words("fichiers", "files"),
    "further_attempts": Words("autres essais", "further attempts"),
    "in_flight": Words("messages en route", "messages on their way"),
    "issuer": Words("certificat émis par", "certificate issued by"),
    "latency": Words("temps de reconnaissance", "recognition took"),
    "leftover": Words("témoin oublié", "canary left behind"),
    "made_up_recipient": Words("destinataire inventé", "made-up recipient"),
    "measured": Words("mesures", "measured"),
    "messages": Words("messages", "messages"),
    "nameserver": Words("serveur de noms", "name server"),
    "newest": Words("examen le plus récent", "newest study"),
    "newest_age": Words("âge du fichier le plus récent", "age of the newest file"),
    "not_after": Words("certificat valable jusqu'au", "certificate valid until"),
    "not_removed": Words("non supprimés", "not removed"),
    "notification": Words("avis de remise", "delivery notification"),
    "number": Words("message n°", "message no."),
    "own_certificate": Words("notre certificat, valable jusqu'au", "our certificate, valid until"),
    "own_certificate_doubt": Words("notre certificat, en doute", "our certificate, in doubt"),
    "partial": Words("transferts inachevés", "unfinished transfers"),
    "partner_support": Words("assistance du partenaire", "the partner's support"),
    "passed_over": Words("messages non examinés", "messages not looked at"),
    "queue_id": Words("numéro de file", "queue id"),
    "said": Words("le programme dit", "the program says"),
    "samples": Words("valeurs", "values"),
    "server": Words("serveur", "server"),
    "status": Words("réponse", "answer"),
    "store_status": Words("statut de l'envoi", "status of the store"),
    "stratum": Words("strate", "stratum"),
    "subject": Words("certificat au nom de", "certificate for"),
    "tls_version": Words("version de TLS", "TLS version"),
    "told": Words("le partenaire précise", "the partner adds"),
    "transit": Words("trajet, d'une horloge à l'autre", "transit, from clock to clock"),
    "unknown_reports": Words("courriels sans marque de la sonde", "mails without a mark of the probe"),
    "unsent": Words("comptes rendus en attente", "reports waiting"),
    "waiting": Words("fichiers en attente", "files waiting"),
    "warning": Words("avertissement DICOM", "DICOM warning"),
    "white_list": Words("liste blanche", "white list"),
    "witness": Words("témoin", "witness"),
}
# What a control of a closed flow gave, where it is such a fact.
CONTROLS = frozenset({"control_alive", "control_path"})
GIVEN = {
    "passes": Words("oui", "yes"),
    "fails": Words("non", "no"),
    "not evaluated": Words("non évalué", "not evaluated"),
}
RATES = frozenset({"error_rate"})  # numbers that have no unit
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?)( ?)(ms|s|min|h|days)?")  # and their unit, as probes note them


def fact(name: str, value: str, language: str) -> tuple[str, str]:
    """The fact as people read it: what it is, and what was found."""
    if name in CONTROLS and value in GIVEN:
        value = GIVEN[value][language]
    elif language == "fr" and (found := _NUMBER.fullmatch(value)) and (found[3] or name in RATES):
        value = f"{found[1].replace('.', ',')}{found[2] and NBSP}{'jours' if found[3] == 'days' else found[3] or ''}"
    return FACTS[name][language] if name in FACTS else name.replace("_", " "), value
