"""The point of situation: what works again and since when, what does not, what stays shut, what people must do."""

import argparse
import sys
import time
from datetime import tzinfo
from pathlib import Path

from commands import Refused
from commands._door import add_arguments as add_door

HELP = "the point of situation, as text to send or to print: now, or at any moment that the log knows"
FORMS = ("md", "html", "txt")
TIMEOUT = 10.0  # seconds
LARGEST = 16 << 20  # bytes of an answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    place.add_argument("--url", help="ask the daemon that listens there, instead of reading its state")
    add_door(parser)
    parser.add_argument("--lang", choices=("fr", "en"), help="the language (default: the site's)")
    parser.add_argument("--format", choices=FORMS, default="md", help="Markdown, a page by itself, or plain text")
    parser.add_argument("--at", metavar="T", help="the situation as it was at 2023-07-03T08:00, or 2h before now")
    parser.add_argument(
        "--since", metavar="T", help="say first what has changed since then, as 2023-07-02T18:00 or 24h"
    )
    parser.add_argument("--public", action="store_true", help="only what the public may read: no cause, no host")
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="with --format html --public: write the public page, its feed and badge there, for any web server",
    )


def main(args: argparse.Namespace) -> int:
    if args.into is not None:
        return _publish(args)
    sys.stdout.write(asked(args) if args.url else read(args))
    return 0


def _publish(args: argparse.Namespace) -> int:
    from commands._publishing import publish

    if args.format != "html" or not args.public:
        raise Refused("--into writes the public page: it takes --format html --public")
    if args.url:
        raise Refused("--into writes from the state, which --url does not read: name the configuration by --config")
    if args.at or args.since or args.lang:
        raise Refused("--into writes what is so now, from the state, in both languages: leave out the other options")
    publish(args.config, args.into)
    return 0


def asked(args: argparse.Namespace) -> str:
    """From a running daemon: what it shows, with its clock.

    Raises:
        Refused: nobody answers there, somebody who is not Retabli, or one who does not let this account see.
    """
    from urllib.parse import urlencode

    from commands._answers import Unreachable, address, ask, not_let_in, shown
    from commands._door import door
    from retabli.model.result import clean

    public = "1" if args.public else None
    given = {"format": args.format, "lang": args.lang, "at": args.at, "since": args.since, "public": public}
    query = {name: value for name, value in given.items() if value is not None}
    try:
        args.url = address(args.url)
        at = door(args)
        answer = ask("GET", at, f"/report?{urlencode(query)}", timeout=TIMEOUT)
    except argparse.ArgumentTypeError as error:
        raise Refused(f"--url: {error}") from error
    except Unreachable as error:
        raise Refused(str(error), code=3) from error
    if (why_not := not_let_in(answer, at)) is not None:
        raise Refused(why_not, code=3)
    said = answer.body.decode(errors="replace")
    if answer.status != 200 or len(answer.body) > LARGEST:
        raise Refused(f"{shown(args.url)} answers {answer.status}: {clean(said)}", code=3)
    return said


def read(args: argparse.Namespace) -> str:
    """From the configuration and the state, whether a daemon runs or not."""
    from commands._situations import situation
    from config.files import NOTHING
    from config.loading import load
    from retabli.report import compose, written

    configuration = load(args.config, NOTHING)
    language = args.lang or configuration.site.language
    zone, now = configuration.site.zone, time.time()
    at = now if args.at is None else _moment("--at", args.at, now, zone)
    before = None
    if args.since is not None:
        since = _moment("--since", args.since, now, zone)
        if since >= at:
            raise Refused(f"--since {args.since}: that is not before the moment that is told of")
        before = situation(configuration, since)
    return written(compose(situation(configuration, at), language, public=args.public, before=before), args.format)


def _moment(option: str, text: str, now: float, zone: tzinfo) -> float:
    from commands._moments import parse_moment

    at = parse_moment(option, text, now, zone)
    if at > now:
        raise Refused(f"{option} {text}: that is in the future, of which nothing is known")
    return at
