"""Which files a model consists of: found one by one in a source, with every name that comes from a file checked."""

from __future__ import annotations

import mmap
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ortembed.config import MODEL_CONFIG, OPTIONAL_FILES, SENTENCE_CONFIG_NAMES
from ortembed.errors import ModelLoadError
from ortembed.json_files import read_json
from ortembed.modules import MODULES, module_files, transformer_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ortembed.sources import Source

    # Of a parsed config.json: None when a graph can be made from safetensors, else why not.
    ExporterRefusal = Callable[[Any], str | None]

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
GRAPHS = ("onnx/model.onnx", "model.onnx")

_SHARD = re.compile(r"[\w-][\w.-]*\.safetensors", re.ASCII)
_MAX_JSON_BYTES = 64 << 20
_MAX_TOKENIZER_BYTES = 512 << 20  # of some multilingual models it has tens of megabytes


def collect(
    source: Source, model: str, *, onnx_file: str | None, exporter_refusal: ExporterRefusal
) -> dict[str, Path]:
    """Give the local paths of a model's files, by their names relative to its Transformer module.

    Raises:
        ModelLoadError: A file that every model needs is missing, or one names a file outside the model.
        ModelNotFoundError: The source cannot be asked.
    """
    source, modules = _find_modules(source, model)
    collector = _Collector(source, model, transformer_folder(modules) if modules is not None else "")
    if modules is not None:
        collector.require(MODULES, at_top=True)
        for name in module_files(modules):
            collector.add(name, at_top=True)
    collector.add(MODEL_CONFIG, at_top=True)
    for name in (CONFIG, TOKENIZER):
        collector.require(name)
    any(collector.add(name) for name in SENTENCE_CONFIG_NAMES)  # the first that there is
    for name in OPTIONAL_FILES:
        collector.add(name)
    collector.add_weights(onnx_file, exporter_refusal)
    return collector.files


def _find_modules(source: Source, model: str) -> tuple[Source, Any]:
    """Give the source at one commit, and the parsed modules.json, None when there is none."""
    path = source.get(MODULES)
    if path is None:
        config = source.get(CONFIG)
        if config is None:
            raise ModelLoadError(f"model {model!r} has no {CONFIG} in {source}")
        source = source.at_commit_of(config)
        path = source.get(MODULES)  # asked anew only if the branch has moved since
    else:
        source = source.at_commit_of(path)
    return source, None if path is None else read_json(_checked_size(path, MODULES))


class _Collector:
    def __init__(self, source: Source, model: str, folder: str) -> None:
        self.files: dict[str, Path] = {}
        self._source = source
        self._model = model
        self._folder = folder

    def add(self, name: str, *, at_top: bool = False) -> bool:
        """Look for a file in the Transformer module's folder, or at the top; tell whether it is there."""
        path = self._source.get(name if at_top else str(PurePosixPath(self._folder, name)))
        if path is not None:
            self.files[name] = _checked_size(path, name)
        return path is not None

    def require(self, name: str, *, at_top: bool = False, because: str = "") -> None:
        if not self.add(name, at_top=at_top):
            raise ModelLoadError(f"model {self._model!r} has no {name} in {self._source}{because}")

    def add_weights(self, onnx_file: str | None, exporter_refusal: ExporterRefusal) -> None:
        if onnx_file is not None:
            name = inside(onnx_file, "onnx_file")
            self.require(name, at_top=True, because=", the ONNX file that was asked for")
            self._add_external_data(name, at_top=True)
            return
        refusal = exporter_refusal(read_json(self.files[CONFIG]))
        if refusal is None and self._add_safetensors():
            return
        for name in GRAPHS:
            for at_top in dict.fromkeys((not self._folder, True)):
                if self.add(name, at_top=at_top):
                    self._add_external_data(name, at_top=at_top)
                    return
        looked_for = GRAPHS if refusal else (WEIGHTS, WEIGHTS_INDEX, *GRAPHS)
        reason = f"; from safetensors it cannot be made: {refusal}" if refusal else ""
        raise ModelLoadError(f"model {self._model!r} has no {' and no '.join(looked_for)} in {self._source}{reason}")

    def _add_safetensors(self) -> bool:
        if self.add(WEIGHTS):
            return True
        if not self.add(WEIGHTS_INDEX):
            return False
        for name in _shards(self.files[WEIGHTS_INDEX]):
            self.require(name, because=f", which {WEIGHTS_INDEX} names")
        return True

    def _add_external_data(self, graph: str, *, at_top: bool) -> None:
        for data in external_data(self.files[graph]):
            origin = f"{self.files[graph]}: tensor {data.tensor!r}"
            name = str(PurePosixPath(graph).parent / inside(data.location, origin))
            if name not in self.files:
                self.require(name, at_top=at_top, because=f", where {graph} has tensor {data.tensor!r}")
            size = self.files[name].stat().st_size
            if not 0 <= data.start <= data.end <= size:
                raise ModelLoadError(
                    f"{origin} lies in bytes {data.start} to {data.end} of {self.files[name]}, which has {size}"
                )


def inside(name: str, origin: str) -> str:
    """Give a relative path in normal form; ModelLoadError when it would lead out of the model's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or re.search(r"[\\:\x00-\x1f]", name):
        raise ModelLoadError(f"{origin} names {name!r}, which is outside the model")
    return str(path)


def _checked_size(path: Path, name: str) -> Path:
    """Refuse a JSON file that is too large to be what its name says, before anything reads it."""
    if name.endswith(".json"):
        limit = _MAX_TOKENIZER_BYTES if name == TOKENIZER else _MAX_JSON_BYTES
        if (size := path.stat().st_size) > limit:
            raise ModelLoadError(f"{path} has {size} bytes; more than {limit} are not read")
    return path


def _shards(index: Path) -> list[str]:
    """Give the names of the files that an index spreads the weights over."""
    content = read_json(index)
    placed = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(placed, dict) or not placed:
        raise ModelLoadError(f"{index} has no weight_map that gives each tensor's file")
    for tensor, name in placed.items():
        if not isinstance(name, str) or not _SHARD.fullmatch(name):
            raise ModelLoadError(f"{index} puts tensor {tensor!r} in {name!r}, not a safetensors file beside it")
    return sorted(set(placed.values()))


@dataclass(frozen=True)
class ExternalData:
    """Where a tensor of an ONNX file lies."""

    tensor: str
    location: str  # relative to the ONNX file
    start: int
    end: int  # the start where the length is not told


def external_data(graph: Path) -> list[ExternalData]:
    """Give where each tensor of an ONNX file lies that is not in the file itself.

    A file that onnx cannot read has none: the runtime that is to load it says what is wrong with it.

    Raises:
        ModelLoadError: A place is not of the form that ONNX lays down.
    """
    with graph.open("rb") as file:
        if not graph.stat().st_size:
            return []
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(b"location") < 0:  # spares most models the import of onnx and the parsing
                return []
    import onnx  # noqa: PLC0415

    try:
        model = onnx.load(graph, load_external_data=False)
    except Exception:  # noqa: BLE001 - protobuf's, which onnx does not name
        return []
    external = onnx.TensorProto.EXTERNAL
    return [_place(tensor, graph) for tensor in tensors_of(model) if tensor.data_location == external]


def _place(tensor: Any, graph: Path) -> ExternalData:  # noqa: ANN401 - a TensorProto
    entries = {entry.key: entry.value for entry in tensor.external_data}
    try:
        start = int(entries.get("offset", 0))
        return ExternalData(tensor.name, entries["location"], start, start + int(entries.get("length", 0)))
    except (KeyError, ValueError) as error:
        raise ModelLoadError(f"{graph}: tensor {tensor.name!r} has external data without a place: {error}") from error


def tensors_of(message: Any) -> Iterator[Any]:  # noqa: ANN401 - any protobuf message of onnx
    """Give every tensor in a model: of its graph, of graphs and constants in attributes, of its functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in (value,) if hasattr(value, "ListFields") else value:
                yield from tensors_of(each)
