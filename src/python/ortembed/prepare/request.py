"""What prepare was asked for, checked, and the form that it gets."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed import _native, hub
from ortembed.errors import InvalidInputError
from ortembed.instructions import PLAIN, instruction_set
from ortembed.json_files import read_json
from ortembed.manifest import Manifest, find_manifest, named_sha256, sha256_of
from ortembed.model_files import CONFIG
from ortembed.prepare.architectures import packed_refusal, refusal
from ortembed.prepare.build import EXPORTER_VERSION
from ortembed.prepare.forms import COREML, DTYPES, FLOAT32, FORMS, PACKED, choose_form
from ortembed.prepare.store import Store, default_cache_dir
from ortembed.prepared_model import PreparedModel, read_prepared
from ortembed.runtime_library import find_runtime_library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Request:
    """A model that is wanted; attributes as prepare's arguments.

    Attributes:
        form: What was asked for; what it is to be, once in_its_form has chosen.
        form_reason: Why it is that one, in words.
        files: The model's own, where they have been looked for.
    """

    name: str
    manifest: Manifest | None
    revision: str | None
    local_files_only: bool
    store: Store
    dtype: str
    form: str | None
    provider: str
    onnx_file: str | None
    probe_texts: tuple[str, ...]
    report: Callable[[str], object]
    form_reason: str = ""
    files: Mapping[str, Path] | None = None

    @property
    def known_sources(self) -> Mapping[str, str] | None:
        """The sha256 of the model's files where its manifest tells them all."""
        return self.manifest.sha256 if self.manifest and self.manifest.sha256 and not self.onnx_file else None

    def find_sources(self) -> Mapping[str, str]:
        """Give the sha256 of each of the model's files; of one that is named by it, without reading the file."""
        known = self.known_sources
        return known or {name: named_sha256(path) or sha256_of(path) for name, path in self.find_files().items()}

    def key(self, sources: Mapping[str, str]) -> str:
        """Give the name of the cache entry that is made from sources with these sha256."""
        runtime = _native.runtime_version(find_runtime_library())
        content = [EXPORTER_VERSION, runtime, self.dtype, self.form, self.onnx_file, sorted(sources.items())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

    def find_files(self) -> Mapping[str, Path]:
        """Give the model's own files."""
        return self.files or hub.find_model(
            self.name,
            manifest=self.manifest,
            revision=self.revision,
            local_files_only=self.local_files_only,
            onnx_file=self.onnx_file,
            exporter_refusal=refusal,
        )

    def in_its_form(self) -> Request:
        """Choose the form. An entry that is there tells that nothing was in the way of it; else the files are asked.

        Raises:
            ModelNotFoundError, ModelLoadError, IntegrityError, InvalidInputError, ProviderUnavailableError: As their
                names say.
        """
        # In float32 the instructions do not count, and a wrong ORTEMBED_ISA is not told there.
        isa = PLAIN if self.dtype == FLOAT32 else instruction_set()
        best = self._choose(isa, None)
        known = self.known_sources
        if best.form != PACKED or (known and self.store.has(best.key(known))):
            return best
        files = self.find_files()
        return replace(self._choose(isa, packed_obstacle(files)), files=files)

    def _choose(self, isa: str, obstacle: str | None) -> Request:
        form, reason = choose_form(self.dtype, provider=self.provider, isa=isa, obstacle=obstacle, asked=self.form)
        return replace(self, form=form, form_reason=reason)

    def read(self, folder: Path) -> PreparedModel:
        """Read an entry, its settings completed with what the manifest knows."""
        prepared = replace(read_prepared(folder), form_reason=self.form_reason)
        if self.manifest is None:
            return prepared
        return replace(prepared, settings=self.manifest.complete(prepared.settings, prepared.files))


def packed_obstacle(files: Mapping[str, Path]) -> str | None:
    """Tell why ortembed's own operators cannot run a model with these files; None where they can."""
    if any(name.endswith(".onnx") for name in files):
        return "ONNX files are run by the runtime's operators"
    return packed_refusal(read_json(files[CONFIG]))


def checked_request(
    name: str,
    *,
    revision: str | None,
    cache_dir: str | Path | None,
    local_files_only: bool,
    dtype: str,
    form: str | None,
    provider: str,
    onnx_file: str | None,
    probe_texts: Sequence[str],
    report: Callable[[str], object] | None,
) -> Request:
    """Check the arguments of prepare.

    Raises:
        InvalidInputError: One is not one of those that there are.
    """
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
    return Request(
        name=name,
        manifest=manifest,
        revision=revision,
        local_files_only=local_files_only,
        store=Store(Path(cache_dir) if cache_dir else default_cache_dir()),
        dtype=dtype,
        form=form,
        provider=provider,
        onnx_file=onnx_file,
        probe_texts=tuple(probe_texts),
        report=report or (lambda _step: None),
    )


def _check_arguments(dtype: str, form: str | None, revision: object, onnx_file: object, cache_dir: object) -> None:
    for what, value, known in (("dtype", dtype, DTYPES), ("form", form, (None, *FORMS))):
        if value not in known:
            raise InvalidInputError(f"{what} is {value!r}, none of {', '.join(map(str, known))}")
    for what, text in (("revision", revision), ("onnx_file", onnx_file)):
        if text is not None and not isinstance(text, str):
            raise InvalidInputError(f"{what} is {text!r}, not a text")
    if cache_dir is not None and not isinstance(cache_dir, (str, os.PathLike)):
        raise InvalidInputError(f"cache_dir is {cache_dir!r}, not a folder")
    if form == COREML and onnx_file:
        raise InvalidInputError("the CoreML form is made from safetensors, not from an ONNX file")
