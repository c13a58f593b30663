"""What the inputs of dense layers are on calibration texts: how large, and how they go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ortembed.errors import ModelLoadError
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
    """Measure in runs of the float32 graph for padded batches on texts, one at a time.

    A run is made when the first of its measurements is asked for, and those of the run before go then: all together
    they are larger than the model.

    Args:
        graph: Its path.
        texts: Token ids, int64 [tokens] each.
        folder: An existing empty folder, has a run's measurements.

    Returns:
        A function from the name of a dense layer, as the packed form has it, to what its input was; in the order of
        the graph each run is made once.

    Raises:
        ModelLoadError: The graph cannot be read; from the function, it cannot be run, or its values are too large.
    """
    values, widths = _taken_values(FloatGraph(graph))
    np.save(folder / "ids.npy", np.concatenate([np.asarray(text, np.int64) for text in texts]))
    lengths = [len(text) for text in texts]
    files = {value: (folder / f"value_{index}.npz").absolute() for index, value in enumerate(widths)}
    groups = {value: group for group in _groups(widths) for value in group}

    def run(group: Sequence[str]) -> None:
        for file in files.values():
            file.unlink(missing_ok=True)
        paths = {value: str(files[value]) for value in group}
        request = {"graph": str(graph.absolute()), "values": paths, "lengths": lengths}
        run_worker(_WORKER, request, folder, _LIMIT_SECONDS)

    def read(name: str) -> Inputs:
        value = values[name]
        if not files[value].exists():
            run(groups[value])
        with np.load(files[value]) as measured:
            found = Inputs(measured["largest"], measured["products"])
        if not np.isfinite(found.products).all():
            raise ModelLoadError(f"the inputs of {name} are too large to round by; use dtype='float32'")
        return found

    return read


def _taken_values(graph: FloatGraph) -> tuple[dict[str, str], dict[str, int]]:
    """Give the value that each dense layer takes, by the layer's name, and the width of each, by its own."""
    values, widths = {}, {}
    for value, linears in graph.linears().items():
        for linear in linears:
            name = linear.weight.removesuffix(".weight")
            values[name] = value
            values[name.removesuffix("query") + QKV] = value  # where the graph projects it apart
            widths[value] = graph.constants[linear.weight].dims[0]
    return values, widths


def _groups(widths: Mapping[str, int]) -> Iterator[list[str]]:
    """Give values whose products are small enough together."""
    group: list[str] = []
    for value, width in widths.items():
        if group and sum(4 * widths[other] ** 2 for other in group) + 4 * width**2 > _MOST_BYTES:
            yield group
            group = []
        group.append(value)
    yield group
