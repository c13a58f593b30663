"""How the weights of the packed form are made small: bfloat16, and int8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.prepare.forms import BFLOAT16
from ortembed.prepare.packed.bfloat16 import Bfloat16Rounding
from ortembed.prepare.packed.inputs import measure_inputs
from ortembed.prepare.packed.int8 import Int8Rounding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from ortembed.prepare.rounded import Rounding


def choose_rounding(dtype: str, graph: Path, texts: Sequence[npt.NDArray[np.int64]], folder: Path) -> Rounding:
    """Give the rounding of a dtype: bfloat16, or int8 by what measure_inputs sees with the other arguments."""
    return Bfloat16Rounding() if dtype == BFLOAT16 else Int8Rounding(measure_inputs(graph, texts, folder))
