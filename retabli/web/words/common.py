"""Words of several pages."""

from retabli.model.words import Words

TEXTS = {
    "restoration": Words("Rétablissement des flux", "Restoration of flows"),
    "flows": Words("Flux", "Flows"),
    "log": Words("Main courante", "Log"),
    "public": Words("Page publique", "Public page"),
    "as_of": Words("au", "as of"),
    "since": Words("depuis", "for"),
    "since_date": Words("depuis le", "since"),
    "verified_none": Words("rien n'est vérifié", "nothing verified"),
    "rung_of": Words("échelon {n} sur {m}", "rung {n} of {m}"),
    "seen": Words("essayé il y a", "tried"),
    "seen_after": Words("", "ago"),
    "drops": Words("retombé {n} fois", "dropped {n} times"),
    "drops_once": Words("retombé 1 fois", "dropped once"),
    "breaches": Words("rompu {n} fois", "breached {n} times"),
    "declared": Words("annoncé rétabli le", "declared restored on"),
    "notice": Words("En attendant", "Meanwhile"),
    "because": Words("expliqué par", "explained by"),
    "last_standing": Words("dernier état prouvé", "last proven state"),
    "probes_ok": Words("{ok} sonde{s} sur {of} en ordre", "{ok} of {of} probes ok"),
    "targets_ok": Words("{ok} cible{s} sur {of} en ordre", "{ok} of {of} targets ok"),
    "others": Words("Autres flux", "Other flows"),
    "closed": Words("Doit rester fermé", "Must stay closed"),
    "closed_why": Words(
        "Fermé sur décision. Une réponse ici serait une rupture de l'isolement.",
        "Closed on purpose. An answer here would be a breach.",
    ),
    "own": Words("Retabli lui-même", "Retabli itself"),
    "proven": Words("prouvé il y a", "proven"),
    "proven_after": Words("", "ago"),
    "control_path": Words("notre sortie fonctionne", "our way out works"),
    "control_alive": Words("la cible répond ailleurs", "the target answers elsewhere"),
    "control_declared": Words(
        "la cible répond ailleurs (déclaré, non mesuré)", "the target answers elsewhere (declared, not measured)"
    ),
    "passes": Words("oui", "yes"),
    "fails": Words("non", "no"),
    "not_evaluated": Words("non évalué", "not evaluated"),
    "lost": Words("Connexion perdue", "Connection lost"),
    "lost_age": Words("données d'il y a", "data is this old:"),
    "all_flows": Words("Tous les flux", "All flows"),
    "no_flow": Words("Aucun flux n'est configuré.", "No flow is configured."),
    "report": Words("Point de situation", "Point of situation"),
    "flow": Words("Flux", "Flow"),
    "measured": Words(
        "Mesuré de bout en bout par Retabli, non déclaré.", "Measured end to end by Retabli, not declared."
    ),
    "other_language": Words("English", "Français"),
    "switches": Words("Couper et rétablir", "Cut and heal"),
    "switches_why": Words(
        "Chaque bouton agit sur l'hôpital simulé. Retabli n'en est pas averti : il le mesure.",
        "Each button acts on the simulated hospital. Retabli is not told: it measures.",
    ),
    "not_found": Words("Cette page n'existe pas.", "This page does not exist."),
    "error": Words("Erreur", "Error"),
    "skip": Words("Aller au contenu", "Skip to content"),
    "colon": Words("\u00a0:", ":"),
}
