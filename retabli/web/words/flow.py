"""Words of a flow's own page."""

from retabli.model.words import Words

TEXTS = {
    "cause": Words("Cause", "Cause"),
    "first_look": Words("Que faire", "What to do"),
    "not_live": Words(
        "Sans JavaScript, cette page ne se met pas à jour d'elle-même.",
        "Without JavaScript, this page does not renew itself.",
    ),
    "again": Words("Recharger", "Reload"),
    "ladder": Words("Échelle", "Ladder"),
    "probes": Words("Sondes", "Probes"),
    "policy": Words("Règles", "Policy"),
    "history": Words("Derniers événements", "Latest events"),
    "no_history": Words("Aucun événement récent.", "No recent event."),
    "never_run": Words("pas encore essayé", "not tried yet"),
    "stale": Words("périmé", "stale"),
    "not_counted": Words("montré, non jugé", "shown, not judged"),
    "not_asked": Words("sans objet", "not needed"),
    "not_reached": Words("non atteint", "not reached"),
    "fell": Words("échec", "fell"),
    "held": Words("tenu", "held"),
    "first_restored": Words("rétabli la première fois", "first restored"),
    "restored_at": Words("rétabli la dernière fois", "last restored"),
    "never": Words("jamais", "never"),
    "owner": Words("Responsable", "Owner"),
    "criticality": Words("Criticité", "Criticality"),
    "runbook": Words("Procédure", "Runbook"),
    "intent": Words("Intention", "Intent"),
    "whole_ratio": Words("tours complets sur les 20 derniers", "whole rounds of the last 20"),
    "require": Words("exigé", "required"),
    "rise": Words("succès de suite pour être rétabli", "successes in a row to be restored"),
    "rise_closed": Words(
        "tours prouvés de suite pour qu'une rupture finisse", "proven rounds in a row to end a breach"
    ),
    "fall_closed": Words(
        "essais sans preuve de suite pour être inconnu", "rounds without proof in a row to be unknown"
    ),
    "soak": Words("sur au moins", "over at least"),
    "fall": Words("échecs de suite pour retomber", "failures in a row to drop"),
    "confirm": Words("confirmations espacées de", "confirmations apart by"),
    "every": Words("toutes les", "every"),
    "depends_on": Words("Dépend de", "Depends on"),
    "detail": Words("Ce qui a été dit", "What was said"),
    "all": Words("toutes les sondes", "all probes"),
    "any": Words("une sonde au moins", "at least one probe"),
}
