"""Climbs a flow's ladders now, and prints each rung as it ends. Alters no state: its mail is a series of its own."""

import argparse
from pathlib import Path

HELP = "climb a flow's ladder now and print it rung by rung; alters no state"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="FLOW[/PROBE]", help="a flow, or one of its probes")
    parser.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    parser.add_argument("--json", action="store_true", help="one line a probe, as in the API")
    parser.add_argument("--watch", action="store_true", help="again and again, in the probe's own rhythm")
    parser.add_argument("--lang", choices=("fr", "en"), help="the language of causes (default: the site's)")


def main(args: argparse.Namespace) -> int:
    from commands._climbing import Order, run
    from commands._handed import needing

    flow, _, probe = args.name.partition("/")
    at = ("flows", flow, "probes", *((probe,) if probe else ()))
    configuration = needing(args.config, at, ("probe", args.name))
    order = Order.of(configuration, args.name)
    site = configuration.site
    return run(order, language=args.lang or site.language, zone=site.zone, as_json=args.json, watch=args.watch)
