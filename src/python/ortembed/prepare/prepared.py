"""A model that is ready to load, and the way there: found in the cache, or made from its own files."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed import hub
from ortembed.config import ModelSettings, read_json, read_settings
from ortembed.manifest import find_manifest, sha256_of
from ortembed.prepare.store import Store, default_cache_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

# Part of every key: raise it when the exporter writes something else for the same files.
_EXPORTER_VERSION = 2

_SETTINGS = "settings.json"
_TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class PreparedModel:
    """What an Embedder loads."""

    graph: Path
    tokenizer: Path
    settings: ModelSettings


def prepare(
    name: str, *, revision: str | None = None, cache_dir: str | Path | None = None, local_files_only: bool = False
) -> PreparedModel:
    """Give a prepared model, looking in the cache of prepared models first, then where hub.find_model looks.

    A model with a manifest is recognised in the cache by the manifest alone: nothing else is read, and the
    network is not touched. An ONNX graph of the model's own is used where it lies.

    Raises:
        ModelNotFoundError, ModelLoadError, IntegrityError: As their names say; messages tell the next step.
    """
    store = Store(Path(cache_dir) if cache_dir else default_cache_dir())
    manifest = None if hub.is_folder(name) else find_manifest(name)
    if manifest and revision not in (None, manifest.revision):  # not what the manifest verifies
        name, manifest = manifest.hub_id, None
    if manifest and (folder := store.find(_key(manifest.sha256))):
        return _read_entry(folder)
    files = hub.find_model(name, manifest=manifest, revision=revision, local_files_only=local_files_only)
    if hub.WEIGHTS not in files:
        graph = next(files[graph] for graph in hub.GRAPHS if graph in files)
        return PreparedModel(graph, files[_TOKENIZER], read_settings(files))
    key = _key(manifest.sha256 if manifest else {n: sha256_of(path) for n, path in files.items()})
    return _read_entry(store.get_or_build(key, lambda folder: _build(files, folder)))


def _key(sha256: Mapping[str, str]) -> str:
    content = json.dumps([_EXPORTER_VERSION, sorted(sha256.items())])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _build(files: Mapping[str, Path], folder: Path) -> None:
    from ortembed.prepare.export import export  # noqa: PLC0415 - imports onnx, which a cached model need not

    settings = read_settings(files)
    export(read_json(files["config.json"]), [files[hub.WEIGHTS]], folder)
    shutil.copyfile(files[_TOKENIZER], folder / _TOKENIZER)
    (folder / _SETTINGS).write_text(settings.to_json(), "utf-8")


def _read_entry(folder: Path) -> PreparedModel:
    settings = ModelSettings.from_json((folder / _SETTINGS).read_text("utf-8"))
    return PreparedModel(folder / "model.onnx", folder / _TOKENIZER, settings)
