"""The installer's command line: install or upgrade, `--check`, `--rollback`, `--uninstall`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import everybody, service
from .contents import Bundle, opened
from .machine import HOMES, barred, interpreter, refuse_unfit, this_machine
from .places import Places
from .refusals import Refused
from .release import make

HERE = Path(__file__).resolve().parents[1]
STAYS = "/etc/retabli and /var/lib/retabli"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0; 2 for what the operator can mend, said in one line; 130 when interrupted."""
    args = _parser().parse_args(argv)
    os.umask(0o022)
    places, was = Places(args.prefix.absolute()), None
    try:
        was = places.current
        places.refuse_unsafe()
        if args.rollback:
            _roll_back(places, unit=not args.no_service)
        elif args.uninstall:
            _uninstall(places, unit=not args.no_service)
        else:
            bundle = opened(HERE)
            refuse_unfit(this_machine(), bundle)
            _refuse_closed(places, unit=not args.no_service)
            (_announce if args.check else _install)(bundle, places, unit=not args.no_service)
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"{error.filename or args.prefix}: {error.strerror or error}; {_stands(args, places, was)}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; {_stands(args, places, was)}\n")
        return 130
    return 0


def _stands(args: argparse.Namespace, places: Places, was: Path | None) -> str:
    """How it stands after a run that did not come to its end."""
    if args.uninstall:
        return _again(places)
    try:
        now = places.current
    except OSError:
        now = was
    if now is not None and now != was:
        return f"{now.name} is in place, and the next run does the rest"
    return "what was installed still runs" if was is not None else "nothing is installed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="install.py",
        description=f"Installs Retabli from this folder, without internet, or upgrades it. It never touches {STAYS}.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--prefix",
        type=Path,
        default=Path(service.USUAL),
        metavar="FOLDER",
        help="where (default: %(default)s); with one of your own, no root is needed",
    )
    parser.add_argument("--no-service", action="store_true", help="leave systemd and /usr/local/bin alone")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="check everything, say what would be done, do nothing")
    what.add_argument("--rollback", action="store_true", help="go back to the release before")
    what.add_argument("--uninstall", action="store_true", help="remove it; configuration and state stay")
    return parser


def _install(bundle: Bundle, places: Places, *, unit: bool) -> None:
    with places.held():
        places.clear_away()
        was, release = places.current, places.fresh(bundle.version)
        _say(f"installing Retabli {bundle.version} into {release} …")
        places.kinds.mkdir(exist_ok=True)
        make(bundle, release, _kinds(places))
        places.switch(release)
        _say(f"{places.command} is Retabli {bundle.version}")
        if was is not None:
            _say(f"{was.name} stays: python3 {places.prefix}/share/install/install.py --rollback{_prefix(places)}")
        if unit and service.wanted():
            _say(service.put(places))
        elif service.as_root() and (why := _closed()) is not None:
            _say(f"root alone can run it: {why}")
        if was is not None:
            _say("a daemon that runs goes on with the former release until it is started anew")
        for path, pid in places.keep_two():
            _say(f"{path} stays as well: process {pid} runs from it")
        said = everybody.put(places) if unit and service.as_root() else everybody.none(places)
        if said is not None:
            _say(said)


def _refuse_closed(places: Places, *, unit: bool) -> None:
    """Raises Refused where root installs what the service's user could then not run."""
    if not unit or not service.as_root():
        return
    why = _closed(HOMES if service.wanted() else ())
    if why is not None:
        raise Refused(
            f"the service's user could not run {interpreter()[0]}: {why}; "
            "start this by a Python that everybody may run, such as the distribution's, or with --no-service"
        )
    why = barred(places.prefix, HOMES) if service.wanted() else None
    if why is not None:
        raise Refused(f"the service's user could not reach {places.prefix}: {why}; name another by --prefix")


def _closed(hidden: Sequence[Path] = ()) -> str | None:
    return next((why for path in interpreter() if (why := barred(path, hidden)) is not None), None)


def _announce(bundle: Bundle, places: Places, *, unit: bool) -> None:
    machine = this_machine()
    _say(f"Retabli {bundle.version}: every file is what was packed, and this machine is fit for it")
    _say(f"would install into {places.fresh(bundle.version)}, with {machine.executable}")
    if places.current is not None:
        _say(f"would keep {places.current.name} for --rollback")
    for wheel in _kinds(places):
        _say(f"would add {wheel}")
    if unit and service.wanted():
        _say(f"would put {service.FOLDER / service.UNIT} in place, unless it is somebody else's")
    if unit and service.as_root():
        _say(f"would let {everybody.link(places)} lead to it, unless something else stands there")


def _roll_back(places: Places, *, unit: bool) -> None:
    if not places.prefix.is_dir():
        raise Refused(f"nothing is installed in {places.prefix}")
    with places.held():
        former = places.former
        if former is None:
            raise Refused(f"there is no former release in {places.prefix} to go back to")
        places.roll_back(former)
        _say(f"{places.command} is {former.name} again; a daemon that runs must be started anew")
        if unit and service.wanted():
            _say(service.put(places))


def _uninstall(places: Places, *, unit: bool) -> None:
    if not places.anything:
        raise Refused(f"nothing is installed in {places.prefix}")
    path = service.FOLDER / service.UNIT
    with places.held():
        ours = service.ours(places)
        stops = ours and unit and service.wanted()
        _refuse_used(places.users(but=service.runs) if stops else places.users())
        if stops:
            service.stop()
            _refuse_used(places.users(), "the service is stopped and disabled, but ")
            _say(service.take_away())
        elif ours:
            _say(f"{path} stays, and starts what is no longer there: as root, systemctl disable {service.UNIT}")
        elif unit and service.wanted() and path.exists():
            _say(f"{path} is not ours and stays")
        service.leave(places)
        kept = everybody.take_away(places)
        left = [*([] if kept is None else [kept]), *places.remove()]
    if left:
        more = f" (and {len(left) - 3} more)" if len(left) > 3 else ""
        raise Refused(f"{', '.join(left[:3])}{more}; {_again(places)}")
    _say(f"removed from {places.prefix}; {STAYS} stay as they are")


def _again(places: Places) -> str:
    where = "" if (places.prefix / "share" / "install" / "install.py").is_file() else ", from the folder of a bundle"
    return f"not all is removed from {places.prefix}: start --uninstall again{where}"


def _refuse_used(users: Sequence[tuple[Path, int]], before: str = "") -> None:
    for path, pid in users:
        raise Refused(f"{before}process {pid} runs from {path}: end it first")


def _kinds(places: Places) -> list[Path]:
    return sorted(places.kinds.glob("*.whl"))


def _prefix(places: Places) -> str:
    return "" if str(places.prefix) == service.USUAL else f" --prefix {places.prefix}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
