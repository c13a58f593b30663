"""What a graph's inner values are on calibration texts, measured by running it in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.prepare.int8.smooth import Statistics
from ortembed.prepare.worker import run_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

_WORKER = "ortembed.prepare.int8.calibrate_worker"
_LIMIT_SECONDS = 1800.0


def calibrate(
    graph: Path, values: Sequence[str], texts: Sequence[npt.NDArray[np.int64]], folder: Path
) -> Callable[[str], Statistics]:
    """Run a float32 graph on texts, one at a time.

    Args:
        graph: Its path; takes input_ids and attention_mask, and perhaps token_type_ids.
        values: Names of the float32 values in it, [batch, sequence, channels], to look at.
        texts: Token ids, int64 [tokens] each.
        folder: An existing empty folder, gets the measurements, which are then read one by one.

    Raises:
        ModelLoadError: The graph cannot be run.
    """
    np.save(folder / "ids.npy", np.concatenate([np.asarray(text, np.int64) for text in texts]))
    lengths = [len(text) for text in texts]
    request = {"graph": str(graph.absolute()), "values": list(values), "lengths": lengths}
    run_worker(_WORKER, request, folder, _LIMIT_SECONDS)
    files = {name: folder / f"value_{index}.npz" for index, name in enumerate(values)}

    def read(name: str) -> Statistics:
        with np.load(files[name]) as measured:
            return Statistics(measured["lowest"], measured["highest"], measured["rows"])

    return read
