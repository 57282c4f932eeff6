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
    # of a few kinds, where their models say no more than the name
    "type": Words(
        "type d'enregistrement demandé : A, AAAA, MX, TXT, PTR…", "the type of record asked for: A, MX, TXT, …"
    ),
    "status": Words(
        "statuts attendus : 200, 2xx, ou une liste", "the statuses that are expected: 200, 2xx, or a list of them"
    ),
    "text": Words("ce que la page doit contenir ; un texte ou une liste", "what the page must hold; a text, or a list"),
    "absent_text": Words("ce que la page ne doit pas contenir", "what the page must not hold"),
    "issuer": Words("une partie de l'émetteur du certificat", "a part of the certificate's issuer"),
    "method": Words("méthode HTTP", "the HTTP method"),
    "body": Words("corps envoyé avec la requête", "the body that is sent with the request"),
    "user_agent": Words("comment la sonde se nomme dans ses requêtes", "how the probe names itself in its requests"),
    "content_type": Words("type du corps envoyé", "the type of the body that is sent"),
    "from": Words(
        "qui émet : beacon, un Retabli extérieur ; account, un compte extérieur à nous ; reflector, un répondeur",
        "who sends: beacon, a Retabli outside; account, an outside account of ours; reflector, an answering service",
    ),
    "expect_authenticated": Words(
        "ce qui doit réussir chez le destinataire : spf, dkim, dmarc",
        "what must pass at the recipient's: spf, dkim, dmarc",
    ),
    "search": Words("une recherche dans les mots d'IMAP : [UNSEEN]", "a search in IMAP's own words: [UNSEEN]"),
    "at_least": Words("messages trouvés, au moins", "messages found, at least"),
    "at_most": Words("messages trouvés, au plus", "messages found, at most"),
    "equals": Words("la seule valeur bonne", "the one value that is good"),
    "min": Words("la plus petite valeur bonne", "the least value that is good"),
    "max": Words("la plus grande valeur bonne", "the greatest value that is good"),
    "attempts": Words("les sorties qui doivent être fermées", "the ways out that must be closed"),
    "control": Words(
        "ce qui donne son sens à un silence ou à une coupure", "what gives a silence or a reset its meaning"
    ),
    "alive": Words(
        "comment l'on sait que la cible répond à d'autres en ce moment",
        "how it is known that the target answers somebody else now",
    ),
    "deny_page.header": Words(
        "Nom : expression régulière, un en-tête de la page de refus", "Name: regular expression, a header of its page"
    ),
    "deny_page.body": Words(
        "expression régulière que la page de refus contient", "a regular expression that its page holds"
    ),
    "dns_tunnel": Words(
        "un nom au hasard d'un domaine à nous, demandé au résolveur interne comme le ferait un tunnel",
        "a random name below a domain of ours, asked of the inside resolver as a tunnel would",
    ),
    "dns_tunnel.type": Words("type d'enregistrement demandé", "the type of record asked for"),
    "unsent": Words("le dossier où les comptes rendus attendent leur envoi", "where reports wait until they are sent"),
    "unsent.directory": Words("ce dossier", "that folder"),
    "unsent.max_age": Words("âge maximal du plus ancien", "how old the oldest may be"),
    "unsent.pattern": Words(
        "les noms des fichiers qui comptent, comme un shell les écrit",
        "the names of files that count, as a shell writes them",
    ),
    "transport": Words("udp, tcp ou tls", "udp, tcp or tls"),
    "exhausted.status": Words("ses statuts alors", "its statuses then"),
    "upload": Words(
        "raw : l'enregistrement est le corps ; multipart : un formulaire",
        "raw: the recording is the body; multipart: a form",
    ),
    "websocket": Words(
        "comment on lui parle quand url commence par ws:// ou wss://",
        "how it is spoken to where url begins with ws:// or wss://",
    ),
    "subprotocol": Words("sous-protocole demandé à l'ouverture", "the subprotocol asked for at the opening"),
    "jid": Words("le compte XMPP de Retabli", "Retabli's own XMPP account"),
}
