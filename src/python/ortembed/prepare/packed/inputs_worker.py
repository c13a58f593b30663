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
        self._sums: tuple[Floats, Floats] | None = None

    def add(self, values: Floats) -> None:
        """Take a text's; the products of many rows at once take far less time."""
        self._rows.append(values)
        if sum(map(len, self._rows)) >= _ROWS_AT_ONCE:
            self._sums = self._total()

    def _total(self) -> tuple[Floats, Floats]:
        rows, self._rows = np.concatenate(self._rows), []
        largest, products = np.abs(rows).max(axis=0), rows.T @ rows
        if self._sums is None:
            return largest, products
        return np.maximum(largest, self._sums[0], out=largest), np.add(products, self._sums[1], out=products)

    def save(self, path: Path, tokens: int) -> None:
        """Write the largest sizes and the mean products."""
        largest, products = self._total() if self._rows or self._sums is None else self._sums
        np.savez(path, largest=largest, products=products / np.float32(tokens))
