"""A folder into which files are dropped: they arrive, they are consumed, and none is left behind."""

import posixpath
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.profile import ProfileRef
from retabli.model.settings import Duration, File
from retabli.model.stages import Stage
from retabli.net.folders import folder_causes, local_folder
from retabli.net.folders.arrivals import (
    Arrivals,
    FolderBook,
    judge_consumed,
    judge_errors,
    judge_fresh,
    judge_partial,
    sort_out,
)
from retabli.net.folders.listing import MOST, Listing
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.account import SftpAccount, account_faults

Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(
        lambda value: (value,) if isinstance(value, str) else value, json_schema_input_type=str | list[str]
    ),
    Field(strict=False, min_length=1),
]
ListFolder = Callable[[str], Awaitable[Listing]]


class FileDrop(Probe):
    """No file is ever opened, and no file's name is ever told: only counts and ages.

    A file's age is by its time of last change: an uploader that keeps the times of its files (scp -p, rsync -t) makes
    what has just come look as old as it was there. A folder that is emptied at once is judged by what earlier runs saw
    in it, and by its own time of change.
    """

    LADDER: ClassVar[tuple[Stage, ...]] = (
        folder_causes.REACHED,
        *ssh_causes.LOGIN,
        folder_causes.LIST,
        folder_causes.FRESH,
        folder_causes.CONSUMED,
        folder_causes.ERRORS,
        folder_causes.PARTIAL,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (
        *folder_causes.LOCAL,
        *ssh_causes.SSH,
        folder_causes.LIST_DENIED,
        *folder_causes.ARRIVALS,
    )
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Des fichiers arrivent dans un dossier, y sont consommés, et rien n'y traîne ; aucun n'est ouvert.",
        "Files arrive in a folder, are consumed, and nothing lingers; none is ever opened.",
    )
    EVERY: ClassVar[str | None] = "60s"

    kind: Literal["file_drop"]
    directory: File | None = Field(default=None, description="a folder of this machine")
    sftp: SftpAccount | None = Field(default=None, description="or one on a server, by an account of its own")
    pattern: Patterns = Field(default=("*",), description="the names of files that count, as a shell writes them")
    max_age: Duration | None = Field(default=None, description="how old the newest arrival may be")
    profile: ProfileRef = Field(
        default=[], validate_default=True, description="when silence is normal: such time does not count"
    )
    max_waiting: Duration | None = Field(default=None, description="how long a file may wait to be consumed")
    error_directory: str | None = Field(
        default=None, min_length=1, description="where files go that could not be used; relative to the folder"
    )
    max_errors: Annotated[int, Field(ge=0)] | None = Field(default=None, description="more in there is a failure")
    error_window: Duration = Field(default=3600.0, description="for how long a new error is told")
    partial: Patterns = Field(
        default=("*.tmp", "*.part", "*.partial", "*.filepart", ".*"),
        description="the names of files whose transfer has not ended; empty files are such, too",
    )
    max_partial: Duration | None = Field(default=None, description="how long a transfer may take")
    most_files: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=MOST, description="entries of a folder, beyond which it is only judged as far as it was seen"
    )
    empty_counts: bool = Field(default=False, description="whether an empty file is a whole one")

    def climbs(self) -> tuple[Stage, ...]:
        asked = (
            (folder_causes.FRESH, self.max_age is not None),
            (folder_causes.CONSUMED, self.max_waiting is not None),
            (folder_causes.ERRORS, self.error_directory is not None),
            (folder_causes.PARTIAL, self.max_partial is not None),
        )
        below = (folder_causes.REACHED,) if self.sftp is None else ssh_causes.LOGIN
        return (*below, folder_causes.LIST, *(stage for stage, wanted in asked if wanted))

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        if (self.directory is None) == (self.sftp is None):
            yield "one of directory and sftp is needed, and not both"
        if self.sftp is not None:
            yield from account_faults(self.sftp)
        if self.profile.entries and self.max_age is None:
            yield "profile says when silence is normal, and there is no max_age that it could be longer than"
        if self.max_errors is not None and self.error_directory is None:
            yield "max_errors needs an error_directory"

    def warnings(self) -> Iterator[str]:
        if (self.max_age, self.max_waiting, self.error_directory, self.max_partial) == (None, None, None, None):
            yield "nothing is asked of the files: give max_age, max_waiting, error_directory or max_partial"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        if self.sftp is not None:
            yield self.sftp.host, self.sftp.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        async with AsyncExitStack() as stack:
            list_folder, folder = await self._reach(ladder, stack)
            with ladder.rung(folder_causes.LIST):
                seen = await list_folder(folder)
                arrivals = sort_out(seen, self.pattern, self.partial, empty_counts=self.empty_counts)
            ladder.describe("files", str(len(arrivals.whole)))
            await self._judge(ladder, arrivals, list_folder, folder)

    async def _judge(self, ladder: Ladder, arrivals: Arrivals, list_folder: ListFolder, folder: str) -> None:
        book = FolderBook(ladder.memory, repr((folder, self.sftp and self.sftp.host, self.pattern)))
        if self.max_age is not None:
            with ladder.rung(folder_causes.FRESH):
                judge_fresh(ladder, book, arrivals, self.max_age, self.profile, self.max_partial)
        if self.max_waiting is not None:
            with ladder.rung(folder_causes.CONSUMED):
                judge_consumed(ladder, arrivals, self.max_waiting)
        if self.error_directory is not None:
            with ladder.rung(folder_causes.ERRORS):
                errors = await list_folder(posixpath.join(folder, self.error_directory))
                judge_errors(ladder, book, errors, self.max_errors, self.error_window)
        if self.max_partial is not None:
            with ladder.rung(folder_causes.PARTIAL):
                judge_partial(ladder, arrivals, self.max_partial)

    async def _reach(self, ladder: Ladder, stack: AsyncExitStack) -> tuple[ListFolder, str]:
        """How folders are listed there, and which one it is."""
        if self.sftp is None:
            # A hanging mount is to be told from a deadline: each look ends before the run does.
            ends = ladder.clock() + self.timeout * 0.9
            with ladder.rung(folder_causes.REACHED):
                await local_folder.reach(str(self.directory), ends - ladder.clock())

            def list_folder(folder: str) -> Awaitable[Listing]:
                return local_folder.list_folder(folder, ends - ladder.clock(), self.most_files)

            return list_folder, str(self.directory)
        # asyncssh is heavy: whoever has no such probe never imports it.
        from retabli.net.ssh import remote_folder
        from retabli.net.ssh.session import open_session

        session = await stack.enter_async_context(await open_session(ladder, self.sftp, resolver=self.resolver))
        return remote_folder.lister(session, self.most_files), self.sftp.directory
