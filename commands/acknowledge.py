"""`retabli acknowledge`: somebody has taken a page in hand."""

import argparse
import json
import sys

from commands._asking import add_arguments as add_url
from commands._asking import asking, person, print_folded, said
from commands._door import door
from commands._moments import parse_until
from retabli.model.result import clean
from retabli.model.words import Words

HELP = "say who has taken the page of a flow in hand: no more reminder, and nobody else is called"

_TAKEN = Words("{title}\u00a0: alerte prise en charge par {by}", "{title}: page taken by {by}")
_UNTIL = Words(" jusqu'au {until}", " until {until}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("flow", metavar="FLOW", help="the flow's name in the configuration")
    parser.add_argument("--by", metavar="WHO", help="a person's name, for the log (default: the login, but root's)")
    parser.add_argument("--note", metavar="TEXT", default="", help="what is known already")
    parser.add_argument("--until", metavar="T", help="2h, 18:30, an instant; else as long as the page is open")
    add_url(parser)
    parser.add_argument("--json", action="store_true", help="print the flow as the API shows it, on one line")


def main(args: argparse.Namespace) -> int:
    fields = {"by": person(args.by, args.user), "note": args.note}
    with asking(door(args), args.flow) as asked:
        if args.until is not None:
            fields["until"] = parse_until("--until", args.until, asked.now, asked.zone)
        form = asked.tell("acknowledge", fields)
    if args.json:
        sys.stdout.write(f"{json.dumps(form, ensure_ascii=False)}\n")
        return 0
    language = asked.language
    page = form.get("page")
    taken = page.get("acknowledged") if isinstance(page, dict) else None
    by = taken.get("by") if isinstance(taken, dict) else None
    line = _TAKEN[language].format(title=asked.title, by=clean(str(by or fields["by"])))
    told = taken.get("until") if isinstance(taken, dict) else None
    until = said(asked, told) or said(asked, fields.get("until")) or clean(fields.get("until", ""))
    print_folded(line + (_UNTIL[language].format(until=until) if until else ""))
    return 0
