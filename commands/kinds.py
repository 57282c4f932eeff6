"""Documents each kind of probe from its own model: settings, ladder, and the causes it tells apart."""

import argparse

HELP = "document the kinds of probes, or one: its settings, its ladder, its causes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", nargs="?", help="one kind; without it, all in a line each")
    parser.add_argument("--lang", choices=("fr", "en"), default="en", help="default: en")


def main(args: argparse.Namespace) -> int:
    import probes
    from commands import Refused, _kind_print
    from commands._paper import Paper

    paper = Paper()
    if args.kind is None:
        _kind_print.all_kinds(paper, args.lang)
        return 0
    try:
        kind = probes.kind(args.kind)
    except KeyError as error:
        raise Refused(str(error.args[0])) from None
    _kind_print.one_kind(paper, args.kind, kind, args.lang)
    return 0
