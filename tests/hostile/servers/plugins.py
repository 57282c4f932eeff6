"""Programs that a plugin may be: endless, deaf to signals, forking, closing what they should speak by."""

from collections.abc import Iterator

from probes.exec import Exec
from retabli.model.result import Result
from tests.climbing import climb, settings
from tests.hostile.cells import Cell, Meet
from tests.hostile.grounds import Grounds

SCRIPTS: dict[str, str] = {
    "says nothing for ever": "sleep 60",
    "ignores SIGTERM": "trap '' TERM INT HUP; sleep 60",
    "closes its output and stays": "exec >&- 2>&-; sleep 60",
    "leaves a child": "sleep 60 & echo OK; exit 2",
    "leaves a child of a session of its own": "setsid sleep 5 >/dev/null 2>&1 & echo OK; exit 2",
    "forks and waits": "for n in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait",
    "kills itself": "kill -9 $$",
    "stops itself": "kill -STOP $$",
    "a status of nobody": "exit 200",
    "escapes": r"printf 'CRITICAL \033[2J\033]0;owned\007\342\200\256gnp.exe\r\n| x=\001'; exit 2",
    "UTF-16": r"printf 'C\000R\000I\000T\000'; exit 2",
    "what is no text": r"printf '\377\376\300\200'; exit 2",
    "zeros": "head -c 100000 /dev/zero; exit 2",
    "perfdata of nonsense": r"echo \"CRITICAL | 'a=1;;;=NaN;x x=1e999 ''=\"; exit 2",
    "ten thousand lines": "seq 10000; exit 2",
    "reads for ever": "cat >/dev/null; sleep 60",
    "a gigabyte of words": "yes CRITICAL | head -c 1000000000; exit 2",
    "one line without end": "tr '\\0' x </dev/zero",
    "a gigabyte of complaints": "yes CRITICAL | head -c 1000000000 >&2; exit 2",
}
HEAVY = ("a gigabyte of words", "one line without end", "a gigabyte of complaints")


def _met(command: tuple[str, ...]) -> Meet:
    async def meeting(grounds: Grounds) -> Result:
        return await climb(settings(Exec, command=list(command), timeout=grounds.timeout))

    return meeting


def cells() -> Iterator[Cell]:
    for name, script in SCRIPTS.items():
        yield Cell("plugins", name, "exec", "exec", _met(("/bin/sh", "-c", script)), heavy=name in HEAVY)
    yield Cell("plugins", "is a folder", "exec", "exec", _met(("/etc",)))
    yield Cell("plugins", "is no program", "exec", "exec", _met(("/etc/passwd",)))
