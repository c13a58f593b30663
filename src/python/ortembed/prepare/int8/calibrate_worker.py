"""The worker that runs a graph on calibration texts and keeps ranges and samples of its inner values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from ortembed.prepare.worker import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_KEPT_ROWS = 128  # of each value, spread over the texts at random


def main() -> None:
    """Answer the request of calibrate."""
    serve(_answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    texts = np.split(np.load("ids.npy"), np.cumsum(request["lengths"])[:-1])
    names: list[str] = request["values"]
    run = open_graph(Path(request["graph"]), names)
    share = _KEPT_ROWS / sum(request["lengths"])
    random = np.random.default_rng(0)
    measured = [_Measured() for _ in names]
    for text in texts:
        kept = random.random(len(text)) < share
        for value, one in zip(run(text), measured, strict=True):
            one.add(value, kept)
    for index, one in enumerate(measured):
        one.save(Path(f"value_{index}.npz"))
    return {}


def open_graph(graph: Path, names: Sequence[str]) -> Callable[[npt.NDArray[np.int64]], list[Floats]]:
    """Open a graph; give a function from a text's ids to these values in it, [tokens, channels] each."""
    session = _session(graph, names)
    inputs = {value.name for value in session.get_inputs()}

    def run(text: npt.NDArray[np.int64]) -> list[Floats]:
        ids = text[None]
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        found = session.run(names, {name: value for name, value in feed.items() if name in inputs})
        return [value.reshape(-1, value.shape[-1]) for value in found]

    return run


def _session(graph: Path, names: Sequence[str]) -> Any:  # noqa: ANN401 - the package has no types
    """Open the graph with more outputs; its weights stay where they are."""
    import onnxruntime  # noqa: PLC0415

    model = onnx.load(graph, load_external_data=False)
    outputs = {value.name for value in model.graph.output}
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names if name not in outputs)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(graph.parent))
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class _Measured:
    """One value's range by channel, and the rows that are kept."""

    def __init__(self) -> None:
        self._lowest = self._highest = np.zeros(1, np.float32)  # zero always is in the range
        self._rows: list[Floats] = []

    def add(self, values: Floats, kept: npt.NDArray[np.bool_]) -> None:
        self._lowest = np.minimum(self._lowest, values.min(axis=0))
        self._highest = np.maximum(self._highest, values.max(axis=0))
        self._rows.append(values[kept])

    def save(self, path: Path) -> None:
        np.savez(path, lowest=self._lowest, highest=self._highest, rows=np.concatenate(self._rows))
