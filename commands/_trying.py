"""How `alert test` gives a page to channels: directly, all at the same time, each for as long as a page would have."""

import asyncio
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass

from commands._paper import Paper
from config.configuration import Configuration
from retabli.alerts.channels import build
from retabli.alerts.channels.channel import NotAccepted
from retabli.alerts.message import Letterhead
from retabli.alerts.outbox.drain import DEADLINE
from retabli.alerts.trial import trial_message
from retabli.model.ladder import cause_of, detail_of
from retabli.model.result import clean
from retabli.model.words import Words
from retabli.view.times import took

WIDTH = 80
ACCEPTED = Words("acceptée en {time}", "accepted in {time}")
REFUSED = Words("PAS acceptée", "NOT accepted")
SILENT = Words(f"pas de réponse en {DEADLINE:g} s", f"no answer within {DEADLINE:g} s")
ALL = Words("Tous les canaux ont accepté l'alerte d'essai.", "Every channel accepted the test page.")
SOME = Words(
    "Refus : {refused} sur {of}. Par là, une alerte n'arriverait pas à tous.",
    "{refused} of {of} did not accept the test page: by those, a page would not reach everybody.",
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one channel's test page. `refusal` is None where it was accepted."""

    name: str
    seconds: float
    refusal: Words | None


def run(configuration: Configuration, names: Sequence[str], language: str) -> int:
    """The command's exit code: 0 only if each channel accepted."""
    return asyncio.run(_try_all(configuration, names, language))


async def _try_all(configuration: Configuration, names: Sequence[str], language: str) -> int:
    site = configuration.site
    letterhead = Letterhead(site.name, configuration.standpoint, language, site.zone, configuration.url or "")
    paper, width = Paper(language=language), max(map(len, names))
    under_way = {asyncio.create_task(_try(configuration, letterhead, name), name=name) for name in names}
    refused = 0
    while under_way:
        ended, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            trial = _became(task)
            refused += trial.refusal is not None
            _print(paper, trial, configuration.channels[trial.name].kind, width, language)
    said = SOME[language].format(refused=refused, of=len(names)) if refused else ALL[language]
    for line in textwrap.wrap(said, WIDTH):
        paper.line(line)
    return 1 if refused else 0


async def _try(configuration: Configuration, letterhead: Letterhead, name: str) -> Trial:
    channel = build(configuration.channels[name])
    began = time.monotonic()
    refusal = None
    try:
        async with asyncio.timeout(DEADLINE):
            await channel.send(trial_message(letterhead, name, time.time()))
    except NotAccepted as error:
        refusal = error.words
    except TimeoutError:
        refusal = SILENT
    except OSError as error:
        cause = cause_of(error)
        refusal = cause.words if cause is not None else Words.same(detail_of(error))
    finally:
        seconds = time.monotonic() - began
        await channel.close()
    return Trial(name, seconds, refusal)


def _became(task: "asyncio.Task[Trial]") -> Trial:
    """A defect of one channel hides nothing of the others."""
    error = task.exception()
    if error is None:
        return task.result()
    said = f"{type(error).__name__}: {error}"
    return Trial(
        task.get_name(), 0.0, Words(f"un défaut de ce programme : {said}", f"a defect of this program: {said}")
    )


def _print(paper: Paper, trial: Trial, kind: str, width: int, language: str) -> None:
    head = f"{trial.name:<{width}}  {kind}: " if language == "en" else f"{trial.name:<{width}}  {kind} : "
    if trial.refusal is None:
        paper.line(("✓ ", "green"), head + ACCEPTED[language].format(time=took(trial.seconds, language)))
        return
    paper.line(("✗ ", "red"), head + REFUSED[language])
    for line in textwrap.wrap(clean(trial.refusal[language]), WIDTH - 4):
        paper.line(f"    {line}")
