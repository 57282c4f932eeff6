"""What commands and their options mean in French, by the English that the program says; and how they end."""

from retabli.model.words import Words

# The program's own help is in English; a text that is not here would stand in English on the French page.
FRENCH = {
    # what a command is for
    "say who has taken the page of a flow in hand: no more reminder, and nobody else is called": (
        "dire qui a pris en charge l'alerte d'un flux : plus de rappel, et personne d'autre n'est appelé"
    ),
    "test: send a marked test page by each channel; kinds: document the kinds of channels": (
        "test : envoyer une alerte d'essai, marquée, par chaque canal ; kinds : documenter les sortes de canaux"
    ),
    "check the configuration, secrets included, and print what would be watched and who is told; sends nothing": (
        "vérifier la configuration, secrets compris, et afficher ce qui serait surveillé et qui serait prévenu ; "
        "n'envoie rien"
    ),
    "replay 21 June to 3 July 2023 over an embedded hospital, through real sockets": (
        "rejouer du 21 juin au 3 juillet 2023 sur un hôpital embarqué, par de vraies connexions"
    ),
    "document the kinds of probes, or one: its settings, its ladder, its causes": (
        "documenter les sondes, ou l'une d'elles : réglages, échelle, causes"
    ),
    "print the log of states, pages, starts and gaps; `log verify` checks its hash chain": (
        "afficher la main courante : états, alertes, démarrages, angles morts ; `log verify` vérifie sa chaîne "
        "d'empreintes"
    ),
    "climb a flow's ladder now and print it rung by rung; alters no state": (
        "gravir maintenant l'échelle d'un flux et l'afficher échelon par échelon ; ne change aucun état"
    ),
    "the point of situation, as text to send or to print: now, or at any moment that the log knows": (
        "le point de situation, en texte à envoyer ou à imprimer : maintenant, ou à tout moment que connaît la main "
        "courante"
    ),
    "run the daemon": "lancer le démon",
    "print the JSON Schema of the configuration, for editors": (
        "afficher le schéma JSON de la configuration, pour un éditeur"
    ),
    "planned work: a flow does not page until then; probing goes on, and a breach is told in any case": (
        "travaux prévus : un flux n'alerte pas jusque-là ; les sondes continuent, et une rupture est annoncée dans "
        "tous les cas"
    ),
    "the restoration view in the terminal, from a running daemon": (
        "la vue de rétablissement dans le terminal, d'un démon en marche"
    ),
    "copy the state into one file, while the daemon runs": (
        "copier l'état dans un seul fichier, pendant que le démon tourne"
    ),
    "ask for a password and print the line that web.users.NAME.hash names, by {file: …}": (
        "demander un mot de passe et afficher la ligne que nomme web.users.NOM.hash, par {file: …}"
    ),
    # options
    "the account to ask as, where the daemon has accounts": (
        "le compte sous lequel interroger, si le démon a des comptes"
    ),
    "its password, alone in a file (default: $RETABLI_PASSWORD_FILE); never an argument, which others see": (
        "son mot de passe, seul dans un fichier (par défaut, $RETABLI_PASSWORD_FILE) ; jamais en argument, que "
        "d'autres voient"
    ),
    "the authorities (PEM) by which its certificate is judged": (
        "les autorités (PEM) par lesquelles son certificat est jugé"
    ),
    "the file to make; one that is there is never replaced": (
        "le fichier à créer ; un fichier existant n'est jamais remplacé"
    ),
    "whose it will be: refused as a password": "de qui il sera : refusé comme mot de passe",
    "the flow's name in the configuration": "le nom du flux dans la configuration",
    "a person's name, for the log (default: the login, but root's)": (
        "le nom d'une personne, pour la main courante (par défaut, le compte, sauf root)"
    ),
    "what is known already": "ce que l'on sait déjà",
    "2h, 18:30, an instant; else as long as the page is open": (
        "2h, 18:30, un instant ; sinon, tant que l'alerte est ouverte"
    ),
    "where the daemon listens": "où écoute le démon",
    "print the flow as the API shows it, on one line": "afficher le flux comme le montre l'API, en une ligne",
    "send a page that is marked as a test, or document the kinds of channels": (
        "envoyer une alerte marquée comme un essai, ou documenter les sortes de canaux"
    ),
    "one of them; without it, all": "l'un d'eux ; sinon, tous",
    "a file, or a directory of *.yaml": "un fichier, ou un dossier de *.yaml",
    "the language (default: the site's; of kinds: en)": "la langue (par défaut, celle du site ; de kinds, en)",
    "print the firewall openings that this configuration needs": (
        "afficher les ouvertures de pare-feu qu'il faut à cette configuration"
    ),
    "how many times faster the days pass (default: 8700, the twelve days in two minutes)": (
        "combien de fois plus vite passent les jours (par défaut 8700 : les douze jours en deux minutes)"
    ),
    "host:port of the page (127.0.0.1:9877)": "hôte:port de la page (127.0.0.1:9877)",
    "no replay: everything is healthy until you cut it": "sans rediffusion : tout va bien jusqu'à ce qu'on le coupe",
    "the language (default: the terminal's)": "la langue (par défaut, celle du terminal)",
    "one kind; without it, all in a line each": "une sonde ; sinon toutes, en une ligne",
    "default: en": "par défaut, en",
    "check the hash chain, name the first broken row": (
        "vérifier la chaîne d'empreintes, nommer la première ligne rompue"
    ),
    "the state file itself, without a configuration": "le fichier d'état lui-même, sans configuration",
    "2023-07-03, 2023-07-03T08:00, or 2h, 7d ago": "2023-07-03, 2023-07-03T08:00, ou il y a 2h, 7d",
    "only what was before": "seulement ce qui précède",
    "only what concerns this flow": "seulement ce qui touche ce flux",
    "only events of this kind": "seulement les lignes de cette sorte",
    "the language (default: the site's)": "la langue (par défaut, celle du site)",
    "default: text": "par défaut, text",
    "only the newest N rows": "seulement les N lignes les plus récentes",
    "verify: a head that was noted elsewhere earlier": "verify : une tête notée ailleurs auparavant",
    "a flow, or one of its probes": "un flux, ou l'une de ses sondes",
    "one line a probe, as in the API": "une ligne par sonde, comme dans l'API",
    "again and again, in the probe's own rhythm": "encore et encore, au rythme de la sonde",
    "the language of causes (default: the site's)": "la langue des causes (par défaut, celle du site)",
    "ask the daemon that listens there, instead of reading its state": (
        "interroger le démon qui écoute là, au lieu de lire son état"
    ),
    "Markdown, a page by itself, or plain text": "Markdown, une page à elle seule, ou du texte",
    "the situation as it was at 2023-07-03T08:00, or 2h before now": (
        "la situation telle qu'elle était à 2023-07-03T08:00, ou il y a 2h"
    ),
    "say first what has changed since then, as 2023-07-02T18:00 or 24h": (
        "dire d'abord ce qui a changé depuis, comme 2023-07-02T18:00 ou 24h"
    ),
    "only what the public may read: no cause, no host": "seulement ce que le public peut lire : ni cause, ni hôte",
    "with --format html --public: write the public page, its feed and badge there, for any web server": (
        "avec --format html --public : y écrire la page publique, son flux Atom et sa pastille, pour n'importe quel "
        "serveur web"
    ),
    "host:port of the pages, instead of the configuration's": (
        "hôte:port des pages, à la place de celui de la configuration"
    ),
    "2h, 18:30, or 2023-07-03T08:00:00+02:00": "2h, 18:30, ou 2023-07-03T08:00:00+02:00",
    "end the silence now": "finir le silence maintenant",
    "the work that is planned; needed with --until": "les travaux prévus ; nécessaire avec --until",
    "only the flows that are not well": "seulement les flux qui ne vont pas bien",
    "all flows in full, even if the screen holds fewer": "tous les flux en entier, même si l'écran en tient moins",
    "print what the API says, on one line": "afficher ce que dit l'API, en une ligne",
    "keep it as it is, until Ctrl-C; with --json a line for each flow, and for each change of one": (
        "tenir à jour, jusqu'à Ctrl-C ; avec --json, une ligne par flux, puis par changement"
    ),
}

_ANSWERED = {
    1: Words("ce n'est pas possible en l'état ; le message dit pourquoi", "not possible as things stand; it says why"),
    3: Words("aucun démon ne répond", "no daemon answers"),
}
EVERY = {
    0: Words("fait", "done"),
    2: Words(
        "mal écrit, ou à corriger par l'opérateur : une ligne dit où et quoi",
        "mistyped, or for the operator to mend: one line says where and what",
    ),
    130: Words("interrompu (Ctrl-C)", "interrupted (Ctrl-C)"),
    141: Words("qui lisait la sortie est parti", "whoever read the output has gone"),
}
EXITS = {
    "acknowledge": _ANSWERED,
    "silence": _ANSWERED,
    "alert": {1: Words("au moins un destinataire a refusé", "at least one receiver refused")},
    "backup": {
        1: Words(
            "la copie est faite, mais la chaîne de la main courante est rompue",
            "the copy is made, but the log's chain is broken",
        ),
    },
    "probe": {
        1: Words("un échelon n'a pas tenu", "a rung did not hold"),
        3: Words("rien n'a échoué, mais une sonde n'a pas pu juger", "nothing failed, but a probe could not judge"),
    },
    "status": {
        1: Words("un flux est retombé ou rompu", "a flow is dropped or breached"),
        3: Words("aucun démon ne répond", "no daemon answers"),
        4: Words("aucun de ceux-là, mais un inconnu", "none of those, but one is unknown"),
    },
    "log": {1: Words("la chaîne est rompue, ou l'état illisible", "the chain is broken, or the state unreadable")},
    "report": {
        1: Words("l'état ne peut pas être lu, ou le dossier écrit", "the state cannot be read, or the folder written"),
        3: Words("le démon nommé par `--url` ne répond pas", "the daemon that `--url` names does not answer"),
    },
    "run": {
        1: Words(
            "l'état ne peut plus être écrit : le démon s'arrête plutôt que de mentir",
            "the state can no longer be written: the daemon ends rather than lie",
        ),
    },
}
