"""The worker that runs a graph on calibration texts and adds up products of its inner values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.prepare.int8.calibrate_worker import open_graph
from ortembed.prepare.worker import serve

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 1024


def main() -> None:
    """Answer the request of measure_inputs."""
    serve(_answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    texts = np.split(np.load("ids.npy"), np.cumsum(request["lengths"])[:-1])
    paths: dict[str, str] = request["values"]
    run = open_graph(Path(request["graph"]), list(paths))
    measured = [_Measured() for _ in paths]
    for text in texts:
        for value, one in zip(run(text), measured, strict=True):
            one.add(value)
    for path, one in zip(paths.values(), measured, strict=True):
        one.save(Path(path), sum(request["lengths"]))
    return {}


class _Measured:
    """One value's size by channel, and its products."""

    def __init__(self) -> None:
        self._rows: list[Floats] = []
        self._largest: Floats | None = None
        self._products: Floats | None = None

    def add(self, values: Floats) -> None:
        """Take a text's; products of many rows at once take far less time."""
        self._rows.append(values)
        if sum(map(len, self._rows)) >= _ROWS_AT_ONCE:
            self._add_up()

    def _add_up(self) -> None:
        rows = np.concatenate(self._rows)
        self._rows = []
        largest, products = np.abs(rows).max(axis=0), rows.T @ rows
        if self._largest is not None and self._products is not None:
            np.maximum(largest, self._largest, out=largest)
            products += self._products
        self._largest, self._products = largest, products

    def save(self, path: Path, tokens: int) -> None:
        if self._rows:
            self._add_up()
        assert self._largest is not None
        assert self._products is not None
        np.savez(path, largest=self._largest, products=self._products / np.float32(tokens))
