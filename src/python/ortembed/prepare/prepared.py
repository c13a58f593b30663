"""From a model's name to a prepared model: found in the cache, or made from the model's own files."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed import _native, hub
from ortembed.errors import InvalidInputError, ModelLoadError, ModelNotFoundError
from ortembed.manifest import Manifest, find_manifest, named_sha256, sha256_of, verify
from ortembed.prepare.architectures import refusal
from ortembed.prepare.build import EXPORTER_VERSION, build_float, build_int8
from ortembed.prepare.store import Store, default_cache_dir
from ortembed.prepared_model import SAFETENSORS, Facts, PreparedModel, read_prepared
from ortembed.runtime_library import find_runtime_library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DTYPES = ("float32", "int8")
FORMS = ("cpu", "coreml")


@dataclass(frozen=True)
class _Request:
    """What prepare was asked for, checked."""

    name: str
    manifest: Manifest | None
    revision: str | None
    local_files_only: bool
    store: Store
    dtype: str
    form: str
    onnx_file: str | None
    probe_texts: tuple[str, ...]
    report: Callable[[str], object]

    @property
    def known_sources(self) -> Mapping[str, str] | None:
        """The sha256 of the model's files where its manifest tells them all."""
        return self.manifest.sha256 if self.manifest and self.manifest.sha256 and not self.onnx_file else None

    def key(self, sources: Mapping[str, str]) -> str:
        """Give the name of the cache entry that is made from sources with these sha256."""
        runtime = _native.runtime_version(find_runtime_library())
        content = [EXPORTER_VERSION, runtime, self.dtype, self.form, self.onnx_file, sorted(sources.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

    def find_files(self) -> dict[str, Path]:
        """Give the model's own files."""
        return hub.find_model(
            self.name,
            manifest=self.manifest,
            revision=self.revision,
            local_files_only=self.local_files_only,
            onnx_file=self.onnx_file,
            exporter_refusal=refusal,
        )

    def read(self, folder: Path) -> PreparedModel:
        """Read an entry, its settings completed with what the manifest knows."""
        prepared = read_prepared(folder)
        if self.manifest is None:
            return prepared
        return replace(prepared, settings=self.manifest.complete(prepared.settings, prepared.files))


def prepare(
    name: str,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    dtype: str = "float32",
    form: str = "cpu",
    onnx_file: str | None = None,
    probe_texts: Sequence[str] = (),
    report: Callable[[str], object] | None = None,
) -> PreparedModel:
    """Give a prepared model, looking in the cache of prepared models first, then where hub.find_model looks.

    A model whose manifest has hashes is recognised in the cache by these alone: nothing else is read, and the
    network is not touched.

    Args:
        name: A short name, a name on the hub, or a folder.
        revision: A branch, tag or commit on the hub.
        cache_dir: Where prepared models are kept.
        local_files_only: Never touch the network.
        dtype: "float32", or "int8": weights and activations of the matrix products quantized, checked against
            float32 on built-in texts.
        form: "cpu", or "coreml": without the embedding tables in the graph, of operators that CoreML has.
        onnx_file: Path in the model's repository of an ONNX file to use, whatever other weights there are.
        probe_texts: Texts of the caller's that an int8 model is checked on beside the built-in ones.
        report: Called with each step's name as it begins.

    Raises:
        ModelNotFoundError, ModelLoadError, IntegrityError: As their names say; messages tell the next step.
        InvalidInputError: An argument is not one of those that there are.
    """
    return _prepare(
        _request(
            name,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            dtype=dtype,
            form=form,
            onnx_file=onnx_file,
            probe_texts=probe_texts,
            report=report,
        )
    )


def find_prepared(
    name: str,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    dtype: str = "float32",
    form: str = "cpu",
    onnx_file: str | None = None,
) -> PreparedModel | None:
    """Give a model that prepare has prepared, or None; see there. Neither network nor cache is touched otherwise."""
    request = _request(
        name,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=True,
        dtype=dtype,
        form=form,
        onnx_file=onnx_file,
    )
    sources = request.known_sources
    if sources is None:
        try:
            sources = _hashes(request.find_files())
        except ModelNotFoundError:
            return None
    folder = request.store.find(request.key(sources))
    return request.read(folder) if folder else None


def check_entry(prepared: PreparedModel) -> None:
    """Compare every byte of a prepared model with what was written.

    Raises:
        ModelLoadError: It is damaged; the message names the file.
    """
    if damage := Store.of(prepared.folder).verify(prepared.folder.name):
        raise ModelLoadError(f"the prepared model in {prepared.folder} is damaged ({damage}); delete the folder")


def _request(
    name: str,
    *,
    revision: str | None,
    cache_dir: str | Path | None,
    local_files_only: bool,
    dtype: str,
    form: str,
    onnx_file: str | None,
    probe_texts: Sequence[str] = (),
    report: Callable[[str], object] | None = None,
) -> _Request:
    """Check the arguments of prepare."""
    _check_arguments(dtype, form, revision, onnx_file, cache_dir)
    if not isinstance(local_files_only, bool):
        raise InvalidInputError(f"local_files_only is {local_files_only!r}, not a bool")
    is_folder = hub.is_folder(name)
    if is_folder and revision is not None:
        raise InvalidInputError(f"revision {revision!r} is of a model on the hub, and {name!r} is a folder")
    manifest = None if is_folder else find_manifest(name)
    if manifest and manifest.revision and revision not in (None, manifest.revision):  # not what is verified
        name, manifest = manifest.hub_id, replace(manifest, revision=revision, sha256={}, package=None)
    elif manifest and not manifest.revision:
        manifest = replace(manifest, revision=revision)
    return _Request(
        name=name,
        manifest=manifest,
        revision=revision,
        local_files_only=local_files_only,
        store=Store(Path(cache_dir) if cache_dir else default_cache_dir()),
        dtype=dtype,
        form=form,
        onnx_file=onnx_file,
        probe_texts=tuple(probe_texts),
        report=report or (lambda _step: None),
    )


def _check_arguments(dtype: str, form: str, revision: object, onnx_file: object, cache_dir: object) -> None:
    for what, value, known in (("dtype", dtype, DTYPES), ("form", form, FORMS)):
        if value not in known:
            raise InvalidInputError(f"{what} is {value!r}, none of {', '.join(known)}")
    for what, text in (("revision", revision), ("onnx_file", onnx_file)):
        if text is not None and not isinstance(text, str):
            raise InvalidInputError(f"{what} is {text!r}, not a text")
    if cache_dir is not None and not isinstance(cache_dir, (str, os.PathLike)):
        raise InvalidInputError(f"cache_dir is {cache_dir!r}, not a folder")
    if form == "coreml" and (dtype != "float32" or onnx_file):
        raise InvalidInputError("the CoreML form is made from safetensors and in float32: CoreML runs no int8")


def _prepare(request: _Request) -> PreparedModel:
    known = request.known_sources
    if known and (folder := request.store.find(request.key(known))):
        return request.read(folder)
    if request.dtype == "int8":
        return _prepare_int8(request)
    request.report("finding the model's files")
    files = request.find_files()
    graph = next((name for name in files if name.endswith(".onnx")), None)
    if graph and request.form == "coreml":
        raise ModelLoadError(f"the CoreML form is made from safetensors, and the model has only {graph}")
    sources = known or _hashes(files)
    facts = _facts(request, sources, graph or SAFETENSORS)
    needed = sum(path.stat().st_size for path in files.values())

    def build(folder: Path) -> None:
        for path in () if known else files.values():
            if expected := named_sha256(path):
                verify(path, expected)
        build_float(files, folder, facts, request.report)

    return request.read(request.store.get_or_build(request.key(sources), build, bytes_needed=needed))


def _prepare_int8(request: _Request) -> PreparedModel:
    original = _prepare(replace(request, dtype="float32"))
    facts = replace(original.facts, dtype="int8")
    folder = request.store.get_or_build(
        request.key(facts.sources),
        lambda folder: build_int8(original, folder, facts, request.probe_texts, request.report),
        bytes_needed=original.size(),
    )
    return request.read(folder)


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """Give each file's sha256; of one that is named by it, which spares the reading until a graph is made of it."""
    return {name: named_sha256(path) or sha256_of(path) for name, path in files.items()}


def _facts(request: _Request, sources: Mapping[str, str], origin: str) -> Facts:
    return Facts(
        dtype=request.dtype,
        form=request.form,
        origin=origin,
        remark="",
        exporter_version=EXPORTER_VERSION,
        runtime_version=_native.runtime_version(find_runtime_library()),
        sources=sources,
    )
