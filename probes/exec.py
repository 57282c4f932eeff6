"""A program of the operator's that judges by its exit status: any monitoring plugin."""

import errno
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model import causes, stages
from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.ladder import Fall, Ladder, detail_of
from retabli.model.probe import Probe
from retabli.model.stages import Stage, stage
from retabli.model.words import Words
from retabli.net.descriptors import KEPT_FROM_PROBES, is_spare, lowest_free
from retabli.net.folders import folder_causes
from retabli.net.plugins.command import (
    Command,
    VariableSettings,
    command_faults,
    command_warnings,
    look_at,
    surroundings,
    variable_faults,
    without,
)
from retabli.net.plugins.plugin_output import read_output
from retabli.net.plugins.process import GRACE, Ended, run

OPENS = 8  # descriptors that the start of a program takes at most: two pipes, its input, what tells how it began

ENDED = stage("ended", fr="programme terminé", en="program ended")
STATUS = stage("status", fr="verdict du programme", en="program's verdict")

_PLUGIN = Words(
    "Lire ce que dit le programme (`detail`), et le lancer à la main.",
    "Read what the program says (`detail`), and run it by hand.",
)
_COMMAND = Words(
    "Vérifier la commande (`command`) : chemin, droits, interpréteur, et ce qu'elle dit à la main.",
    "Check the command (`command`): its path, its rights, its interpreter, and what it says by hand.",
)


def _broken(code: str, fr: str, en: str) -> Cause:
    return cause(code, Side.PROBE, fr=fr, en=en, verdict=Verdict.UNKNOWN, look=_COMMAND)


PLUGIN_CRITICAL = cause(
    "plugin_critical", Side.CONTENT, fr="le programme dit CRITIQUE", en="the program says CRITICAL", look=_PLUGIN
)
PLUGIN_WARNING = cause(
    "plugin_warning",
    Side.CONTENT,
    fr="le programme dit AVERTISSEMENT",
    en="the program says WARNING",
    verdict=Verdict.IMPAIRED,
    look=_PLUGIN,
)
PLUGIN_UNKNOWN = _broken("plugin_unknown", "le programme dit INCONNU", "the program says UNKNOWN")
PLUGIN_STATUS = _broken(
    "plugin_status",
    "le programme finit par un code qui n'est pas d'une sonde",
    "the program ends with a status that no plugin has",
)
PLUGIN_KILLED = _broken("plugin_killed", "un signal a tué le programme", "a signal killed the program")
PLUGIN_TIMEOUT = _broken("plugin_timeout", "le programme n'a pas fini dans le délai", "the program did not end in time")
PLUGIN_TOO_LONG = _broken(
    "plugin_too_long", "le programme écrit au-delà de toute mesure", "the program writes beyond all bounds"
)
COMMAND_HANGS = _broken(
    "command_hangs",
    "la commande est sur un disque qui ne répond pas",
    "the command lies on a disk that does not answer",
)
COMMAND_MISSING = _broken("command_missing", "la commande n'existe pas", "the command does not exist")
COMMAND_FORBIDDEN = _broken("command_forbidden", "la commande ne peut être exécutée", "the command may not be executed")
COMMAND_UNUSABLE = _broken(
    "command_unusable",
    "la commande n'est pas un programme, ou son interpréteur manque",
    "the command is no program, or its interpreter is missing",
)

# Exit statuses of plugins (Monitoring Plugins Development Guidelines).
OK, WARNING, CRITICAL, UNKNOWN = range(4)


class Exec(Probe):
    """It runs without a shell, in a process group of its own that ends with it, and inherits nothing of the daemon.
    A child of its that begins a session of its own (setsid) is beyond our reach: no plugin should.

    Exit status 0 is ok, 1 ok but not whole, 2 failed; 3, any other and a signal are unknown. The first line of its
    output up to `|` is the detail.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (stages.START, ENDED, STATUS)
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        PLUGIN_CRITICAL,
        PLUGIN_WARNING,
        PLUGIN_UNKNOWN,
        PLUGIN_STATUS,
        PLUGIN_KILLED,
        PLUGIN_TIMEOUT,
        PLUGIN_TOO_LONG,
        COMMAND_HANGS,
        COMMAND_MISSING,
        COMMAND_FORBIDDEN,
        COMMAND_UNUSABLE,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un programme de supervision (convention des sondes Nagios) est lancé, et son verdict lu.",
        "A monitoring plugin (Nagios plugin convention) is run, and its verdict read.",
    )
    EVERY: ClassVar[str | None] = "60s"

    kind: Literal["exec"]
    command: Command = Field(description="the program's absolute path, and its arguments; no shell reads them")
    environment: VariableSettings = Field(
        default_factory=dict,
        description="more variables, in clear or as secrets; {env: NAME} hands on one of the daemon's own",
    )

    @property
    def deadline(self) -> float:
        # Its file has `timeout` to be looked at, it has as much, and then it is asked to end, and ended.
        return 2 * self.timeout + 3 * GRACE

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from command_faults(self.command)
        yield from variable_faults(self.environment)

    def warnings(self) -> Iterator[str]:
        yield from command_warnings(self.command)

    async def run(self, ladder: Ladder) -> None:
        with ladder.rung(stages.START):
            environment, secrets = surroundings(self.environment)
            await self._look_at_command()
        with ladder.rung(ENDED):
            ended = await self._run(environment)
            if ended.too_long:
                raise Fall(PLUGIN_TOO_LONG)
            if ended.timed_out:
                raise Fall(PLUGIN_TIMEOUT, f"after {self.timeout:g} s")
        said = read_output(without(ended.stdout, secrets))
        if said.values:
            ladder.describe("measured", " ".join(map(str, said.values)))
        with ladder.rung(STATUS):
            _judge(ladder, ended, said.text or read_output(without(ended.stderr, secrets)).text)

    async def _look_at_command(self) -> None:
        """
        Raises:
            Fall: `command_missing`, `command_forbidden`, `command_hangs`.
        """
        path = self.command[0]
        try:
            await look_at(self.command, self.timeout)
        except TimeoutError:
            raise Fall(COMMAND_HANGS, f"{path}: no answer within {self.timeout:g} s") from None
        except (FileNotFoundError, NotADirectoryError):
            raise Fall(COMMAND_MISSING, path) from None
        except PermissionError:
            raise Fall(COMMAND_FORBIDDEN, path) from None
        except OSError as error:
            raise Fall(COMMAND_UNUSABLE, f"{path}: {error.strerror}") from error
        except Fall as fall:
            if fall.cause is folder_causes.FOLDER_HANGS:
                raise Fall(COMMAND_HANGS, f"{path}: {fall.detail}") from None
            raise

    async def _run(self, environment: Mapping[str, str]) -> Ended:
        path = self.command[0]
        try:
            if not is_spare(lowest_free() + OPENS, KEPT_FROM_PROBES):
                raise Fall(causes.LOCAL_RESOURCES, "the last open files are kept for pages")
            return await run(self.command, environment, self.timeout)
        except PermissionError:
            raise Fall(COMMAND_FORBIDDEN, path) from None
        except OSError as error:
            raise _unstarted(error, path) from error


def _unstarted(error: OSError, path: str) -> Exception:
    """EAGAIN, ENOMEM and the like are the machine's; the rest is the program's (execve(2)).

    A script "does not exist" either when it is its interpreter that does not.
    """
    if error.errno in (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return Fall(causes.LOCAL_RESOURCES, detail_of(error))
    return Fall(COMMAND_UNUSABLE, f"{path}: {error.strerror}")


def _judge(ladder: Ladder, ended: Ended, text: str) -> None:
    if ended.status < 0:
        raise Fall(PLUGIN_KILLED, f"signal {-ended.status} {text}")
    if ended.status == OK:
        ladder.describe("said", text)
    elif ended.status == WARNING:
        ladder.impair(PLUGIN_WARNING, text)
    elif ended.status == CRITICAL:
        raise Fall(PLUGIN_CRITICAL, text)
    elif ended.status == UNKNOWN:
        raise Fall(PLUGIN_UNKNOWN, text)
    else:
        raise Fall(PLUGIN_STATUS, f"{ended.status} {text}")
