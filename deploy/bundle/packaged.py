"""What a wheel says of itself: its name and version, its licence and the texts of it, what it needs, its own SBOM."""

import email
import hashlib
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path, PurePosixPath

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TEXT = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
# What an older package says by a classifier only, where that names one licence.
CLASSIFIED = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


@dataclass(frozen=True, slots=True)
class Packaged:
    """A package, by one of its wheels."""

    name: str
    version: str
    summary: str
    licence: str | None  # an SPDX expression
    licence_name: str  # as the package says it, where that is no SPDX expression
    needs: tuple[Requirement, ...]
    texts: Mapping[str, bytes]
    boms: Mapping[str, bytes]  # PEP 770: of what is compiled into it

    @property
    def key(self) -> str:
        return canonicalize_name(self.name)


def packaged(path: Path) -> Packaged:
    """What this wheel says (core metadata 2.4, PEP 639, PEP 770)."""
    with zipfile.ZipFile(path) as wheel:
        inside = {name.partition(".dist-info/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
        said = email.message_from_bytes(wheel.read(inside["METADATA"]))
        files = {short: name for short, name in inside.items() if not name.endswith("/")}
        texts = {
            short.removeprefix("licenses/"): wheel.read(name)
            for short, name in files.items()
            if short.startswith("licenses/") or TEXT.match(PurePosixPath(short).name)
        }
        boms = {short.removeprefix("sboms/"): wheel.read(name) for short, name in files.items() if "sboms/" in short}
    licence, name = _licence(said)
    needs = tuple(Requirement(each) for each in said.get_all("Requires-Dist", []))
    return Packaged(said["Name"], said["Version"], said["Summary"] or "", licence, name, needs, texts, boms)


def _licence(said: Message) -> tuple[str | None, str]:
    classified = [
        each.rpartition(" :: ")[2] for each in said.get_all("Classifier", []) if each.startswith("License :: ")
    ]
    written = (said["License"] or "").strip()
    for each in (said["License-Expression"], written, *(CLASSIFIED.get(name) for name in classified)):
        if each:
            try:
                return canonicalize_license_expression(each), ""
            except InvalidLicenseExpression:
                pass
    named = next((name for name in classified if name != "OSI Approved"), "")
    return None, named or written.partition("\n")[0]


def digest(path: Path) -> str:
    """SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
