"""Reading an ONNX graph with weights that lie in other files, and writing it as this package keeps graphs."""

from __future__ import annotations

import math
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper

from ortembed.model_files import tensors_of
from ortembed.prepare.graph import EXTERNAL_FROM_BYTES, GRAPH_NAME, WEIGHTS_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSIDE_TO_BYTES = 1_900_000_000  # protobuf's limit is 2 GiB for the whole file


def load_graph(path: Path, external: Mapping[str, str]) -> onnx.ModelProto:
    """Read a graph with all its weights into memory.

    Args:
        path: The graph.
        external: Where files of weights lie, by the name that the graph has for them; a name that is not there is
            looked for beside the graph, where it must stay.

    Raises:
        OSError, ValueError, DecodeError: A file cannot be read, is not ONNX, or does not hold what the graph says.
    """
    model = onnx.load(path, load_external_data=False)
    if not model.graph.node:
        raise ValueError("it has no nodes")
    for tensor in tensors_of(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            _read_external(tensor, path.parent, external)
    return model


def save_graph(model: onnx.ModelProto, folder: Path) -> None:
    """Write model.onnx, and its large weights to model.onnx.data."""
    (folder / WEIGHTS_NAME).unlink(missing_ok=True)  # onnx would append to it
    onnx.save_model(
        model,
        folder / GRAPH_NAME,
        save_as_external_data=True,
        location=WEIGHTS_NAME,
        size_threshold=EXTERNAL_FROM_BYTES,
    )
    if (folder / WEIGHTS_NAME).exists():  # onnx makes it readable for the owner alone
        shutil.copymode(folder / GRAPH_NAME, folder / WEIGHTS_NAME)


def take_weights_in(folder: Path) -> None:
    """Put a graph's weights into model.onnx itself, unless they are more than such a file can hold.

    CoreML's provider could not read weights that lie in another file before 2026 (onnxruntime#28005, #28702).
    """
    weights = folder / WEIGHTS_NAME
    if weights.stat().st_size > _INSIDE_TO_BYTES:
        return
    model = load_graph(folder / GRAPH_NAME, {})
    (folder / GRAPH_NAME).write_bytes(model.SerializeToString())
    weights.unlink()


def _read_external(tensor: TensorProto, beside: Path, external: Mapping[str, str]) -> None:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    offset = int(entries.get("offset", 0))
    size = int(entries["length"]) if "length" in entries else _bytes_of(tensor)
    if min(offset, size) < 0:
        raise ValueError(f"tensor {tensor.name} lies at {entries}")
    path = Path(external[location]) if location in external else beside / _inside(location)
    with path.open("rb") as file:
        file.seek(offset)
        tensor.raw_data = file.read(size)
    if len(tensor.raw_data) != size:
        raise ValueError(f"{path} ends before the {size} bytes of tensor {tensor.name} at {offset}")
    del tensor.external_data[:]
    tensor.data_location = TensorProto.DEFAULT


def _inside(location: str) -> str:
    path = PurePosixPath(location.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in location:
        raise ValueError(f"it names a file of weights that is not beside it: {location!r}")
    return str(path)


def _bytes_of(tensor: TensorProto) -> int:
    item: int = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    return int(math.prod(tensor.dims)) * item
