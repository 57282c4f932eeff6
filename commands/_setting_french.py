"""The kinds' own descriptions of their settings in French, for `kinds`; one that is not here is shown in English."""

FRENCH = {
    # web
    "the address to listen on; beyond this machine only with users or a proxy": (
        "l'adresse d'écoute ; au-delà de cette machine, seulement avec users ou proxy"
    ),
    "the address by which others reach the pages, for links": (
        "l'adresse par laquelle on atteint les pages, pour les liens"
    ),
    "https by this certificate; without it, in clear": "https avec ce certificat ; sans lui, en clair",
    "certificate and intermediates (PEM), the server's own first": (
        "certificat et intermédiaires (PEM), celui du serveur d'abord"
    ),
    "its key (PEM), unless it stands in the same file: a path, or {credential: …}": (
        "sa clé (PEM), si elle n'est pas dans le même fichier : un chemin, ou {credential: …}"
    ),
    "the oldest version of TLS that is spoken": "la version de TLS la plus ancienne qui soit parlée",
    "who logs in, by a form or by HTTP Basic; without any, nobody is asked": (
        "qui s'identifie, par un formulaire ou par HTTP Basic ; sans aucun compte, rien n'est demandé"
    ),
    "view: sees everything; act: acknowledges and silences too; admin: reloads the configuration too": (
        "view : voit tout ; act : prend aussi en charge et met en silence ; admin : relit aussi la configuration"
    ),
    "the line that `retabli password` prints": "la ligne que donne `retabli password`",
    "the reverse proxy whose word is taken": "le serveur mandataire (reverse proxy) que l'on croit",
    "addresses or networks from which it connects; nobody else may connect from there": (
        "adresses ou réseaux d'où il se connecte ; personne d'autre ne doit pouvoir se connecter de là"
    ),
    "the header that holds whom it let through; it must remove it from what comes in. Without it, people log in here": (
        "l'en-tête qui nomme la personne admise ; le mandataire doit l'ôter de ce qui arrive. Sans lui, on s'identifie "
        "ici"
    ),
    "the header that holds their role: view, act or admin": "l'en-tête qui donne son rôle : view, act ou admin",
    "the header that holds their groups, with commas between them": (
        "l'en-tête qui donne ses groupes, séparés par des virgules"
    ),
    "the role of a user that it names": "le rôle d'une personne qu'il nomme",
    "the role of a group that it names": "le rôle d'un groupe qu'il nomme",
    "the role of whoever it lets through and nothing else gives one; of several, the highest counts": (
        "le rôle de qui est admis sans qu'autre chose lui en donne un ; de plusieurs, le plus élevé compte"
    ),
    # channels
    "every member of the cluster, never an address in front of them": (
        "chaque membre de la grappe, jamais une adresse placée devant eux"
    ),
    "bounds one attempt at one member": "durée d'une tentative auprès d'un membre",
    "how soon a member that was restarted or away has what is open, and what has ended": (
        "délai après lequel un membre relancé ou absent a ce qui est ouvert, et ce qui est fini"
    ),
    "the flows that carry this channel's messages: it counts on them": (
        "les flux qui portent les messages de ce canal : il dépend d'eux"
    ),
    "signs the body by HMAC-SHA256, in the header X-Retabli-Signature": (
        "signe le corps par HMAC-SHA256, dans l'en-tête X-Retabli-Signature"
    ),
    "more headers; one that holds a secret names where it is": (
        "d'autres en-têtes ; celui qui contient un secret dit où il se trouve"
    ),
    "the body, in place of the whole message: {title} in a text stands for that field, {{ is a brace; "
    "{file: …} and the like stand for a secret": (
        "le corps, à la place du message entier : {title} dans un texte est remplacé par ce champ, {{ est une "
        "accolade ; {file: …} et ses pareils sont remplacés par un secret"
    ),
    "one attempt has this long, and is then made again later": (
        "durée d'une tentative, après laquelle une autre sera faite plus tard"
    ),
    "the program's absolute path, and its arguments, in which {summary} and the like stand for fields": (
        "le chemin absolu du programme et ses arguments, où {summary}, par exemple, est remplacé par ce champ"
    ),
    "retabli@ and this machine's name, if it is not given": "retabli@ et le nom de cette machine, si rien n'est donné",
    "everybody who is told": "tous ceux qui sont prévenus",
    "where it goes, as Apprise writes it (matrixs://…, mmosts://…): these addresses hold tokens": (
        "les adresses, comme Apprise les écrit (matrixs://…, mmosts://…) : elles contiennent des jetons"
    ),
    "what the library finds in its environment: HTTPS_PROXY, for one; nothing of the daemon's": (
        "ce que la bibliothèque trouve dans son environnement, HTTPS_PROXY par exemple ; rien de celui du démon"
    ),
    # apicrypt, report_loop, mssante
    "where rcpt_to is read; the probe's own account": "où rcpt_to est lu ; un compte propre à la sonde",
    "a path or an address; or {file | url, max_age, refresh, proxy, tls}": (
        "un chemin ou une adresse ; ou {file | url, max_age, refresh, proxy, tls}"
    ),
    "of the list: beyond it, it says nothing any more": "de la liste : au-delà, elle ne dit plus rien",
    "our mail domain": "notre domaine de messagerie",
    "the partner's mail domain": "le domaine de messagerie du partenaire",
    "days our certificate must still be valid, else not whole": (
        "jours pendant lesquels notre certificat doit encore valoir ; sinon, réussite non entière"
    ),
    "the partner agrees to test envelopes; else EHLO is the end": (
        "le partenaire accepte des enveloppes de test ; sinon, on s'arrête à EHLO"
    ),
    "what proves it: the message in mailbox, or the partner's notification there": (
        "ce qui le prouve : le message dans mailbox, ou l'avis du partenaire"
    ),
    "the message's disposition notification is awaited too": "l'accusé de lecture du message est attendu aussi",
    "a file with one HL7 v2 message (ORU^R01, MDM^T02); MSH-11 must be T; {token}, {control_id}, {mail_from} and "
    "{rcpt_to} in it are filled in, where the engine copies them into the mail from": (
        "un fichier contenant un message HL7 v2 (ORU^R01, MDM^T02), avec T en MSH-11 ; {token}, {control_id}, "
        "{mail_from} et {rcpt_to} y sont remplis, là d'où le moteur les copie dans le courriel"
    ),
    "which an engine reads: the message is written into it": "que lit un moteur : le message y est déposé",
    "the file's name in it; RETABLI in it keeps a file_drop from taking it for an arrival": (
        "le nom du fichier dans ce dossier ; s'il contient RETABLI, un file_drop ne le prend pas pour une arrivée"
    ),
    "in which the engine must have taken the file": "durée dans laquelle le moteur doit avoir pris le fichier",
    "where the engine puts what it cannot use": "où le moteur met ce qu'il ne peut utiliser",
    "as in hl7_mllp": "comme pour hl7_mllp",
    "whether a disposition notification must come back to bounces": (
        "si un accusé de lecture doit revenir dans la boîte bounces"
    ),
    # containment
    "names or addresses: a listener of ours outside, a site not on the list, …": (
        "noms ou adresses : un serveur à nous à l'extérieur, un site hors liste…"
    ),
    "several; usual: tcp 22 25 53 80 443 445 853 3389, udp 53 443, and icmp": (
        "plusieurs ; usual : tcp 22 25 53 80 443 445 853 3389, udp 53 443, et icmp"
    ),
    "direct, or names of proxies; direct, unless said": "direct, ou des noms de proxies ; direct par défaut",
    "tcp directly and http through a proxy, unless said: tcp there is CONNECT; http is CONNECT to 443 and a plain "
    "request to any other port": (
        "par défaut, tcp en direct et http par un proxy : tcp y est CONNECT ; http est CONNECT vers 443 et une requête "
        "simple vers tout autre port"
    ),
    "both, unless said": "les deux par défaut",
    "instead of control.alive, for these targets and ports": "à la place de control.alive, pour ces cibles et ports",
    "what is 1 while the target answers; every series must be, and fresh. $to, $port, $protocol and $family stand for "
    "the attempt's own": (
        "ce qui vaut 1 tant que la cible répond ; chaque série doit l'être, et récente. $to, $port, $protocol et "
        "$family sont ceux de l'essai"
    ),
    "an instant query in PromQL": "une requête instantanée en PromQL",
    'the series that query draws from, as name{label="value"}, when it does more than select them': (
        'les séries dont la requête se sert, comme nom{label="valeur"}, quand elle fait plus que les choisir'
    ),
    "how old the oldest of these samples may be": "âge maximal de la plus ancienne de ces valeurs",
    "how many series there must be, at least": "combien de séries il doit y avoir, au moins",
    "a token, sent as Authorization: Bearer": "un jeton, envoyé comme Authorization: Bearer",
    "the operator's word, and shown as that": "la parole de l'exploitant, montrée comme telle",
    "what the target itself says, where a firewall or resolver may answer in its place": (
        "ce que dit la cible elle-même, là où un pare-feu ou un résolveur peut répondre à sa place"
    ),
    "how denials look here, any other one is unknown; all but cut, unless said. cut: a handshake that is completed, "
    "then cut without a word of the target's (needs says)": (
        "à quoi ressemblent les refus ici, tout autre laisse indéterminé ; tous sauf cut par défaut. cut : une "
        "connexion établie, puis coupée sans un mot de la cible (demande says)"
    ),
    "what must take our connection (one, or a list): it proves that we can get out of here": (
        "ce qui doit accepter notre connexion (un, ou une liste) : la preuve que nous pouvons sortir d'ici"
    ),
    "networks in which the resolver's filter answers; 0.0.0.0 and :: always": (
        "réseaux dans lesquels répond le filtre du résolveur ; 0.0.0.0 et :: toujours"
    ),
    "the page of a filter that stands in the way; a proxy has its own denied": (
        "la page d'un filtre placé sur le chemin ; un proxy a son propre denied"
    ),
    "networks of our firewalls: ICMP denials count from these alone, and then by themselves; unless given from anybody "
    "but the target, while the controls pass": (
        "réseaux de nos pare-feu : seuls leurs refus ICMP comptent, et prouvent par eux-mêmes ; par défaut, ceux de "
        "tous sauf de la cible, tant que les témoins passent"
    ),
    "a domain of ours whose name server stands outside": (
        "un domaine à nous dont le serveur de noms est à l'extérieur"
    ),
    "what that server answers to every name below it": "ce que ce serveur répond pour tout nom de ce domaine",
    "a name that the inside resolver must know: its control in the same round": (
        "un nom que le résolveur interne doit connaître : son témoin dans le même tour"
    ),
    "the inside resolver, where it is not the probe's own": "le résolveur interne, si ce n'est celui de la sonde",
    "how this resolver denies; all but nxdomain, which proves nothing where a filter is not known to say that": (
        "comment ce résolveur refuse ; tout sauf nxdomain, qui ne prouve rien si l'on ne sait pas qu'un filtre le dit"
    ),
    # dicom, dicom_receive, dicomweb
    "104, or 11112 (IANA's both)": "104, ou 11112 (les deux de l'IANA)",
    "our AE title, as the partner must know it": "notre AE Title, tel que le partenaire doit le connaître",
    "the partner's AE title": "l'AE Title du partenaire",
    "echo; negotiate: the partner takes `modalities`, nothing is sent; store: a synthetic CT image is sent; find: it "
    "is found there; move: it is sent back to us": (
        "echo ; negotiate : le partenaire prend les `modalities`, rien n'est envoyé ; store : une image de synthèse "
        "est envoyée ; find : elle y est retrouvée ; move : elle nous est renvoyée"
    ),
    "kinds of images that the partner must take from us": "types d'images que le partenaire doit prendre de nous",
    "of the synthetic patient; must contain RETABLI": "du patient de synthèse ; doit contenir RETABLI",
    "what is sent: a new image each time, or the same one over and over": (
        "ce qui est envoyé : une nouvelle image à chaque fois, ou toujours la même"
    ),
    "how long the images are of the same study, or the same image, before a new one": (
        "durée pendant laquelle les images sont du même examen, ou la même image, avant d'en changer"
    ),
    "how long the archive may take to file the image": "temps accordé à l'archive pour ranger l'image",
    "our AE title as a destination that the partner knows": (
        "notre AE Title, comme destination que le partenaire connaît"
    ),
    "the AE title by which the partner brings it, where that is not called_ae": (
        "l'AE Title sous lequel le partenaire l'apporte, si ce n'est called_ae"
    ),
    "address:port on which we await the image (in clear); the partner must reach it": (
        "adresse:port où nous attendons l'image (en clair) ; le partenaire doit pouvoir l'atteindre"
    ),
    "our archive's DICOMweb root: it is asked by QIDO-RS": (
        "la racine DICOMweb de notre archive : elle est interrogée par QIDO-RS"
    ),
    "or the archive itself: it is asked by C-FIND": "ou l'archive elle-même : elle est interrogée par C-FIND",
    "our AE title, as the archive knows it": "notre AE Title, tel que l'archive le connaît",
    "the archive's AE title": "l'AE Title de l'archive",
    "as its images name it; * and ? stand for others": (
        "tel que ses images le nomment ; * et ? remplacent d'autres caractères"
    ),
    "where its images name it: InstitutionName, InstitutionalDepartmentName, StationName, IssuerOfPatientID, "
    "AccessionNumber, StudyDescription": (
        "où ses images le nomment : InstitutionName, InstitutionalDepartmentName, StationName, IssuerOfPatientID, "
        "AccessionNumber, StudyDescription"
    ),
    "of its newest study, from when it was made (not received), normal silence not counted": (
        "de son examen le plus récent, depuis qu'il a été fait (non reçu), le silence normal ne comptant pas"
    ),
    "how far back its studies are looked for": "jusqu'où ses examens sont cherchés en arrière",
    "times in which silence is normal, in the site's time zone": (
        "heures où le silence est normal, dans le fuseau du site"
    ),
    "studies asked for at once": "examens demandés en une fois",
    "a bearer token, instead of user and password": "un jeton (bearer), à la place de user et password",
    "the DICOMweb root, under which /studies lies": "la racine DICOMweb, sous laquelle se trouve /studies",
    "what must work: query, store, retrieve": "ce qui doit fonctionner : recherche, dépôt, relecture",
    "of the synthetic images; RETABLI must be in it": "des images de synthèse ; RETABLI doit y figurer",
    "what is stored: a new image each time, or the same one over and over, of which an old copy may come back": (
        "ce qui est déposé : une nouvelle image à chaque fois, ou toujours la même, dont une vieille copie peut revenir"
    ),
    "the UID of a test study to retrieve from, where nothing is stored": (
        "l'UID d'un examen d'essai à relire, quand rien n'est déposé"
    ),
    # exec, file_drop, sftp, hl7_mllp, sip
    "the program's absolute path, and its arguments; no shell reads them": (
        "le chemin absolu du programme, et ses arguments ; aucun shell ne les lit"
    ),
    "more variables, in clear or as secrets; {env: NAME} hands on one of the daemon's own": (
        "d'autres variables, en clair ou secrètes ; {env: NOM} transmet l'une de celles du démon"
    ),
    "a folder of this machine": "un dossier de cette machine",
    "or one on a server, by an account of its own": "ou un dossier sur un serveur, par un compte à elle",
    "a private key: OpenSSH's, or PKCS#8 in PEM": "une clé privée : d'OpenSSH, ou PKCS#8 en PEM",
    "the private key's, when it has one": "celle de la clé privée, si elle en a une",
    "the server's public key, pinned: one line as OpenSSH writes it": (
        "la clé publique attendue du serveur : une ligne comme OpenSSH l'écrit"
    ),
    "the folder on the server; the account's own if none": "le dossier sur le serveur ; à défaut, celui du compte",
    "the names of files that count, as a shell writes them": (
        "les noms des fichiers qui comptent, comme un shell les écrit"
    ),
    "how old the newest arrival may be": "âge maximal de la dernière arrivée",
    "when silence is normal: such time does not count": "quand le silence est normal : ce temps ne compte pas",
    "how long a file may wait to be consumed": "combien de temps un fichier peut attendre d'être consommé",
    "where files go that could not be used; relative to the folder": (
        "où vont les fichiers inutilisables ; relatif au dossier"
    ),
    "more in there is a failure": "davantage est un échec",
    "for how long a new error is told": "pendant combien de temps une nouvelle erreur est signalée",
    "the names of files whose transfer has not ended; empty files are such, too": (
        "les noms des fichiers dont le transfert n'est pas achevé ; les fichiers vides en sont aussi"
    ),
    "how long a transfer may take": "combien de temps un transfert peut durer",
    "entries of a folder, beyond which it is only judged as far as it was seen": (
        "entrées d'un dossier, au-delà desquelles il n'est jugé que sur ce qui en a été vu"
    ),
    "whether an empty file is a whole one": "si un fichier vide compte comme entier",
    'a file\'s name, under which a marked file is written, read back and removed at every run; one without "retabli" '
    "in it gets it in front. None: nothing is written": (
        "le nom sous lequel un fichier marqué est écrit, relu et effacé à chaque essai ; sans « retabli » dedans, il "
        "le reçoit en tête. Sans nom, rien n'est écrit"
    ),
    "a file with one HL7 v2 message; MSH-11 must be T": "un fichier contenant un message HL7 v2, avec T en MSH-11",
    "what marks the agreed test patient among PID-2 to PID-5, as a word of its own; by default one of TEST, ZZTEST, "
    "RETABLI, FICTIF, SYNTHETIC": (
        "ce qui marque le patient de test convenu parmi PID-2 à PID-5, en un mot à part ; par défaut TEST, ZZTEST, "
        "RETABLI, FICTIF ou SYNTHETIC"
    ),
    "5060, or 5061 with transport: tls": "5060, ou 5061 avec transport: tls",
    "whom it is asked for; sip:host, the switchboard itself, if not given": (
        "pour qui l'on demande ; à défaut sip:host, le central lui-même"
    ),
    "statuses of a switchboard that is well; some answer 404 or 405 for ever": (
        "statuts d'un central qui va bien ; certains répondent toujours 404 ou 405"
    ),
    # speech
    "a recording; else the one that is shipped (English, WAV)": (
        "un enregistrement ; à défaut celui qui est livré (anglais, WAV)"
    ),
    "what is said in it": "ce qui y est dit",
    "words put in, left out or mistaken, per word that was said": (
        "mots ajoutés, omis ou pris pour d'autres, par mot prononcé"
    ),
    "from the last byte of audio to the text, else not whole": (
        "du dernier octet audio au texte ; au-delà, réussite non entière"
    ),
    "other hosts that it needs: looked at as far as TLS": "autres hôtes nécessaires : regardés jusqu'à TLS",
    "a token, or key, of our own": "un jeton, ou une clé, à nous",
    "else, who gives one": "sinon, qui en donne un",
    "what is posted there; grant_type=client_credentials, unless told otherwise": (
        "ce qui y est envoyé ; grant_type=client_credentials par défaut"
    ),
    "where the token stands in the answer": "où le jeton se trouve dans la réponse",
    "the header that presents it; null: none does": "l'en-tête qui le présente ; null : aucun",
    "who tells whether the licence holds": "qui dit si la licence est valable",
    "where the answer tells of it: the licence holds if that is true, or above 0": (
        "où la réponse le dit : la licence est valable si c'est vrai, ou plus grand que 0"
    ),
    "what stands there while the licence holds": "ce qui s'y trouve tant que la licence est valable",
    "how it says that the licence is exhausted": "comment il dit que la licence est épuisée",
    "what its body, its message or its reason to end holds": (
        "ce que contient son corps, son message ou son motif de fin"
    ),
    "how it says that it refuses our token": "comment il dit qu'il refuse notre jeton",
    "where the text stands in a JSON answer or message": "où le texte se trouve dans une réponse ou un message JSON",
    "where it tells of an error": "où il signale une erreur",
    "the file's name in a multipart form": "le nom du fichier dans un formulaire multipart",
    "what else a multipart form holds": "ce qu'un formulaire multipart contient d'autre",
    "send the samples without the header of their WAV file": (
        "envoyer les échantillons sans l'en-tête de leur fichier WAV"
    ),
    "a first message; ${token} stands for the token": "un premier message ; ${token} y est le jeton",
    "a last message; an empty one is sent as binary": "un dernier message ; vide, il est envoyé en binaire",
    "bytes of audio a message": "octets audio par message",
    "time between chunks, for services that want the pace of speech": (
        "temps entre les morceaux, pour les services qui veulent le rythme de la parole"
    ),
    "JSON path that is true, or path=value, where a text is final; else every text is": (
        "chemin JSON vrai, ou chemin=valeur, quand un texte est définitif ; à défaut tous le sont"
    ),
    # those that look at names, pages and certificates
    "an address where type is PTR is turned into its reverse name": (
        "une adresse, quand type est PTR, est changée en son nom inverse"
    ),
    "a value may be a secret: {file: …}": "une valeur peut être un secret : {file: …}",
    "name: regular expression that its value must hold": "nom : expression régulière que sa valeur doit contenir",
    "which redirects are followed": "quelles redirections sont suivies",
    "bytes of the body that are read": "octets lus du corps",
    "how far our clock may be from the server's": "écart admis entre notre horloge et celle du serveur",
    "a part of the certificate's issuer": "une partie de l'émetteur du certificat",
    "days the certificate must still be valid, else not whole; 0: off": (
        "jours pendant lesquels le certificat doit encore valoir ; sinon, réussite non entière ; 0 : sans"
    ),
    "different French telephone numbers on the page": "numéros de téléphone français différents dans la page",
    "networks in which the resolver's filter answers": "réseaux dans lesquels répond le filtre du résolveur",
    "what the pages draw from: looked at as far as TLS, with every target": (
        "ce dont les pages se servent : regardé jusqu'à TLS, avec chaque cible"
    ),
    "bytes of a page that are read": "octets lus d'une page",
}
