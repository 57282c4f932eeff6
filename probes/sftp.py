"""An SFTP server whose host key is pinned: its folder is listed, and takes, keeps and gives up a marked file."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from retabli.model.causes import Cause
from retabli.model.ladder import Ladder
from retabli.model.probe import Probe
from retabli.model.stages import Stage
from retabli.net.folders import folder_causes
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.account import SftpAccount, account_faults

GLANCE = 1000  # entries after which the folder has been listed well enough


class Sftp(SftpAccount, Probe):
    """One login a run. Without `canary` nothing is written."""

    LADDER: ClassVar[tuple[Stage, ...]] = (
        *ssh_causes.LOGIN,
        folder_causes.LIST,
        ssh_causes.CANARY,
    )
    CAUSES: ClassVar[tuple[Cause, ...]] = (*ssh_causes.SSH, *folder_causes.REMOTE, *folder_causes.CANARIES)
    SUMMARY: ClassVar[tuple[str, str]] = (
        "Un serveur SFTP dont la clé est connue nous laisse entrer, lire un dossier, y écrire et effacer un témoin.",
        "An SFTP server with a pinned key lets us in, list a folder, and write and remove a canary in it.",
    )
    EVERY: ClassVar[str | None] = "60s"

    kind: Literal["sftp"]
    canary: str | None = Field(
        default=None,
        min_length=1,
        max_length=120,
        description="a file's name, under which a marked file is written, read back and removed at every run; "
        'one without "retabli" in it gets it in front. None: nothing is written',
    )

    def climbs(self) -> tuple[Stage, ...]:
        return self.LADDER if self.canary is not None else self.LADDER[:-1]

    def faults(self) -> Iterator[str]:
        yield from super().faults()
        yield from account_faults(self)
        if self.canary is not None and ("/" in self.canary or "\0" in self.canary or self.canary in (".", "..")):
            yield "canary is a file's name, without a folder: `directory` says where"

    def openings(self) -> Iterator[tuple[str, int, str]]:
        yield self.host, self.port, "tcp"

    async def run(self, ladder: Ladder) -> None:
        # asyncssh is heavy: whoever has no such probe never imports it.
        from retabli.net.ssh.canary import Canary, canary_name
        from retabli.net.ssh.remote_folder import list_folder
        from retabli.net.ssh.session import open_session

        async with await open_session(ladder, self, resolver=self.resolver) as session:
            with ladder.rung(folder_causes.LIST):
                sftp = await session.start_sftp()
                seen = await list_folder(session, sftp, self.directory, GLANCE)
            ladder.describe("files", f"{len(seen.files)}{'+' if seen.cut else ''}")
            if self.canary is None:
                return
            path = f"{self.directory.rstrip('/')}/{canary_name(self.canary)}"
            with ladder.rung(ssh_causes.CANARY):
                await Canary(session, sftp, path, ladder, busy=2 * self.timeout).fly()
