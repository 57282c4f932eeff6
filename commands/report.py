"""The point of situation: what works again and since when, what does not, what stays shut, what people must do."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from commands import Refused

if TYPE_CHECKING:
    from config.configuration import Configuration
    from retabli.report import Situation

HELP = "the point of situation, as text to send or to print: now, or at any moment that the log knows"
FORMS = ("md", "html", "txt")
SILENT = 180.0  # seconds without a word in the state, after which no daemon is taken to be watching
TIMEOUT = 10.0  # seconds
LARGEST = 16 << 20  # bytes of an answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    place.add_argument("--url", help="ask the daemon that listens there, instead of reading its state")
    parser.add_argument("--lang", choices=("fr", "en"), help="the language (default: the site's)")
    parser.add_argument("--format", choices=FORMS, default="md", help="Markdown, a page by itself, or plain text")
    parser.add_argument("--at", metavar="T", help="2023-07-03T08:00 or 2h ago: the situation as it was then")
    parser.add_argument("--public", action="store_true", help="only what the public may read: no cause, no host")


def main(args: argparse.Namespace) -> int:
    sys.stdout.write(asked(args) if args.url else read(args))
    return 0


def asked(args: argparse.Namespace) -> str:
    """From a running daemon: what it shows, with its clock.

    Raises:
        Refused: nobody answers there, or somebody who is not Retabli.
    """
    import httpx

    from retabli.model.result import clean

    given = {"format": args.format, "lang": args.lang, "at": args.at, "public": "1" if args.public else None}
    query = {name: value for name, value in given.items() if value is not None}
    try:
        with httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            answer = client.get(f"{args.url.rstrip('/')}/report", params=query)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Refused(f"{args.url} cannot be reached: {clean(str(error))}", code=3) from error
    if answer.status_code != 200 or len(answer.content) > LARGEST:
        raise Refused(f"{args.url} answers {answer.status_code}: {clean(answer.text)}", code=3)
    return answer.text


def read(args: argparse.Namespace) -> str:
    """From the configuration and the state, whether a daemon runs or not."""
    from config.loading import load
    from retabli.report import compose, written

    configuration = load(args.config)
    language = args.lang or configuration.site.language
    return written(compose(_situation(configuration, args.at), language, public=args.public), args.format)


def _situation(configuration: "Configuration", written_at: str | None) -> "Situation":
    from commands._moments import parse_moment
    from retabli.report import replay
    from retabli.store import Reader, StoreError
    from retabli.view import Site

    site = configuration.site
    now = time.time()
    at = now if written_at is None else parse_moment("--at", written_at, now, site.zone)
    if at > now:
        raise Refused(f"--at {written_at}: that is in the future, of which nothing is known")
    place = Site(site.name, site.language, site.zone, configuration.standpoint, site.cut_at)
    try:
        with Reader(configuration.state) as reader:
            last_seen = reader.remembered().last_seen
            silent = last_seen is None or now - last_seen > SILENT
            return replay(reader.each(), configuration.flows, place, at, last_seen=last_seen if silent else None)
    except StoreError as error:
        raise Refused(str(error), code=1) from error
