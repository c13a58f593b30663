"""Vectors as JSON's lists of decimals that read back as the same float32 values."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]


def decimals(row: Floats) -> bytes:
    """Write a vector [n], float32 or float16, as a list of JSON.

    Nine digits tell every float32 from its neighbours, and take half the space of a float64's. One format for all
    numbers is three times as fast as json.
    """
    return _format(len(row)) % tuple(row.tolist())


@lru_cache(8)
def _format(size: int) -> bytes:
    return b"[" + b", ".join([b"%.9g"] * size) + b"]"
