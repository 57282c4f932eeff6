"""Sends a marked test page by each channel, or by one, and says which accepted it; nothing of the state is touched."""

import argparse
from pathlib import Path

HELP = "alert test: send a marked test page by each channel, and say which accepted it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("test",), help="test: a page that says that nothing has happened")
    parser.add_argument("channel", metavar="CHANNEL", nargs="?", help="one channel; without it, all of them")
    parser.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    parser.add_argument("--lang", choices=("fr", "en"), help="the language of the page (default: the site's)")


def main(args: argparse.Namespace) -> int:
    from commands import Refused
    from commands._trying import run
    from config.loading import load
    from retabli.model.settings import did_you_mean

    configuration = load(args.config)
    known = configuration.channels
    if not known:
        raise Refused("no channel is described under alerts.channels: nobody would be told of anything")
    if args.channel is not None and args.channel not in known:
        hint = did_you_mean(args.channel, known) or f": there are {', '.join(known)}"
        raise Refused(f'no channel is called "{args.channel}"{hint}')
    names = tuple(known) if args.channel is None else (args.channel,)
    return run(configuration, names, args.lang or configuration.site.language)
