"""Tries the channels by a marked test page, and documents their kinds; nothing of the state is touched."""

import argparse
from pathlib import Path

HELP = "test: send a marked test page by each channel; kinds: document the kinds of channels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("test", "kinds"),
        help="send a page that is marked as a test, or document the kinds of channels",
    )
    parser.add_argument("name", metavar="CHANNEL|KIND", nargs="?", help="one of them; without it, all")
    parser.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    parser.add_argument("--lang", choices=("fr", "en"), help="the language (default: the site's; of kinds: en)")


def main(args: argparse.Namespace) -> int:
    return document(args) if args.action == "kinds" else test(args)


def document(args: argparse.Namespace) -> int:
    from commands import Refused, _channel_print
    from commands._paper import Paper
    from retabli.alerts.channels import CHANNELS
    from retabli.model.settings import did_you_mean

    language = args.lang or "en"
    if args.name is None:
        _channel_print.all_kinds(Paper(), language)
        return 0
    if args.name not in CHANNELS:
        raise Refused(f'there is no kind of channel "{args.name}"{did_you_mean(args.name, CHANNELS)}')
    _channel_print.one_kind(Paper(), args.name, language)
    return 0


def test(args: argparse.Namespace) -> int:
    from commands import Refused
    from commands._handed import needing
    from commands._trying import run
    from retabli.model.settings import did_you_mean

    named = () if args.name is None else (args.name,)
    configuration = needing(args.config, ("alerts", "channels", *named), ("alert", "test", *named))
    known = configuration.channels
    if not known:
        raise Refused("no channel is described under alerts.channels: nobody would be told of anything")
    if args.name is not None and args.name not in known:
        hint = did_you_mean(args.name, known) or f": there are {', '.join(known)}"
        raise Refused(f'no channel is called "{args.name}"{hint}')
    names = tuple(known) if args.name is None else (args.name,)
    return run(configuration, names, args.lang or configuration.site.language)
