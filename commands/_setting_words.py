"""What the settings that many kinds share mean, in French and in English, for `kinds`."""

from retabli.model.words import Words

SETTINGS = {
    "every": Words("rythme : une montée de l'échelle à chaque intervalle", "the rhythm: one climb each interval"),
    "timeout": Words("délai au-delà duquel une montée est arrêtée", "a climb is ended after this, wherever it is"),
    "slow": Words(
        "durée au-delà de laquelle une réussite n'est pas entière", "a success that takes longer than this is not whole"
    ),
    "temporary": Words(
        "durée pendant laquelle une réponse temporaire (4xx, liste grise) reste indéterminée avant d'être un échec",
        "how long a temporary answer (4xx, greylisting) stays unknown before it is a failure",
    ),
    "counts": Words(
        "false : la sonde est montrée, et ne décide pas de l'état du flux",
        "false: the probe is shown, and does not decide the flow's state",
    ),
    "resolver": Words(
        "serveurs de noms interrogés à la place de ceux du système", "name servers asked instead of the system's"
    ),
    "resolver.nameservers": Words("adresses de ces serveurs", "their addresses"),
    "resolver.port": Words("leur port", "their port"),
    "host": Words("nom ou adresse du serveur", "the server's name or address"),
    "port": Words("port du serveur", "the server's port"),
    "url": Words("adresse de la page ou du service", "the address of the page or service"),
    "tls": Words("comment TLS est parlé", "how TLS is spoken"),
    "mode": Words(
        "none : en clair ; starttls : demandé dans la session ; implicit : dès la connexion",
        "none: in clear; starttls: asked for within the session; implicit: from the connection on",
    ),
    "ca": Words(
        "autorités reconnues, et elles seules ; sinon celles du système",
        "the authorities that are trusted, these alone; else the system's",
    ),
    "client_cert": Words("certificat que nous présentons", "the certificate that we present"),
    "client_key": Words("sa clé, si elle est dans un autre fichier", "its key, where it is in a file of its own"),
    "server_name": Words(
        "nom demandé et vérifié, s'il n'est pas celui de l'hôte", "the name asked for and checked, if not the host's"
    ),
    "crl": Words(
        "listes de révocation (PEM ou DER) par lesquelles le certificat du serveur est jugé",
        "revocation lists (PEM or DER) by which the server's certificate is judged",
    ),
    "ciphers": Words(
        "les seules suites admises, sous leurs noms OpenSSL", "the only suites that are allowed, by their OpenSSL names"
    ),
    "min_version": Words("version de TLS la plus ancienne admise", "the oldest version of TLS that is accepted"),
    "user": Words("compte dédié à la sonde", "an account of the probe's own"),
    "password": Words("son mot de passe", "its password"),
    "mailbox": Words("une boîte de la section mailboxes", "a mailbox of the section mailboxes"),
    "witness": Words(
        "boîte extérieure qui reçoit copie : dit si l'expéditeur se tait ou si le flux est coupé",
        "an outside mailbox that gets a copy: tells a silent sender from a closed flow",
    ),
    "bounces": Words("boîte où reviennent les avis de non-remise", "the mailbox that bounces come back to"),
    "proxy": Words("un proxy de la section proxies", "a proxy of the section proxies"),
    "submit": Words("où le message est remis", "where the message is handed over"),
    "mail_from": Words("expéditeur, réservé à la sonde", "the sender, an address of the probe's own"),
    "rcpt_to": Words("destinataire, réservé à la sonde", "the recipient, an address of the probe's own"),
    "copy_to": Words("destinataire d'une copie, à l'extérieur", "who gets a copy, outside"),
    "refuses": Words(
        "destinataire inventé que le serveur doit refuser", "a made-up recipient that the server must refuse"
    ),
    "key": Words(
        "secret qui signe les jetons ; le même des deux côtés", "the secret that signs tokens; the same on both sides"
    ),
    "within": Words("délai normal d'arrivée ; au-delà, en retard", "the normal time to arrive; beyond it, late"),
    "lost_after": Words("délai au bout duquel un message est perdu", "after this a message is lost"),
    "contact": Words("qui joindre, écrit dans le message", "whom to contact, written into the message"),
    "expect": Words("ce qui doit être trouvé", "what must be found"),
    "targets": Words("une unité par cible, chacune avec son état", "one unit each, with an outcome of its own"),
    "targets_file": Words("une adresse par ligne ; # pour un commentaire", "one address a line; # begins a comment"),
}
