"""Makes the hash of a password, for `web.users` of the configuration."""

import argparse
import getpass
import sys

HELP = "ask for a password and print the line that web.users.NAME.hash names, by {file: …}"
LARGEST = 4096  # characters that are read from a pipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="whose it will be: refused as a password")


def main(args: argparse.Namespace) -> int:
    from commands import Refused
    from retabli.web.access.hashes import hashed
    from retabli.web.access.passwords import weakness

    password = asked(args.name) if sys.stdin.isatty() else piped()
    why_not = weakness(password, args.name)
    if why_not is not None:
        raise Refused(f"this password is not taken: {why_not}")
    sys.stdout.write(f"{hashed(password).line}\n")
    return 0


def asked(name: str) -> str:
    """Typed twice, and not shown.

    Raises:
        Refused: they differ, or nothing was typed.
    """
    from commands import Refused

    try:
        first = getpass.getpass(f"Password{f' of {name}' if name else ''}: ")
        if first != getpass.getpass("Once more: "):
            raise Refused("the two differ: nothing was made")
    except EOFError:
        raise Refused("no password was typed") from None
    return first


def piped() -> str:
    """The first line of what is piped in: a password manager's, say."""
    from commands import Refused

    try:
        line = sys.stdin.readline(LARGEST)
    except UnicodeDecodeError:
        raise Refused("what is piped in is not UTF-8 text") from None
    return line.rstrip("\r\n")
