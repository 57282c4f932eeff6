"""What to check first about the causes that are met most: written by hand, for somebody who was woken by one.

Commands are typed on the daemon's own machine: from elsewhere the same question may have another answer.
"""

from retabli.model.words import Words

_REMOTE_CERTIFICATE = Words(
    "`openssl s_client -connect HÔTE:PORT -servername HÔTE -showcerts </dev/null` montre qui l'a émis, pour quels noms "
    "et jusqu'à quand. Un émetteur inattendu (pare-feu, proxy) : quelqu'un inspecte TLS sur le chemin.",
    "`openssl s_client -connect HOST:PORT -servername HOST -showcerts </dev/null` shows who issued it, for which names "
    "and until when. An issuer nobody expected (firewall, proxy): somebody inspects TLS on the way.",
)

CHECKS = {
    # Names
    "nxdomain": Words(
        "`dig @10.0.0.53 NOM` avec notre résolveur, puis `dig @SERVEUR NOM` avec celui de la zone. L'un répond et pas "
        "l'autre : c'est chez nous (filtrage, zone non relayée).",
        "`dig @10.0.0.53 NAME` with our resolver, then `dig @SERVER NAME` with the zone's own. One answers and the "
        "other does not: it is on our side (filtering, a zone that is not forwarded).",
    ),
    "no_data": Words(
        "Le nom existe, sans adresse IPv4 ni IPv6. `dig NOM A` et `dig NOM AAAA` ; un nom interne demandé à un "
        "résolveur externe répond ainsi.",
        "The name exists, without an IPv4 or IPv6 address. `dig NAME A` and `dig NAME AAAA`; an inside name asked of "
        "an outside resolver answers so.",
    ),
    "servfail": Words(
        "D'autres noms passent-ils ? Oui : la zone de celui-ci, ou DNSSEC (`dig +cd NOM` répond alors). Non : le "
        "résolveur n'atteint plus ses propres serveurs ; le port 53 vers l'extérieur est-il rouvert ?",
        "Do other names resolve? Yes: this one's zone, or DNSSEC (`dig +cd NAME` answers then). No: the resolver "
        "cannot reach its own servers; is port 53 to the outside open again?",
    ),
    "dns_refused": Words(
        "L'adresse de cette machine est-elle dans la liste d'accès du résolveur (`allow-query`, `access-control`) ?",
        "Does the resolver's access list (`allow-query`, `access-control`) hold this machine's address?",
    ),
    "dns_timeout": Words(
        "Le résolveur vit-il (`dig @10.0.0.53 . SOA`) ? Sinon le flux `resolver` est tombé aussi : commencer par lui.",
        "Does the resolver live (`dig @10.0.0.53 . SOA`)? If not, the flow `resolver` has dropped too: begin with "
        "that.",
    ),
    "sinkhole": Words(
        "Le filtre du résolveur bloque ce nom : faire ajouter le nom exact (pas le domaine parent) à sa liste blanche.",
        "The resolver's filter blocks this name: have the exact name (not its parent) added to its allow list.",
    ),
    # Connections
    "refused": Words(
        "La machine répond, rien n'écoute sur ce port : service arrêté, mauvais port, ou pare-feu qui répond par un "
        "RST. `nc -vz HÔTE PORT`.",
        "The machine answers and nothing listens on that port: a service that is stopped, a wrong port, or a firewall "
        "that answers by a RST. `nc -vz HOST PORT`.",
    ),
    "timeout": Words(
        "Presque toujours une règle de pare-feu manquante. L'ouverture exacte : `retabli check --openings`. Jusqu'où "
        "va le paquet : `traceroute -T -p PORT HÔTE`. Si la connexion se fait et que la suite se tait : MTU, ou "
        "service figé.",
        "Nearly always a missing firewall rule. The exact opening: `retabli check --openings`. How far the packet "
        "gets: `traceroute -T -p PORT HOST`. If it connects and then stays silent: MTU, or a service that hangs.",
    ),
    "unreachable": Words(
        "`ip route get ADRESSE` : la route existe-t-elle ? Un VPN ou un lien d'opérateur coupé répond ainsi.",
        "`ip route get ADDRESS`: is there a route? A VPN or a carrier's link that is down answers so.",
    ),
    "admin_prohibited": Words(
        "Un pare-feu a répondu « interdit ». Le détail de l'essai dit lequel : c'est lui qu'il faut ouvrir.",
        "A firewall answered “prohibited”. The run's detail says which one: that is the one to open.",
    ),
    "reset": Words(
        "Coupure en cours de conversation : équipement d'inspection ou anti-virus sur le chemin, ou service qui "
        "plante. Le journal du serveur d'en face a-t-il vu la connexion ?",
        "Cut in the middle of a conversation: an inspecting device on the way, or a service that crashes. Has the "
        "other server's log seen the connection?",
    ),
    "closed_early": Words(
        "Le service accepte puis raccroche : liste d'accès par adresse, quota de connexions, ou démarrage inachevé.",
        "The service accepts and hangs up: an access list by address, a limit of connections, or a start not ended.",
    ),
    # TLS
    "tls_handshake": _REMOTE_CERTIFICATE,
    "not_tls": Words(
        "Le port répond en clair : `tls.mode` est faux (`starttls` ou `none`), ou le port (25/465/587, 143/993).",
        "The port answers in clear: `tls.mode` is wrong (`starttls` or `none`), or the port (25/465/587, 143/993).",
    ),
    "cert_expired": _REMOTE_CERTIFICATE,
    "cert_not_yet_valid": Words(
        "Notre horloge d'abord : `timedatectl`. Puis la date de début du certificat.",
        "Our clock first: `timedatectl`. Then the certificate's first day.",
    ),
    "cert_unknown_ca": _REMOTE_CERTIFICATE,
    "cert_self_signed": _REMOTE_CERTIFICATE,
    "cert_name_mismatch": Words(
        "Le nom demandé est-il celui du service ? Sinon donner le bon par `tls.server_name`. Un équilibreur de charge "
        "mal configuré montre le certificat d'un autre.",
        "Is the name asked for the service's own? If not, give the right one by `tls.server_name`. A misconfigured "
        "load balancer shows somebody else's certificate.",
    ),
    "client_cert_refused": Words(
        "Le partenaire connaît-il encore notre certificat ? S'il a été renouvelé ou révoqué après l'attaque, le lui "
        "redonner.",
        "Does the partner still know our certificate? If it was renewed or revoked after the attack, give it to them "
        "again.",
    ),
    # Accounts
    "auth_refused": Words(
        "Le compte de sonde est-il verrouillé, désactivé, ou son mot de passe changé par la réinitialisation générale "
        "? Corriger le fichier du secret, puis `retabli probe FLUX` : un secret est relu à chaque essai.",
        "Is the probe's account locked, disabled, or its password changed by the general reset? Mend the secret's "
        "file, then `retabli probe FLOW`: a secret is read anew at every run.",
    ),
    "secret_unreadable": Words(
        "`ls -l` du fichier nommé dans le détail : il doit être lisible par l'utilisateur du démon, et par lui seul "
        "(0600). `retabli check` les lit tous.",
        "`ls -l` of the file that the detail names: the daemon's user, and nobody else, must be able to read it "
        "(0600). `retabli check` reads them all.",
    ),
    # This machine
    "local_resources": Words(
        "`ss -s`, `ulimit -n`, `free -m` : trop de connexions ouvertes, ou mémoire épuisée. `retabli_probe_runs_total` "
        'avec `outcome="skipped"` dit depuis quand.',
        "`ss -s`, `ulimit -n`, `free -m`: too many open connections, or memory used up. `retabli_probe_runs_total` "
        "with "
        '`outcome="skipped"` says since when.',
    ),
    "local_permission": Words(
        "Pare-feu local (`nft list ruleset`) ou durcissement du service. Pour `icmp` : `sysctl "
        "net.ipv4.ping_group_range` doit contenir le groupe du démon.",
        "A local firewall (`nft list ruleset`) or the service's hardening. For `icmp`: `sysctl "
        "net.ipv4.ping_group_range` must hold the daemon's group.",
    ),
    "local_stall": Words(
        "La machine s'est figée : instantané, migration, surcharge. Une fois, rien ; sans cesse, la déplacer. "
        "`retabli_loop_stall_seconds`.",
        "The machine stood still: a snapshot, a migration, overload. Once is nothing; if it goes on, move it. "
        "`retabli_loop_stall_seconds`.",
    ),
    "probe_defect": Words(
        "`journalctl -u retabli` en porte la trace : c'est un défaut de Retabli, à signaler. Les autres flux restent "
        "surveillés ; vérifier celui-ci à la main.",
        "`journalctl -u retabli` has the trace: it is a defect of Retabli, to be reported. The other flows are still "
        "watched; check this one by hand.",
    ),
    "no_route": Words(
        "`ip route` : plus de route par défaut. Bail DHCP perdu, ou interface reconfigurée.",
        "`ip route`: no default route. A DHCP lease that was lost, or an interface that was set up anew.",
    ),
    "link_down": Words(
        "`ip -br link` : câble, port du commutateur, interface virtuelle débranchée par l'hyperviseur.",
        "`ip -br link`: the cable, the switch's port, a virtual interface that the hypervisor unplugged.",
    ),
    "gateway_silent": Words(
        "`ip neigh` : la passerelle en FAILED ou INCOMPLETE. Elle est tombée, ou notre VLAN est coupé.",
        "`ip neigh`: the gateway is FAILED or INCOMPLETE. It has died, or our VLAN is cut.",
    ),
    # Mail
    "relay_denied": Words(
        "Le relais ne connaît pas notre adresse : l'ajouter à ses réseaux autorisés (`mynetworks` de Postfix, "
        "connecteur de réception d'Exchange).",
        "The relay does not know our address: add it to the networks it serves (Postfix's `mynetworks`, Exchange's "
        "receive connector).",
    ),
    "block_listed": Words(
        "Le détail nomme la liste. Demander le retrait **après** avoir vérifié que plus aucune machine n'envoie de "
        "pourriel : une seconde inscription dure plus longtemps.",
        "The detail names the list. Ask for removal **after** having made sure that no machine sends spam any more: a "
        "second listing lasts longer.",
    ),
    "greylisted": Words(
        "Normal après un changement d'adresse d'envoi. Passé un quart d'heure, c'est un échec : prévenir le "
        "partenaire.",
        "Normal after a new sending address. Beyond a quarter of an hour it is a failure: tell the partner.",
    ),
    "sender_unproven": Words(
        "`dig TXT DOMAINE` (SPF) contient-il la nouvelle adresse de sortie ? La clé DKIM a-t-elle été reposée sur le "
        "relais reconstruit ?",
        "Does `dig TXT DOMAIN` (SPF) hold the new way out's address? Was the DKIM key put back on the relay that was "
        "rebuilt?",
    ),
    "late": Words(
        "La file du relais : `mailq` (Postfix), *Queue Viewer* (Exchange). Le message y est : la raison est à côté. "
        "Il n'y est pas : il est chez le partenaire ou en quarantaine.",
        "The relay's queue: `mailq` (Postfix), *Queue Viewer* (Exchange). The message is there: its reason stands "
        "beside it. It is not: the partner has it, or a quarantine.",
    ),
    "bounced": Words(
        "L'avis de retour est dans la boîte `bounces` ou `mailbox` : il dit qui a refusé, et pourquoi.",
        "The notification is in the mailbox `bounces` or `mailbox`: it says who refused, and why.",
    ),
    "in_spam": Words(
        "Comparer SPF, DKIM et DMARC dans l'en-tête Authentication-Results du message reçu.",
        "Compare SPF, DKIM and DMARC in the header Authentication-Results of the message that arrived.",
    ),
    "relay_holding": Words(
        "Le flux est rouvert, mais d'anciens messages attendent encore : `postqueue -f`, après accord (ce sont de "
        "vrais messages).",
        "The flow is open again, but older messages still wait: `postqueue -f`, once agreed (they are real messages).",
    ),
    "mailbox_unreadable": Words(
        "C'est la **boîte de la sonde** qui est illisible, pas le flux qui est en panne : IMAP, quota, verrou. Le flux "
        "reste inconnu tant qu'elle l'est.",
        "It is the **probe's own mailbox** that cannot be read, and not the flow that is broken: IMAP, quota, a lock. "
        "The flow stays unknown as long as that lasts.",
    ),
    "mailbox_auth_refused": Words(
        "Le compte de la boîte de sonde : mot de passe réinitialisé, protocole IMAP désactivé, jeton expiré.",
        "The account of the probe's mailbox: a password that was reset, IMAP switched off, a token that expired.",
    ),
    "not_delivered": Words(
        "La balise est arrivée au témoin et pas ici : c'est notre entrée. Passerelle anti-spam, MX, quarantaine.",
        "The beacon is at the witness and not here: it is our entrance. Spam gateway, MX, quarantine.",
    ),
    "no_beacon": Words(
        "Le Retabli extérieur s'est tu : c'est lui qu'il faut regarder. Rien n'est su de notre réception.",
        "The Retabli outside is silent: look at that one. Nothing is known of our inbound mail.",
    ),
    # DICOM, HL7, files
    "calling_ae_unknown": Words(
        "Faire déclarer notre AE Title (`calling_ae`, majuscules comprises) **et** notre adresse IP chez le "
        "partenaire.",
        "Have our AE title (`calling_ae`, case included) **and** our IP address declared at the partner's.",
    ),
    "called_ae_unknown": Words(
        "`called_ae` n'est pas le sien : le redemander, il change souvent quand un PACS est reconstruit.",
        "`called_ae` is not theirs: ask again, it often changes when a PACS is rebuilt.",
    ),
    "silent": Words(
        "Le moteur écoute, son canal est arrêté : le démarrer dans la console de l'EAI.",
        "The engine listens and its channel is stopped: start it in the engine's console.",
    ),
    "no_arrivals": Words(
        "Chez le partenaire d'abord : dépose-t-il encore ? Puis le compte SFTP, puis `profile` si c'est la nuit.",
        "The partner's side first: do they still put files there? Then the SFTP account, then `profile` if it is "
        "night.",
    ),
    "not_consumed": Words(
        "Les fichiers arrivent et s'accumulent : la tâche d'intégration est arrêtée. **Des résultats attendent.**",
        "Files arrive and pile up: the job that takes them in is stopped. **Results are waiting.**",
    ),
    # Web, proxies
    "proxy_denied": Words(
        "Faire ajouter le site à la liste blanche du proxy : le nom exact, et ce dont la page dépend.",
        "Have the site added to the proxy's allow list: the exact name, and what its page depends on.",
    ),
    "proxy_down": Words(
        "Le proxy, pas le site : voir le flux `proxy`. Les sites restent inconnus tant qu'il est arrêté.",
        "The proxy, not the site: see the flow `proxy`. Sites stay unknown as long as it is down.",
    ),
    "tls_intercepted": Words(
        "Un équipement déchiffre TLS vers ce site : l'en exempter, ou donner son autorité par `ca` si c'est voulu.",
        "A device decrypts TLS to this site: exempt the site, or give that authority by `ca` if it is meant.",
    ),
    # Closed flows
    "answered": Words(
        "Une sortie est ouverte : la page du flux dit vers où, par quel port. **Refermer la règle, puis chercher qui "
        "l'a ouverte.**",
        "A way out is open: the flow's page says where to and by which port. **Close the rule, then search who opened "
        "it.**",
    ),
    "answered_ipv6": Words(
        "La règle ne ferme qu'IPv4. Fermer IPv6 aussi, sur le même pare-feu.",
        "The rule closes IPv4 alone. Close IPv6 as well, on the same firewall.",
    ),
    "control_path_failed": Words(
        "Notre propre sortie est coupée : le silence ne prouve plus rien. Réparer `control.path` d'abord.",
        "Our own way out is cut: a silence proves nothing any more. Mend `control.path` first.",
    ),
    "target_not_alive": Words(
        "La cible extérieure est éteinte pour tout le monde : la relancer, sans quoi la fermeture ne peut être "
        "prouvée.",
        "The target outside is down for everybody: start it again, or closure cannot be proven.",
    ),
}
