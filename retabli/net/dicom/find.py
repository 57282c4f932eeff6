"""One search in a partner's archive, from its name to the answers: what other kinds build upon."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from retabli.model import stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.stages import Stage, stage
from retabli.net.dicom import dicom_causes, services
from retabli.net.dicom.association import ASSOCIATION, CONTEXT, Association, Partner, associate
from retabli.net.dicom.syntaxes import STUDY_ROOT_FIND, UNCOMPRESSED

SEARCH = stage("search", fr="recherche (C-FIND)", en="search (C-FIND)")

# What `find` may meet besides the common causes.
CAUSES: tuple[Cause, ...] = (*dicom_causes.ASSOCIATING, *dicom_causes.ANSWERING)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a search brought: of each match what was asked for and is there, by keyword, as text.

    `whole` is False when there were more than the bound, or the partner broke off: some do at a bound of their own.
    """

    matches: tuple[dict[str, str], ...]
    whole: bool


def climbed_by_find(partner: Partner, rung: Stage = SEARCH) -> tuple[Stage, ...]:
    """The rungs that `find` climbs with this partner, in order."""
    tls = (stages.TLS,) if partner.tls.mode == "implicit" else ()
    return (stages.RESOLVE, stages.CONNECT, *tls, ASSOCIATION, CONTEXT, rung)


async def find(
    ladder: Ladder, partner: Partner, identifier: Mapping[str, str], *, limit: int = 1000, rung: Stage = SEARCH
) -> Answers:
    """C-FIND in the study root (PS3.4, annex C.4.1) on an association of its own, over the ladder's connection.

    Climbs RESOLVE, CONNECT, TLS (where `partner.tls` is implicit), ASSOCIATION, CONTEXT (the search is offered to us)
    and `rung`.

    Args:
        identifier: DICOM keywords and what to match; "" asks for the value. For the studies of two days:
            `{"QueryRetrieveLevel": "STUDY", "StudyDate": "20230702-20230703", "StudyTime": "", "InstitutionName": ""}`.
        limit: matches to take at most; the search is then broken off.

    Raises:
        Fall: a common cause, or one of CAUSES; `too_long` or `garbage` for answers beyond bounds (16 KiB each, 4 MiB in
            all) or unreadable.
    """
    with ladder.ahead_of(rung):
        await services.load()
    association = await associate(ladder, partner, {STUDY_ROOT_FIND: UNCOMPRESSED})
    try:
        with ladder.rung(CONTEXT):
            association.granted(STUDY_ROOT_FIND)
        with ladder.told_as(services.silent_service), ladder.rung(rung):
            answers = await matches(association, identifier, limit)
    except BaseException:
        await association.abort()
        raise
    await (association.release() if answers.whole else association.abort())
    return answers


async def matches(association: Association, identifier: Mapping[str, str], limit: int) -> Answers:
    """At most `limit` matches, within an association. Unless they are whole, no more can be asked within it.

    Raises:
        Fall: as `find`, but for what the first rungs may meet.
    """
    found: list[dict[str, str]] = []
    try:
        async with aclosing(services.find(association, identifier)) as answers:
            async for match in answers:
                if len(found) == limit:
                    return Answers(tuple(found), whole=False)
                found.append(match)
    except Fall as fall:
        if fall.cause is not dicom_causes.SEARCH_BROKEN_OFF or not found:
            raise
        return Answers(tuple(found), whole=False)
    return Answers(tuple(found), whole=True)
