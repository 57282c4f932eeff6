"""What the settings outside of probes and channels mean, by their dotted names, in French and in English."""

from retabli.model.words import Words

SECTIONS = {
    "site": Words("L'établissement.", "Whom this is for."),
    "": Words("En tête du fichier, hors de toute section.", "At the top of the file, in no section."),
    "web": Words("Les pages, l'API et les métriques.", "The pages, the API and the metrics."),
    "web.users": Words(
        "Les comptes, chacun sous un nom : `users: {astreinte: {role: act, hash: {file: secrets/astreinte}}}`.",
        "The accounts, each under a name: `users: {oncall: {role: act, hash: {file: secrets/oncall}}}`.",
    ),
    "resolver": Words(
        "Les serveurs de noms interrogés directement ; sans cette section, ceux de la machine.",
        "The name servers that are asked directly; without this section, the machine's.",
    ),
    "defaults": Words(
        "Ce que vaut un réglage qu'un flux ou une sonde ne donne pas.",
        "What a setting is that a flow or a probe does not give.",
    ),
    "keep": Words(
        "Combien d'essais sont conservés. La main courante, elle, est conservée entière.",
        "How many runs are kept. The log is kept whole.",
    ),
    "copies": Words(
        "Les copies que le démon prend lui-même de son état ([Sauvegarder](../../sauvegarde.md)).",
        "The copies that the daemon takes of its own state ([Backup](../../backup.md)).",
    ),
    "proxies": Words(
        "Les proxys filtrants, chacun sous un nom : `proxies: {main: {url: …}}`. Une sonde les nomme par `proxy`.",
        "Filtering proxies, each under a name: `proxies: {main: {url: …}}`. A probe names one by `proxy`.",
    ),
    "mailboxes": Words(
        "Les boîtes IMAP des sondes, chacune sous un nom, à personne d'autre : leurs messages y sont effacés.",
        "The probes' own IMAP mailboxes, each under a name, and nobody else's: their messages are deleted there.",
    ),
    "alerts.routes": Words(
        "Une liste : à qui va une alerte ([L'astreinte](../../astreinte.md#les-routes)).",
        "A list: to whom a page goes ([On call](../../on-call.md#routes)).",
    ),
    "alerts.heartbeat": Words(
        "Le battement de cœur : son silence est une alarme, chez qui le reçoit.",
        "The heartbeat: its silence is an alarm, for whoever receives it.",
    ),
    "alerts.channels": Words(
        "Les canaux, chacun sous un nom : `channels: {duty: {kind: webhook, …}}`. Leurs réglages, par sorte, sont plus "
        "bas.",
        "Channels, each under a name: `channels: {duty: {kind: webhook, …}}`. Their settings stand below, by kind.",
    ),
    "flows": Words(
        "Les flux, chacun sous un nom : minuscules, chiffres, tirets (`mail-out`). C'est le nom des commandes, de "
        "l'API et des métriques.",
        "The flows, each under a name: lower case, digits, dashes (`mail-out`). It is its name in commands, the API "
        "and metrics.",
    ),
}

SETTINGS = {
    "site.name": Words("nom de l'établissement, en tête des pages et des messages", "its name, on pages and messages"),
    "site.timezone": Words(
        "fuseau horaire de tout ce qui est pour des personnes : pages, messages, `hours`, `profile`",
        "the time zone of all that is for people: pages, messages, `hours`, `profile`",
    ),
    "site.language": Words("langue des pages et des messages", "the language of pages and messages"),
    "site.cut_at": Words(
        "quand les flux ont été coupés : le parcours de chacun part de là. Instant avec son décalage : "
        "2026-01-10T16:00:00+01:00",
        "when the flows were cut: each one's course begins there. An instant with its offset: "
        "2026-01-10T16:00:00+01:00",
    ),
    "standpoint": Words(
        "d'où ce démon regarde (inside, dmz, outside…) : un mot, dans les messages et les métriques",
        "where this daemon stands (inside, dmz, outside, …): one word, in messages and metrics",
    ),
    "state": Words(
        "le fichier de ce que le démon sait : états, main courante, messages à remettre. Relatif à la configuration ; "
        "à `/var/lib/retabli` pour celle de `/etc/retabli`",
        "the file of what the daemon knows: states, the log, messages to deliver. Relative to the configuration; "
        "to `/var/lib/retabli` for one in `/etc/retabli`",
    ),
    "web.listen": Words(
        "adresse:port où le démon écoute ; `127.0.0.1` : cette machine seule ; `:9877` : toutes ses adresses",
        "address:port on which the daemon listens; `127.0.0.1`: this machine alone; `:9877`: every address of it",
    ),
    "web.url": Words(
        "l'adresse par laquelle les autres l'atteignent : celle des liens dans les alertes",
        "the address by which others reach it: that of links in messages",
    ),
    "resolver.nameservers": Words("leurs adresses", "their addresses"),
    "resolver.port": Words("leur port", "their port"),
    "keep.results": Words("âge au-delà duquel un essai est oublié", "the age beyond which a run is forgotten"),
    "keep.per_unit": Words("essais conservés par unité, au plus", "runs that are kept of each unit, at most"),
    "copies.folder": Words(
        "leur dossier ; à défaut, à côté de l'état : `state.db.copies`. Mieux sur un autre disque",
        "their folder; else beside the state: `state.db.copies`. Better on another disk",
    ),
    "copies.every": Words("leur rythme ; une aussi après chaque démarrage", "their rhythm; one after each start, too"),
    "copies.hourly": Words(
        "de combien d'heures, les dernières, la copie la plus récente est gardée",
        "of how many of the latest hours the newest copy is kept",
    ),
    "copies.daily": Words("de même, de combien de jours", "the same, of how many days"),
    "rise": Words(
        "succès de suite, sur au moins `soak`, pour qu'un flux soit rétabli",
        "successes in a row, over at least `soak`, for a flow to be restored",
    ),
    "soak": Words("durée minimale de cette suite", "how long that row must last, at least"),
    "fall": Words(
        "échecs de suite pour qu'un flux rétabli soit retombé", "failures in a row for a restored flow to have dropped"
    ),
    "confirm": Words(
        "délai entre un premier échec et les essais qui le confirment, sans attendre le rythme",
        "the time between a first failure and the runs that confirm it, without waiting for the rhythm",
    ),
    "page_unknown_after": Words(
        "durée d'un état inconnu au bout de laquelle un flux vital, important ou fermé alerte",
        "how long a vital, high or closed flow may be unknown before it pages",
    ),
    "proxies.url": Words("son adresse : http://proxy.chu.example:3128", "its address: http://proxy.chu.example:3128"),
    "proxies.user": Words("le compte que la sonde y présente", "the account that probes present there"),
    "proxies.password": Words("son mot de passe", "its password"),
    "proxies.denied": Words(
        "comment ce proxy dit non : l'un de ces signes suffit", "how this proxy says no: any of these signs"
    ),
    "proxies.denied.status": Words("statuts de son refus", "the statuses of its refusal"),
    "proxies.denied.header": Words("Nom : expression régulière", "Name: regular expression"),
    "proxies.denied.body": Words("expression régulière", "regular expression"),
    "proxies.denied.reset": Words(
        "il coupe la connexion au lieu de répondre", "it cuts the connection instead of answering"
    ),
    "mailboxes.imap": Words("nom ou adresse du serveur IMAP", "the IMAP server's name or address"),
    "mailboxes.folder": Words("dossier où les messages arrivent", "the folder in which messages arrive"),
    "mailboxes.junk": Words(
        "dossier des indésirables, regardé aussi ; null : il n'y en a pas",
        "the folder for spam, looked at too; null: there is none",
    ),
    "mailboxes.trusted_authserv": Words(
        "le nom du serveur dont on croit l'en-tête Authentication-Results (RFC 8601)",
        "the name of the server whose header Authentication-Results is believed (RFC 8601)",
    ),
    "alerts.routes.states": Words("ce qui est pris : obligatoire", "what it takes: required"),
    "alerts.routes.to": Words("à quels canaux", "to which channels"),
    "alerts.routes.criticality": Words("seulement ces criticités", "these criticalities alone"),
    "alerts.routes.side": Words("seulement les causes de ce côté", "causes of these sides alone"),
    "alerts.routes.owner": Words("seulement les flux de ces responsables", "the flows of these owners alone"),
    "alerts.routes.hours": Words(
        'seulement à ces heures, dans le fuseau du site : ["mon-fri 08:00-18:00"]',
        'at these hours alone, in the site\'s time zone: ["mon-fri 08:00-18:00"]',
    ),
    "alerts.routes.remind": Words(
        "rappel à ce rythme, jusqu'à une prise en charge ou la fin ; 1m au moins",
        "reminded at this rhythm, until acknowledged or over; at least 1m",
    ),
    "alerts.routes.escalate": Words("qui d'autre, si personne n'a pris en charge", "who else, if nobody acknowledges"),
    "alerts.routes.escalate.after": Words("après combien de temps", "after how long"),
    "alerts.routes.escalate.to": Words("à quels canaux", "to which channels"),
    "alerts.heartbeat.every": Words("son rythme", "its rhythm"),
    "alerts.heartbeat.to": Words("un canal, ou une liste de canaux", "a channel, or a list of them"),
    "flows.title": Words(
        "ce que lisent les gens : un texte, ou un par langue ({fr: …, en: …}) ; à défaut, le nom",
        "what people read: a text, or one a language ({fr: …, en: …}); its name, if there is none",
    ),
    "flows.intent": Words(
        "open : il doit passer ; closed : il ne doit pas", "open: it should get through; closed: it must not"
    ),
    "flows.group": Words("le groupe sous lequel il est affiché", "the group that it is shown in"),
    "flows.criticality": Words(
        "vital et high alertent aussi d'un état inconnu qui dure", "vital and high page of a lasting unknown, too"
    ),
    "flows.owner": Words("qui en répond : affiché, et pour les routes", "who answers for it: shown, and for routes"),
    "flows.runbook": Words("la procédure : une adresse, ou un texte", "the runbook: an address, or a text"),
    "flows.notice": Words(
        "ce que les gens doivent faire tant qu'il n'est pas rétabli", "what people must do while it is not restored"
    ),
    "flows.declared_since": Words(
        "depuis quand on le dit rétabli : affiché à côté de ce qui est mesuré, sans effet sur lui",
        "since when people say that it is restored: shown beside what is measured, without effect on it",
    ),
    "flows.depends_on": Words(
        "les flux dont l'alerte explique la sienne : tant que l'une est ouverte, la sienne attend",
        "the flows whose page explains its own, which waits while one of theirs is open",
    ),
    "flows.require": Words(
        'combien d\'unités doivent passer : all, any, "36/40" ou "90%"',
        'how many units must get through: all, any, "36/40" or "90%"',
    ),
    "flows.public": Words("affiché sur `/public`, sans hôte ni cause", "shown on `/public`, without hosts or causes"),
    "flows.every": Words(
        "le rythme de ses sondes qui n'en donnent pas", "the rhythm of those of its probes that give none"
    ),
    "flows.timeout": Words("leur délai", "their deadline"),
    "flows.probes": Words(
        "ses sondes, chacune sous un nom, avec sa `kind` : voir [les sondes](sondes.md)",
        "its probes, each under a name, with its `kind`: see [kinds of probes](kinds.md)",
    ),
}
# What a message holds, for `template` and the arguments of a program.
FIELDS = {
    "key": Words("la même à chaque essai d'envoi du même message", "the same at every attempt to send this message"),
    "incident": Words("l'alerte : la même du début à la fin", "the page: the same from its opening to its end"),
    "status": Words(
        "firing, resolved, reminder, heartbeat ou test",
        "firing, resolved, reminder, heartbeat or test",
    ),
    "reason": Words("dropped, breached, unknown, degraded", "dropped, breached, unknown, degraded"),
    "site": Words("`site.name`", "`site.name`"),
    "standpoint": Words("`standpoint`", "`standpoint`"),
    "flow": Words("le nom du flux", "the flow's name"),
    "title": Words("son titre, dans la langue du site", "its title, in the site's language"),
    "state": Words("son état", "its state"),
    "since": Words("depuis quand", "since when"),
    "opened_at": Words("quand l'alerte s'est ouverte", "when the page was opened"),
    "restored_at": Words("depuis quand il était rétabli", "since when it had been restored"),
    "probe": Words("la sonde qui le dit", "the probe that says so"),
    "stage": Words("l'échelon", "the rung"),
    "cause": Words("le code de la cause", "the cause's code"),
    "side": Words("son côté", "its side"),
    "detail": Words("ce qui a été dit, ou vu", "what was said, or seen"),
    "because": Words("l'alerte qui explique celle-ci, s'il y en a une", "the page that explains this one, if any"),
    "owner": Words("le responsable du flux", "the flow's owner"),
    "criticality": Words("sa criticité", "its criticality"),
    "runbook": Words("sa procédure", "its runbook"),
    "url": Words("la page du flux", "the flow's page"),
    "acknowledge_url": Words("où prendre en charge", "where to acknowledge"),
    "escalated": Words("true pour qui est appelé par `escalate`", "true for those who are called by `escalate`"),
    "summary": Words("une ligne de 160 caractères au plus", "one line of at most 160 characters"),
    "text": Words("le message entier, à lire", "the whole message, to read"),
    "sent_at": Words("l'instant de l'envoi", "when it was sent"),
    "pages": Words("les alertes d'un message groupé", "the pages of a message about several"),
}
