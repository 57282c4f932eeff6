"""`retabli silence`: planned work, during which a flow does not page."""

import argparse
import json
import sys

from commands import Refused
from commands._asking import Asked, asking, person, print_folded, said
from commands._asking import add_arguments as add_url
from commands._door import door
from commands._moments import parse_until
from retabli.model.result import clean
from retabli.model.words import Words

HELP = "planned work: a flow does not page until then; probing goes on, and a breach is told in any case"

_BEGUN = Words("{title}\u00a0: en silence jusqu'au {until}, par {by}", "{title}: silenced until {until}, by {by}")
_MEANT = Words(
    "Les sondes continuent. Une rupture d'isolement est dite de toute façon\u00a0; si le flux est encore retombé "
    "à la fin, l'alerte part alors.",
    "Probing goes on. A breach is told in any case; if the flow is still down at the end, it pages then.",
)
_ENDED = Words("{title}\u00a0: fin du silence, levé par {by}", "{title}: silence over, lifted by {by}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("flow", metavar="FLOW", help="the flow's name in the configuration")
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--until", metavar="T", help="2h, 18:30, or 2023-07-03T08:00:00+02:00")
    end.add_argument("--end", action="store_true", help="end the silence now")
    parser.add_argument("--by", metavar="WHO", help="a person's name, for the log (default: the login, but root's)")
    parser.add_argument("--why", metavar="TEXT", help="the work that is planned; needed with --until")
    add_url(parser)
    parser.add_argument("--json", action="store_true", help="print the flow as the API shows it, on one line")


def main(args: argparse.Namespace) -> int:
    if args.end and args.why is not None:
        raise Refused("--why belongs to --until: the end of a silence needs no reason")
    if not args.end and not (args.why or "").strip():
        raise Refused("--why is needed: which work is planned?")
    by = person(args.by, args.user)
    with asking(door(args), args.flow) as asked:
        if args.end:
            form = asked.tell("unsilence", {"by": by})
        else:
            until = parse_until("--until", args.until, asked.now, asked.zone)
            form = asked.tell("silence", {"by": by, "why": args.why, "until": until})
    if args.json:
        sys.stdout.write(f"{json.dumps(form, ensure_ascii=False)}\n")
    elif args.end:
        print_folded(_ENDED[asked.language].format(title=asked.title, by=clean(by or args.user or "")))
    else:
        print_folded(_begun(asked, form, by, until), _MEANT[asked.language])
    return 0


def _begun(asked: Asked, form: dict[str, object], by: str, until: str) -> str:
    """The daemon says until when: a duration was counted by its clock."""
    silence = form.get("silence")
    told = silence.get("until") if isinstance(silence, dict) else None
    who = silence.get("by") if isinstance(silence, dict) else None
    end = said(asked, told) or said(asked, until) or until
    return _BEGUN[asked.language].format(title=asked.title, until=end, by=clean(str(who or by)))
