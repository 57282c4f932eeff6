"""Words of the log-in, of who is logged in, and of why something may not be changed."""

from retabli.model.words import Words

TEXTS = {
    "log_in": Words("Identification", "Log in"),
    "log_in_do": Words("S'identifier", "Log in"),
    "log_out": Words("Se déconnecter", "Log out"),
    "logged_in_as": Words("Identifié comme", "Logged in as"),
    "user": Words("Compte", "User"),
    "password": Words("Mot de passe", "Password"),
    "login_refused": Words("Compte ou mot de passe erroné.", "This user and this password do not belong together."),
    "login_delayed": Words(
        "Trop d'échecs depuis ce poste. Prochain essai possible dans {seconds}\u00a0s.",
        "Too many failures from here. The next attempt is possible in {seconds}\u00a0s.",
    ),
    "login_busy": Words(
        "Trop de personnes s'identifient en ce moment. Essayez à nouveau dans une seconde.",
        "Too many people log in at this moment. Try again in a second.",
    ),
    "account_said": Words("dans la main courante, avec le compte", "in the log, with the account"),
    "logged_out": Words("Vous êtes déconnecté.", "You are logged out."),
    "go_on": Words("Continuer", "Go on"),
    "session_over": Words(
        "Session terminée\u00a0: s'identifier à nouveau (nouvel onglet)", "Session ended: log in again (new tab)"
    ),
    "log_in_again": Words("S'identifier à nouveau", "Log in again"),
    "other_account": Words("Prendre un autre compte", "Use another account"),
}
