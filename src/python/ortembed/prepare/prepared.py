"""From a model's name to a prepared model: found in the cache, or made from the model's own files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ortembed import _native
from ortembed.errors import ModelLoadError, ModelNotFoundError
from ortembed.instructions import instruction_set
from ortembed.manifest import named_sha256, verify
from ortembed.prepare.build import EXPORTER_VERSION, build_float, build_int8, build_packed
from ortembed.prepare.forms import COREML, FLOAT32, PACKED, PADDED
from ortembed.prepare.request import Request, checked_request
from ortembed.prepare.store import Store
from ortembed.prepared_model import SAFETENSORS, Facts, PreparedModel
from ortembed.providers import CPU
from ortembed.runtime_library import find_runtime_library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


def prepare(
    name: str,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    dtype: str = FLOAT32,
    form: str | None = None,
    provider: str = CPU,
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
        dtype: "float32"; "bfloat16": weights and products of half the bits; "int8": weights and activations of the
            matrix products quantized. Both are checked against float32 on built-in texts.
        form: "cpu": the runtime's operators over padded batches; "packed": ortembed's own over packed texts, for
            bfloat16 and int8; "coreml": without the embedding tables in the graph, of operators that CoreML has, for
            float32. By default the best for the dtype, the provider, the model and this CPU: forms.choose_form.
        provider: ONNX Runtime's name of what will run it.
        onnx_file: Path in the model's repository of an ONNX file to use, whatever other weights there are.
        probe_texts: Texts of the caller's that a bfloat16 or int8 model is checked on beside the built-in ones.
        report: Called with each step's name as it begins.

    Raises:
        ModelNotFoundError, ModelLoadError, IntegrityError, ProviderUnavailableError: As their names say; messages
            tell the next step.
        InvalidInputError: An argument is not one of those that there are, or does not go with another.
    """
    request = checked_request(
        name,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
        dtype=dtype,
        form=form,
        provider=provider,
        onnx_file=onnx_file,
        probe_texts=probe_texts,
        report=report,
    )
    return _prepare(request.in_its_form())


def find_prepared(
    name: str,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    dtype: str = FLOAT32,
    form: str | None = None,
    onnx_file: str | None = None,
) -> PreparedModel | None:
    """Give a model that prepare has prepared, or None; see there. Neither network nor cache is touched otherwise."""
    request = checked_request(
        name,
        revision=revision,
        cache_dir=cache_dir,
        local_files_only=True,
        dtype=dtype,
        form=form,
        provider=CPU,
        onnx_file=onnx_file,
        probe_texts=(),
        report=None,
    )
    try:
        request = request.in_its_form()
        folder = request.store.find(request.key(request.find_sources()))
    except ModelNotFoundError:
        return None
    return request.read(folder) if folder else None


def check_entry(prepared: PreparedModel) -> None:
    """Compare every byte of a prepared model with what was written.

    Raises:
        ModelLoadError: It is damaged; the message names the file.
    """
    if damage := Store.of(prepared.folder).verify(prepared.folder.name):
        raise ModelLoadError(f"the prepared model in {prepared.folder} is damaged ({damage}); delete the folder")


def _prepare(request: Request) -> PreparedModel:
    known = request.known_sources
    if known and (folder := request.store.find(request.key(known))):
        return request.read(folder)
    return _prepare_float(request) if request.dtype == FLOAT32 else _prepare_rounded(request)


def _prepare_float(request: Request) -> PreparedModel:
    request.report("finding the model's files")
    request = replace(request, files=request.find_files())
    files = request.find_files()
    graph = next((name for name in files if name.endswith(".onnx")), None)
    if graph and request.form == COREML:
        raise ModelLoadError(f"the CoreML form is made from safetensors, and the model has only {graph}")
    sources = request.find_sources()
    facts = _facts(request, sources, graph or SAFETENSORS)

    def build(folder: Path) -> None:
        _verify(request)
        build_float(files, folder, facts, request.report)

    needed = sum(path.stat().st_size for path in files.values())
    return request.read(request.store.get_or_build(request.key(sources), build, bytes_needed=needed))


def _prepare_rounded(request: Request) -> PreparedModel:
    """Make a model of fewer bits from the float32 one, and the packed form from the model's own weights."""
    original = _prepare(replace(request, dtype=FLOAT32, form=PADDED))
    instructions = instruction_set() if request.form == PACKED else ""
    facts = replace(original.facts, dtype=request.dtype, form=str(request.form), instructions=instructions)

    def build(folder: Path) -> None:
        if request.form != PACKED:
            build_int8(original, folder, facts, request.probe_texts, request.report)
            return
        files = request.find_files()
        _verify(request)
        build_packed(original, files, folder, facts, request.probe_texts, request.report)

    key = request.key(facts.sources)
    return request.read(request.store.get_or_build(key, build, bytes_needed=original.size()))


def _verify(request: Request) -> None:
    """Compare files that are named by their sha256 with it, where nothing has compared them yet."""
    for path in () if request.known_sources else request.find_files().values():
        if expected := named_sha256(path):
            verify(path, expected)


def _facts(request: Request, sources: Mapping[str, str], origin: str) -> Facts:
    return Facts(
        dtype=request.dtype,
        form=str(request.form),
        origin=origin,
        remark="",
        exporter_version=EXPORTER_VERSION,
        runtime_version=_native.runtime_version(find_runtime_library()),
        sources=sources,
    )
