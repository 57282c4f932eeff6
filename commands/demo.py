"""A hospital and its partners on loopback, and the daemon over them: the public timeline of 2023, replayed."""

import argparse
import asyncio
import dataclasses
import errno
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retabli.model.result import clean
from retabli.model.words import Words

if TYPE_CHECKING:
    from retabli.web import Switch
    from simulator.hospital import Hospital
    from simulator.timeline import Mapped

HELP = "replay 21 June to 3 July 2023 over an embedded hospital, through real sockets"
LISTEN = "127.0.0.1:9877"
REPLAYED = Words(
    "Démonstration\u00a0: un hôpital simulé\u00a0; les dates, du 21 juin au 3 juillet 2023, sont rejouées",
    "Demonstration: a simulated hospital; the dates, 21 June to 3 July 2023, are replayed",
)
HELD = Words("Démonstration\u00a0: un hôpital simulé", "Demonstration: a simulated hospital")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from simulator.timeline import DEFAULT_SPEED

    parser.add_argument(
        "--speed",
        type=speed,
        default=DEFAULT_SPEED,
        metavar="N",
        help=f"how many times faster the days pass (default: {DEFAULT_SPEED:.0f}, the twelve days in two minutes)",
    )
    parser.add_argument("--listen", default=LISTEN, metavar="ADDRESS", help=f"host:port of the page ({LISTEN})")
    parser.add_argument("--hold", action="store_true", help="no replay: everything is healthy until you cut it")
    parser.add_argument("--lang", choices=("fr", "en"), help="the language (default: the terminal's)")


def speed(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError("between 1 and 100000")
    return number


class DemoSwitches:
    """The simulated hospital's switches as the page shows them; each position by its own words."""

    def __init__(self, hospital: "Hospital", titles: Mapping[str, Words], remark: Words) -> None:
        self._hospital = hospital
        self._titles = titles
        self.remark = remark

    def all(self) -> "Sequence[Switch]":
        from retabli.web import Switch

        return [
            Switch(flow, self._titles[flow], each.positions, each.position)
            for flow, each in self._hospital.switches.items()
        ]

    async def set(self, flow: str, position: str) -> None:
        self._hospital.switches[flow].set(position)


def main(args: argparse.Namespace) -> int:
    from commands import Refused
    from commands._loop import run
    from config.sections import parse_listen

    args.lang = args.lang or spoken(os.environ)
    try:
        listen = parse_listen(args.listen)
    except ValueError as error:
        raise Refused(f"--listen: {error}") from None
    try:
        with tempfile.TemporaryDirectory(prefix="retabli-demo-") as folder:
            run(play(Path(folder), listen, args))
    except OSError as error:
        taken = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
        raise Refused(str(error), *([beside()] if taken else ())) from error
    return 0


async def play(folder: Path, listen: tuple[str, int], args: argparse.Namespace) -> None:
    from commands._daemon import Daemon
    from commands._serving import serve
    from config.loading import load
    from simulator.configuration import write
    from simulator.hospital import Hospital
    from simulator.timeline import CUT, Mapped

    async with Hospital(folder) as hospital:
        configuration = load(write(hospital, language=args.lang))
        if args.hold:  # nothing is replayed: it is today, and nothing was cut before
            here = configuration.site.model_copy(update={"cut_at": None})
            configuration = dataclasses.replace(configuration, site=here)
        mapped = Mapped(time.time(), args.speed)
        if not args.hold:
            for flow, position in CUT.items():
                hospital.switches[flow].set(position)
        titles = {flow.id: flow.title for flow in configuration.flows.values()}
        hospital.duty.on_ring(ring)
        daemon = Daemon(
            configuration,
            listen=listen,
            stamp=None if args.hold else mapped.stamp,
            switches=DemoSwitches(hospital, titles, HELD if args.hold else REPLAYED),
            watch_own_link=False,
        )
        playing: list[asyncio.Task[None]] = []

        def began(address: str) -> None:
            introduce(address, args, mapped)
            if not args.hold:
                playing.append(asyncio.create_task(pass_days(hospital, mapped, args.lang), name="replay"))

        try:
            await serve(daemon, asyncio.Event(), began)
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)


async def pass_days(hospital: "Hospital", mapped: "Mapped", language: str) -> None:
    from simulator.timeline import replay

    await replay(mapped, lambda flow, to: hospital.switches[flow].set(to), wall=time.time, sleep=asyncio.sleep)
    say(
        Words(
            "La rediffusion est finie : c'est le soir du 3 juillet 2023. L'hôpital continue.",
            "The replay is over: it is the evening of 3 July 2023. The hospital goes on.",
        ),
        language,
    )


def introduce(address: str, args: argparse.Namespace, mapped: "Mapped") -> None:
    from retabli.view.times import span
    from simulator.timeline import END, START

    if args.hold:
        happens = Words(
            "Un hôpital simulé, où tout fonctionne.",
            "A simulated hospital in which everything works.",
        )
    else:
        lasting = span((END - START) / mapped.speed, args.lang)
        happens = Words(
            f"Un hôpital simulé revit du 21 juin au 3 juillet 2023 en {lasting}.\n"
            "Les flux s'y rétablissent d'eux-mêmes.",
            f"A simulated hospital lives 21 June to 3 July 2023 again in {lasting}.\n"
            "Flows turn restored by themselves.",
        )
    me = invocation()
    where = "" if args.listen == LISTEN else f" --url {address}"
    say(
        Words(
            f"""{happens.fr}
  la page           {address}/
  couper un flux    boutons en bas de la page ; l'astreinte est appelée ici (☎)
  un autre terminal {me} status{where}
                    curl {address}/metrics
  finir             Ctrl-C""",
            f"""{happens.en}
  the page          {address}/
  cut a flow        buttons at the foot of the page; on-call is paged here (☎)
  another terminal  {me} status{where}
                    curl {address}/metrics
  end               Ctrl-C""",
        ),
        args.lang,
    )


def ring(page: Mapping[str, Any]) -> None:
    """What the on-call's telephone shows first: what happened to which flow."""
    heading = clean(str(page.get("text", "")).partition("\n")[0])
    sys.stdout.write(f"☎ {heading}\n")
    sys.stdout.flush()


def beside() -> str:
    """What to type where the usual port is taken."""
    way = "retabli demo --listen 127.0.0.1:0" if installed() else 'make run ARGS="--listen 127.0.0.1:0"'
    return f"another demo may be running there; this one beside it: {way}"


def installed() -> bool:
    """Whether the reader types `retabli`, and not the checkout's own entrance."""
    return Path(sys.argv[0]).name != "daemon.py"


def invocation() -> str:
    """How this program is started from where the reader stands."""
    if installed():
        return "retabli"
    return f"{_from_here(Path(sys.executable))} {_from_here(Path(sys.argv[0]).absolute())}"


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def spoken(environment: Mapping[str, str]) -> str:
    """The language of the terminal: French where its locale is, else English."""
    # The first that is set decides, in the order of POSIX (Base Definitions, 8.2).
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    return "fr" if locale.lower().startswith("fr") else "en"


def say(words: Words, language: str) -> None:
    sys.stdout.write(words[language] + "\n")
    sys.stdout.flush()
