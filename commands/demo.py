"""A hospital and its partners on loopback, and the daemon over them: the public timeline of 2023, replayed."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retabli.web import Switch
    from simulator.hospital import Hospital
    from simulator.timeline import Mapped

HELP = "replay 21 June to 3 July 2023 over an embedded hospital, through real sockets"
LISTEN = "127.0.0.1:9877"


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
    parser.add_argument("--hold", action="store_true", help="no replay: everything healthy, switches on the page")
    parser.add_argument("--lang", choices=("fr", "en"), default="fr", help="the language of the page (default: fr)")


def speed(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError("between 1 and 100000")
    return number


class DemoSwitches:
    """The simulated hospital's switches as the page shows them: on is healthy, off is each switch's first fault."""

    def __init__(self, hospital: "Hospital", titles: Callable[[str], str]) -> None:
        self._hospital = hospital
        self._titles = titles

    def all(self) -> "Sequence[Switch]":
        from retabli.web import Switch

        return [Switch(name, self._titles(name), each.healthy) for name, each in self._hospital.switches.items()]

    async def set(self, flow: str, *, on: bool) -> None:
        switch = self._hospital.switches[flow]
        if on:
            switch.heal()
        else:
            switch.set(list(switch.positions)[1])


def main(args: argparse.Namespace) -> int:
    from commands import Refused
    from config.sections import parse_listen

    try:
        listen = parse_listen(args.listen)
    except ValueError as error:
        raise Refused(f"--listen: {error}") from None
    try:
        with tempfile.TemporaryDirectory(prefix="retabli-demo-") as folder:
            asyncio.run(play(Path(folder), listen, args))
    except OSError as error:
        raise Refused(str(error)) from error
    return 0


async def play(folder: Path, listen: tuple[str, int], args: argparse.Namespace) -> None:
    from commands._daemon import Daemon, serve
    from config.loading import load
    from simulator.configuration import write
    from simulator.hospital import Hospital
    from simulator.timeline import CUT, Mapped

    async with Hospital(folder) as hospital:
        configuration = load(write(hospital, language=args.lang))
        mapped = Mapped(time.time(), args.speed)
        if not args.hold:
            for flow, position in CUT.items():
                hospital.switches[flow].set(position)
        daemon = Daemon(
            configuration,
            listen=listen,
            stamp=None if args.hold else mapped.stamp,
            switches=DemoSwitches(hospital, lambda flow: configuration.flows[flow].title[args.lang]),
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
        "The replay is over: it is the evening of 3 July 2023. The hospital goes on; switches are on the page.",
        "La rediffusion est finie : c'est le soir du 3 juillet 2023. L'hôpital continue ; la page a ses interrupteurs.",
        language,
    )


def introduce(address: str, args: argparse.Namespace, mapped: "Mapped") -> None:
    from simulator.timeline import END, START

    lasting = f"{(END - START) / mapped.speed:.0f} s"
    say(
        f"The page: {address}/",
        f"La page : {address}/",
        args.lang,
    )
    if args.hold:
        say(
            "Everything is healthy. Cut a flow by its switch at the foot of the page, and watch it drop.",
            "Tout fonctionne. Couper un flux par son interrupteur en bas de la page, et le voir retomber.",
            args.lang,
        )
    else:
        say(
            f"21 June to 3 July 2023 pass in {lasting}: flows turn restored by themselves. Dates on the page are those "
            "of 2023.",
            f"Le 21 juin au 3 juillet 2023 passent en {lasting} : les flux se rétablissent d'eux-mêmes. Les dates de "
            "la page sont celles de 2023.",
            args.lang,
        )
    say(
        "In another terminal: python daemon.py status · curl " + address + "/metrics. End with Ctrl-C.",
        "Dans un autre terminal : python daemon.py status · curl " + address + "/metrics. Finir par Ctrl-C.",
        args.lang,
    )


def say(en: str, fr: str, language: str) -> None:
    sys.stdout.write((fr if language == "fr" else en) + "\n")
    sys.stdout.flush()
