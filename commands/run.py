"""The daemon: probes every flow of a configuration, and shows, remembers and tells what it finds."""

import argparse
import logging
import signal
from pathlib import Path

HELP = "run the daemon"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="PATH", help="a file, or a directory of *.yaml")
    parser.add_argument("--listen", metavar="ADDRESS", help="host:port of the pages, instead of the configuration's")


def main(args: argparse.Namespace) -> int:
    # A reload that is asked for while we start would end us; so it waits until `serve` can hear it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    import asyncio
    import faulthandler

    from commands import Refused
    from commands._garbage import settle, stand_by
    from commands._loop import run
    from commands._systemd import from_environment
    from config.faults import ConfigurationFault
    from config.loading import load
    from config.sections import parse_listen
    from retabli.store import StoreError
    from retabli.supervisor import Fatal

    try:
        listen = parse_listen(args.listen) if args.listen else None
    except ValueError as error:
        raise Refused(f"--listen: {error}") from None
    stand_by()
    faulthandler.enable()  # a watchdog ends us by SIGABRT: the log then says what stood still, and where
    systemd = from_environment()
    try:
        configuration = load(args.config)
    except ConfigurationFault as refusal:
        systemd.end(f"the configuration is refused: {refusal.faults[0]}")
        raise

    async def live() -> None:
        from commands._daemon import Daemon
        from commands._serving import serve

        log = logging.getLogger("retabli")
        daemon = Daemon(configuration, listen=listen, load=lambda: load(args.config), systemd=systemd, settled=settle)
        for warning in configuration.warnings:
            log.warning("%s", warning)
        if daemon.store.load().last_seen is None:
            log.warning(
                "%s is new: nothing is known of before. If there was a state, its disk or mount is missing: stop this "
                "daemon and look (docs/backup.md)",
                configuration.state,
            )

        def began(address: str) -> None:
            log.info("watching %d flows; the page is at %s/", len(configuration.flows), address)

        await serve(daemon, asyncio.Event(), began)

    try:
        run(live())
    except (StoreError, OSError, Fatal) as error:
        systemd.end(str(error))
        raise Refused(str(error), code=1 if isinstance(error, Fatal) else 2) from error
    return 0
