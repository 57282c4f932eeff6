"""Loads and checks everything, and prints what would be watched. Sends nothing."""

import argparse
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from commands._paper import Paper
    from config.configuration import Configuration
    from config.openings import Opening
    from retabli.model.flow import Flow
    from retabli.model.probe import Probe

HELP = "check the configuration, secrets included, and print what would be watched and who is told; sends nothing"
WIDTH = 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    parser.add_argument(
        "--openings", action="store_true", help="print the firewall openings that this configuration needs"
    )


def main(args: argparse.Namespace) -> int:
    from commands._paper import Paper
    from config.files import AS_TYPED, NOTHING
    from config.loading import load
    from config.openings import openings
    from retabli.model.settings import format_duration

    configuration = load(args.config, NOTHING if args.openings else AS_TYPED)
    paper = Paper()
    if args.openings:
        for line in table(openings(configuration)):
            paper.line(line)
        return 0
    print_flows(paper, configuration)
    if (beat := configuration.heartbeat) is not None:
        paper.line(f"heartbeat every {format_duration(beat.every)} to {', '.join(beat.to)}")
    for warning in configuration.warnings:
        paper.line(("warning: ", "yellow"), str(warning))
    paper.line((summary(configuration), "bold"))
    return 0


def print_flows(paper: "Paper", configuration: "Configuration") -> None:
    from commands._plan import plan_lines
    from retabli.model.result import clean
    from retabli.model.states import Intent

    site = configuration.site
    paper.line((site.name, "bold"), f" ({site.timezone}), standpoint {configuration.standpoint}")
    paper.line()
    for flow in configuration.flows.values():
        colour = "cyan" if flow.intent is Intent.CLOSED else "green"
        paper.line((flow.id, "bold"), f"  {clean(flow.title[site.language])}")
        paper.line("  ", (flow.intent.value, colour), f", {', '.join(about(flow))}")
        for line in (*probe_lines(flow), *plan_lines(flow, configuration)):
            paper.line(line)
        paper.line()


def about(flow: "Flow") -> Iterator[str]:
    """What decides about the flow, in a few words."""
    counted = sum(probe.counts for _, probe in flow.units())
    yield flow.criticality.value
    yield f"{flow.needed} of {counted} unit{'s' if counted != 1 else ''} needed"
    if flow.parents:
        yield f"depends on {' and '.join(flow.parents)}"


def probe_lines(flow: "Flow") -> Iterator[str]:
    """One probe: its name, kind and rhythm, and the rungs it will climb, within 80 columns."""
    from retabli.model.settings import format_duration

    names = max(len(name) for name in flow.probes)
    kinds = max(len(probe.kind) for probe in flow.probes.values())
    every = max(len(format_duration(probe.every)) for probe in flow.probes.values())
    for name, probe in flow.probes.items():
        head = f"  {name:<{names}}  {probe.kind:<{kinds}}  {format_duration(probe.every):>{every}}  "
        yield from textwrap.wrap(
            " › ".join(stage.id for stage in probe.climbs()) + remarks(probe),
            width=max(WIDTH, len(head) + 30),
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_long_words=False,
        )


def remarks(probe: "Probe") -> str:
    said = []
    targets = probe.targets_of()
    if targets != (None,):
        said.append(f"{len(targets)} target{'s' if len(targets) != 1 else ''}")
    if not probe.counts:
        said.append("shown, not judged")
    return f" ({', '.join(said)})" if said else ""


def table(rows: "Sequence[Opening]") -> Iterator[str]:
    """Who needs to reach whom, and why, for whoever opens it."""
    head = ("source", "destination", "port", "protocol", "why")
    cells = [(row.source, row.destination, str(row.port or "-"), row.protocol, ", ".join(row.why)) for row in rows]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(4)]
    for line in (head, *cells):
        start = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)) + "  "
        room = max(WIDTH, len(start) + 24)
        yield from textwrap.wrap(
            line[4], width=room, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False
        )


def summary(configuration: "Configuration") -> str:
    flows = configuration.flows.values()
    parts = (
        (len(configuration.flows), "flow"),
        (sum(len(flow.probes) for flow in flows), "probe"),
        (sum(len(flow.units()) for flow in flows), "unit"),
        (len(configuration.warnings), "warning"),
    )
    said = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in parts)
    return f"{said}. Nothing was sent."
