"""What the inputs of dense layers are on calibration texts: how large, and how they go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ortembed.prepare.graph import QKV
from ortembed.prepare.int8.float_graph import FloatGraph
from ortembed.prepare.worker import run_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_WORKER = "ortembed.prepare.packed.inputs_worker"
_LIMIT_SECONDS = 1800.0
_MOST_BYTES = 512 << 20  # of products that are added up in one run of the graph


@dataclass(frozen=True)
class Inputs:
    """What the input of a dense layer was.

    Attributes:
        largest: Size of each channel's largest value, float32 [channels].
        products: Each two channels' product, mean over tokens, float32 [channels, channels].
    """

    largest: Floats
    products: Floats

    def times(self, factors: Floats) -> Inputs:
        """Give what it is after a multiplication of each channel by a positive number."""
        return Inputs(self.largest * factors, self.products * factors * factors[:, None])


def measure_inputs(graph: Path, texts: Sequence[npt.NDArray[np.int64]], folder: Path) -> Callable[[str], Inputs]:
    """Run the float32 graph for padded batches on texts, one at a time.

    Args:
        graph: Its path.
        texts: Token ids, int64 [tokens] each.
        folder: An existing empty folder, gets the measurements, which are then read one by one.

    Returns:
        A function from the name of a dense layer, as the packed form has it, to what its input was.

    Raises:
        ModelLoadError: The graph cannot be run.
    """
    source = FloatGraph(graph)
    values, widths = {}, {}
    for value, linears in source.linears().items():
        for linear in linears:
            name = linear.weight.removesuffix(".weight")
            values[name] = value
            values[name.removesuffix("query") + QKV] = value  # where the graph projects it apart
            widths[value] = source.constants[linear.weight].dims[0]
    np.save(folder / "ids.npy", np.concatenate([np.asarray(text, np.int64) for text in texts]))
    lengths = [len(text) for text in texts]
    files = {value: folder / f"value_{index}.npz" for index, value in enumerate(widths)}
    for group in _groups(widths):
        paths = {value: str(files[value]) for value in group}
        run_worker(
            _WORKER, {"graph": str(graph.absolute()), "values": paths, "lengths": lengths}, folder, _LIMIT_SECONDS
        )

    def read(name: str) -> Inputs:
        with np.load(files[values[name]]) as measured:
            return Inputs(measured["largest"], measured["products"])

    return read


def _groups(widths: Mapping[str, int]) -> Iterator[list[str]]:
    """Give values whose products are small enough together."""
    group: list[str] = []
    for value, width in widths.items():
        if group and sum(4 * widths[other] ** 2 for other in group) + 4 * width**2 > _MOST_BYTES:
            yield group
            group = []
        group.append(value)
    yield group
