"""Why nothing is done, in a sentence for who installs."""


class Refused(Exception):
    """What the operator can mend: one line, exit status 2."""
