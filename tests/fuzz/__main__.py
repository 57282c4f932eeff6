"""Coverage-guided campaigns over the targets, by atheris: `python -m tests.fuzz --minutes 5 [TARGET…]`.

Each target runs in a process of its own, within bounds of memory and time. An input by which it fails is kept in
`tests/fuzz/found/TARGET/`, where the ordinary suite reads it from then on.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.target import CORPUS, FOUND, LARGEST, Target
from tests.fuzz.targets import BY_NAME, TARGETS

GROWN = Path(".fuzz")  # what campaigns have learnt, for the next ones
MISSING = (
    "tests.fuzz: atheris, which leads the campaigns by coverage, is not installed: pip install atheris "
    "(CPython 3.11 to 3.13, x86-64). The ordinary suite feeds the same targets without it."
)
_STATUS = re.compile(r"#(\d+)\s+(\w+)\s+cov: (\d+) ft: (\d+) corp: (\d+)/\S+ .*?exec/s: (\d+)")
_DONE = re.compile(r"Done (\d+) (?:runs )?in (\d+) second")


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if given.list:
        _tell(*BY_NAME)
        return 0
    unknown = [name for name in given.targets if name not in BY_NAME]
    if unknown:
        sys.stderr.write(f"tests.fuzz: there is no target {', '.join(unknown)}; --list names them\n")
        return 2
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write(f"{MISSING}\n")
        return 2
    chosen = [BY_NAME[name] for name in given.targets] or list(TARGETS)
    failed = [target.name for target in chosen if not _campaign(target, given)]
    if failed:
        _tell(f"{len(failed)} of {len(chosen)} failed: {', '.join(failed)}; their inputs lie in {FOUND}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of them, if none is named")
    parser.add_argument("--list", action="store_true", help="name the targets")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each target (1)")
    parser.add_argument("--memory", type=int, default=1024, help="MB that a target may take (1024)")
    parser.add_argument("--patience", type=int, default=5, help="seconds that one input may take (5)")
    return parser


def _campaign(target: Target, given: argparse.Namespace) -> bool:
    """Whether nothing was found; tells what was done."""
    found, grown = FOUND / target.name, GROWN / target.name
    for folder in (found, grown):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    with tempfile.NamedTemporaryFile("w", suffix=".dict") as words:
        words.write("".join(f'"{_escaped(word)}"\n' for word in target.words))
        words.flush()
        command = [
            *(
                sys.executable,
                "-m",
                "tests.fuzz.campaign",
                target.name,
                str(grown),
                str(CORPUS / target.name),
                str(found),
            ),
            f"-max_total_time={max(1, round(given.minutes * 60))}",
            f"-rss_limit_mb={given.memory}",
            f"-timeout={given.patience}",
            f"-max_len={min(target.longest, LARGEST)}",
            f"-artifact_prefix={found}/",
            f"-dict={words.name}",
        ]
        command = [
            each for each in command if each.startswith("-") or not each.startswith(str(CORPUS)) or Path(each).is_dir()
        ]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    new = sorted(set(found.iterdir()) - before)
    if not any(found.iterdir()):
        found.rmdir()
    _tell(f"{target.name}: {_told(ended.stderr)}", *(f"  found {file}" for file in new))
    if ended.returncode:
        _tell(*(f"    {line}" for line in (ended.stdout + ended.stderr).splitlines() if _of_interest(line)))
    return ended.returncode == 0


def _tell(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _told(output: str) -> str:
    """`1234 executions in 60 s, 617/s; edges 210 → 260, features 800 → 1500, corpus 97`."""
    statuses = _STATUS.findall(output)
    done = _DONE.search(output)
    if not statuses:
        return "nothing was run"
    begun = next((each for each in statuses if each[1] == "INITED"), statuses[0])
    last = statuses[-1]
    ran = f"{done[1]} executions in {done[2]} s" if done else f"{last[0]} executions, stopped"
    return f"{ran}, {last[5]}/s; edges {begun[2]} → {last[2]}, features {begun[3]} → {last[3]}, corpus {last[4]}"


def _of_interest(line: str) -> bool:
    return not line.startswith(("#", "INFO", "\tNEW", "MS:", "Dictionary")) and len(line) < 400


def _escaped(word: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
