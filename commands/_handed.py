"""The configuration for a command that tries something itself: it needs the secrets of what it tries, and no other."""

from collections.abc import Sequence
from pathlib import Path

from commands import Refused
from config.configuration import Configuration
from config.faults import ConfigurationFault
from config.files import Look
from config.loading import chosen, load

SERVICE = "systemd-run --pipe --wait -p DynamicUser=yes -p User=retabli"
SECRETS = Path("/etc/retabli/secrets")  # where the guides have them
PROGRAM = "/opt/retabli/bin/retabli"


def needing(path: Path | None, at: tuple[str, ...], words: Sequence[str]) -> Configuration:
    """`at`: below what of the configuration all secrets are needed; `words`: the command as it was typed.

    Raises:
        ConfigurationFault: it cannot be used.
        Refused: systemd hands over what is needed; how to be handed it stands below the faults.
    """
    try:
        return load(path, Look(at=(at,)))
    except ConfigurationFault as refusal:
        if not refusal.handed:
            raise
        lent = " ".join(f"-p LoadCredential={name}:{SECRETS / name}" for name in refusal.handed)
        typed = " ".join((*words, "--config", str(chosen(path).absolute())))
        said = "as the service would, with the LoadCredential= of its unit:"
        raise Refused(str(refusal), f"{said} {SERVICE} {lent} {PROGRAM} {typed}") from None
