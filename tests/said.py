"""What a result says, in the few words that tests hold against it."""

from retabli.model.causes import Cause, Verdict
from retabli.model.result import Outcome, Result
from retabli.model.stages import Stage


def told(result: Result) -> tuple[str, str | None, str | None]:
    """The outcome, and where and why the climb fell, or what keeps it from being whole."""
    return (result.outcome.value, *where_and_why(result))


def where_and_why(result: Result) -> tuple[str | None, str | None]:
    return result.stage.id if result.stage else None, result.cause.code if result.cause else None


def fell(result: Result) -> tuple[str | None, Cause | None]:
    """Where, and the cause itself."""
    return (result.stage.id if result.stage else None), result.cause


def assert_fell(result: Result, stage: Stage, cause: Cause) -> None:
    """There, for that cause, and with the outcome that such a cause has."""
    assert (result.stage, result.cause) == (stage, cause), result
    assert result.outcome is (Outcome.FAILED if cause.verdict is Verdict.FAILED else Outcome.UNKNOWN)


def climbed(result: Result) -> list[str]:
    """The rungs that held."""
    return [rung.stage.id for rung in result.rungs if rung.cause is None]


def counts(result: Result) -> dict[str, int]:
    """The mails that were counted, by what became of them."""
    return {event.value: number for event, number in result.mail.items()}
