"""Where a running daemon is asked, and by which account: `--url`, `--user`, `--password-file`, `--ca`."""

import argparse
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from commands import Refused

if TYPE_CHECKING:
    import ssl

VARIABLE = "RETABLI_PASSWORD_FILE"
LARGEST = 4096  # bytes of a file that holds a password


@dataclass(frozen=True, slots=True)
class Door:
    """`login` is a user and a password; `tls` judges the daemon's certificate."""

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)
    tls: "ssl.SSLContext | None" = field(default=None, repr=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Everything but `--url`."""
    parser.add_argument("--user", metavar="NAME", help="the account to ask as, where the daemon has accounts")
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="PATH",
        help=f"its password, alone in a file (default: ${VARIABLE}); never an argument, which others see",
    )
    parser.add_argument(
        "--ca", type=Path, metavar="PATH", help="the authorities (PEM) by which its certificate is judged"
    )


def door(args: argparse.Namespace) -> Door:
    """
    Raises:
        Refused: the password or the authorities cannot be read, or one is given without the other.
    """
    import ssl

    parts = urlsplit(args.url)
    tls = None
    if parts.scheme == "https":
        try:
            tls = ssl.create_default_context(cafile=str(args.ca) if args.ca is not None else None)
        except OSError as error:  # what OpenSSL refuses, too
            said = "holds no certificate (PEM)" if isinstance(error, ssl.SSLError) else error.strerror
            raise Refused(f"--ca {args.ca}: {said}") from error
    elif args.ca is not None:
        raise Refused("--ca belongs to an address that begins with https://")
    if args.user is None:
        if args.password_file is not None:
            raise Refused("--user is needed: whose password is it?")
        return Door(args.url, None, tls)
    if ":" in args.user:
        raise Refused("--user: no account has a colon in its name")
    written = args.password_file or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if written is None:
        raise Refused(f"the password of {args.user} is needed: name the file that holds it by --password-file")
    if tls is None and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        sys.stderr.write("warning: the password crosses the network in clear: https:// would keep it\n")
    return Door(args.url, (args.user, _password(written)), tls)


def _password(path: Path) -> str:
    try:
        with path.open("rb") as file:
            held = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from error
    try:
        password = held.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Refused(f"{path}: this is not UTF-8 text") from None
    if not password or len(held) > LARGEST or not password.isprintable():
        raise Refused(f"{path}: a password is wanted here, alone on a line")
    return password
