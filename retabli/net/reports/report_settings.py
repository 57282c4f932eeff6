"""Where a report is handed over, and where those that were not yet sent wait."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from retabli.model.hosts import Host
from retabli.model.settings import Duration, File, Port, Settings, Tls
from retabli.net.hl7.exchange import PORT, Expected, tls_faults
from retabli.net.hl7.message_file import MessageFileRef


class ReportSubmit(Settings):
    """By MLLP to `host`, or as a file written into `directory`: one of the two."""

    message: MessageFileRef = Field(
        description="a file with one HL7 v2 message (ORU^R01, MDM^T02); MSH-11 must be T; {token}, {control_id}, "
        "{mail_from} and {rcpt_to} in it are filled in, where the engine copies them into the mail from"
    )
    host: Host | None = None
    port: Port = PORT
    tls: Tls = Tls(mode="none")
    expect: Annotated[tuple[Expected, ...], Field(strict=False, min_length=1)] = Field(
        default=("AA",), description="as in hl7_mllp"
    )
    directory: File | None = Field(default=None, description="which an engine reads: the message is written into it")
    file_name: str = Field(
        default="RETABLI-{control_id}.hl7",
        pattern=r"^[A-Za-z0-9_-]*\{control_id\}[A-Za-z0-9._-]*$",
        description="the file's name in it; RETABLI in it keeps a file_drop from taking it for an arrival",
    )
    consumed_within: Duration = Field(default=30.0, description="in which the engine must have taken the file")
    error_directory: File | None = Field(default=None, description="where the engine puts what it cannot use")

    def faults(self) -> Iterator[str]:
        if (self.host is None) == (self.directory is None):
            yield "submit wants host (MLLP) or directory (a file): one of the two"
        yield from tls_faults(self.tls)


class Unsent(Settings):
    """A directory in which reports wait until they are sent, and how old the oldest may be."""

    directory: File
    max_age: Duration
    pattern: str = "*"
