"""The archive: the checksums of what is in a folder, and the folder as a tar.gz, the same to the byte each time."""

import gzip
import tarfile
from pathlib import Path

from deploy.bundle.packaged import digest

SUMS = "SHA256SUMS"


def add_sums(folder: Path) -> None:
    """Write SHA256SUMS over every other file of the folder, in the form that `sha256sum --check` reads."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def pack(folder: Path, archive: Path, epoch: int) -> None:
    """The folder, under its own name, as a tar.gz: sorted, everything of root's and from `epoch` (seconds)."""

    def alike(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = epoch
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    part = archive.with_name(f".{archive.name}.part")
    with (
        part.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in (folder, *sorted(folder.rglob("*"))):
            name = path.relative_to(folder.parent).as_posix()
            tar.add(path, name, recursive=False, filter=alike)
    part.replace(archive)
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest(archive)}  {archive.name}\n", encoding="utf-8")
