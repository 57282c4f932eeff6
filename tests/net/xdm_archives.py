"""IHE XDM archives, whole and broken; everything in them is synthetic."""

import hashlib
import io
import zipfile

RIM = 'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"'
LCM = 'xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"'
SET = "IHE_XDM/SUBSET01"


def cda(identifier: str) -> bytes:
    return f'<ClinicalDocument xmlns="urn:hl7-org:v3"><id extension="{identifier}"/></ClinicalDocument>'.encode()


def slot(name: str, value: object) -> str:
    return f'<rim:Slot name="{name}"><rim:ValueList><rim:Value>{value}</rim:Value></rim:ValueList></rim:Slot>'


def described(uri: str, document: bytes) -> str:
    digest = hashlib.sha1(document, usedforsecurity=False).hexdigest()
    slots = slot("URI", uri) + slot("size", len(document)) + slot("hash", digest)
    return f"<rim:ExtrinsicObject>{slots}</rim:ExtrinsicObject>"


def submission(*objects: str) -> bytes:
    inner = f"<rim:RegistryObjectList {RIM}>{''.join(objects)}</rim:RegistryObjectList>"
    return f"<lcm:SubmitObjectsRequest {LCM}>{inner}</lcm:SubmitObjectsRequest>".encode()


def metadata(**documents: bytes) -> bytes:
    """METADATA.XML for documents by their name without `.XML`."""
    return submission(*(described(f"{name}.XML", content) for name, content in documents.items()))


def archive(
    documents: dict[str, bytes] | None = None, content: bytes | None = b"", *, folder: str = SET, packing: int = 8
) -> bytes:
    """An archive with these documents; `content` is METADATA.XML (None: without one; empty: the right one)."""
    documents = {"DOC0001.XML": cda("x")} if documents is None else documents
    if content == b"":
        content = metadata(**{name.removesuffix(".XML"): each for name, each in documents.items()})
    entries = {f"{folder}/{name}": each for name, each in documents.items()}
    if content is not None:
        entries[f"{folder}/METADATA.XML"] = content
    return packed(entries, packing)


def packed(entries: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as opened:
        for name, content in entries.items():
            opened.writestr(name, content)
    return made.getvalue()


def bomb(megabytes: int = 64) -> bytes:
    """A few kilobytes that unpack to many megabytes."""
    return packed({f"{SET}/METADATA.XML": b"\0" * (megabytes << 20)})
