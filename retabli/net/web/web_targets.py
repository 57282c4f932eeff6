"""A list of web sites in a file of its own: one address a line, `#` comments, every fault with its line."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, TypeAdapter, ValidationInfo, WithJsonSchema

from retabli.model.settings import File, Settings
from retabli.net.web.http_settings import check_address

LARGEST = 4_194_304  # bytes

_FILE: TypeAdapter[Path] = TypeAdapter(File)


class TargetsFile(Settings):
    """What such a file held when the configuration was read; another content is another configuration."""

    path: Path
    targets: tuple[str, ...]


def read_targets(path: Path) -> tuple[str, ...]:
    """The addresses that the file lists, in their order.

    Raises:
        ValueError: every fault of it, each with file and line.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1).decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text") from error
    if len(text) > LARGEST:
        raise ValueError(f"{path} is too long for a list of sites")
    lines: dict[str, int] = {}
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        address = _address(line)
        if not address:
            continue
        if address in lines:
            faults.append(f"{path}:{number}: {address} is listed already, in line {lines[address]}")
            continue
        lines[address] = number
        try:
            check_address(address)
        except ValueError as error:
            faults.append(f"{path}:{number}: {error}")
    if faults:
        raise ValueError("; ".join(faults))
    if not lines:
        raise ValueError(f"{path} lists no site")
    return tuple(lines)


def _address(line: str) -> str:
    """The line without its comment: a `#` at its start or after a blank; within an address it is a fragment."""
    words = line.split()
    kept: list[str] = []
    for word in words:
        if word.startswith("#"):
            break
        kept.append(word)
    return " ".join(kept)


def _read(value: object, info: ValidationInfo) -> object:
    if isinstance(value, TargetsFile):
        return value
    path = _FILE.validate_python(value, context=info.context)
    return TargetsFile(path=path, targets=read_targets(path))


TargetsFileRef = Annotated[TargetsFile, BeforeValidator(_read), WithJsonSchema({"type": "string", "format": "path"})]
