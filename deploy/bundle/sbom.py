"""The bill of materials of a bundle: CycloneDX 1.6, written from the very wheels that are in it, and nothing else.

https://cyclonedx.org/docs/1.6/json/
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from deploy.bundle.packaged import Packaged, digest

EXTRAS = ("apprise", "xmpp")  # of ours, which the bundle brings
Environments = Sequence[Mapping[str, str]]
NAMESPACE = uuid.UUID("5f1b3c52-3a43-5b39-9d0c-8f5a3f0f6c11")  # ours alone: the serial number follows from the content


def bill(own: Packaged, files: Mapping[Path, Packaged], folder: str, environments: Environments, epoch: int) -> bytes:
    """The bill of our own package and of those in `files`, which lie in `folder` of the bundle.

    `environments`: what markers are asked about, one a Python.
    `epoch`: seconds; what is built of one commit is the same whenever it is built.
    """
    others = sorted({each.key: each for each in files.values() if each.key != own.key}.items())
    described = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z"),
            "lifecycles": [{"phase": "build"}],
            "component": _component(own, files, folder, kind="application"),
        },
        "components": [_component(each, files, folder) for _, each in others],
        "dependencies": _dependencies(own, {own.key: own} | dict(others), environments),
    }
    serial = uuid.uuid5(NAMESPACE, json.dumps(described, sort_keys=True))
    return (json.dumps({**described, "serialNumber": serial.urn}, indent=1, ensure_ascii=False) + "\n").encode()


def _component(
    packaged: Packaged, files: Mapping[Path, Packaged], folder: str, kind: str = "library"
) -> dict[str, Any]:
    sums = {path.name: digest(path) for path, each in files.items() if each.key == packaged.key}
    described: dict[str, Any] = {
        "type": kind,
        "bom-ref": _purl(packaged),
        "name": packaged.name,
        "version": packaged.version,
        "description": packaged.summary,
        "licenses": _licences(packaged),
        "purl": _purl(packaged),
        "externalReferences": [
            {"type": "distribution", "url": f"{folder}/{name}", "hashes": [_hash(sums[name])]} for name in sorted(sums)
        ],
    }
    if len(sums) == 1:  # else each Python has a wheel of its own
        described["hashes"] = [_hash(each) for each in sums.values()]
    return described


def _licences(packaged: Packaged) -> list[dict[str, Any]]:
    if packaged.licence is None:
        return [{"license": {"name": packaged.licence_name}}]
    if " " in packaged.licence:
        return [{"expression": packaged.licence}]
    return [{"license": {"id": packaged.licence}}]


def _dependencies(own: Packaged, by_key: Mapping[str, Packaged], environments: Environments) -> list[dict[str, Any]]:
    """Who needs whom, with every extra of our own, on any of the Pythons that the bundle is for."""
    edges: dict[str, set[str]] = {key: set() for key in by_key}
    asked: set[tuple[str, str]] = set()
    open_ = [(own.key, extra) for extra in ("", *EXTRAS)]
    while open_:
        key, extra = ask = open_.pop()
        if ask in asked or key not in by_key:
            continue
        asked.add(ask)
        for need in by_key[key].needs:
            if need.marker is None or any(need.marker.evaluate({**each, "extra": extra}) for each in environments):
                needed = canonicalize_name(need.name)
                edges[key] |= {needed} & by_key.keys()
                open_ += [(needed, also) for also in ("", *need.extras)]
    return [
        {"ref": _purl(by_key[key]), "dependsOn": sorted(_purl(by_key[needed]) for needed in edges[key])}
        for key in sorted(edges)
    ]


def _purl(packaged: Packaged) -> str:
    return f"pkg:pypi/{packaged.key}@{packaged.version}"


def _hash(sha256: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": sha256}


def missing_licences(files: Sequence[Packaged]) -> list[str]:
    """The packages whose wheels bring no licence, or no text of it."""
    return sorted(each.name for each in files if not each.texts or not (each.licence or each.licence_name))
