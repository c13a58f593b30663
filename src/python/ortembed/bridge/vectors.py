"""Vectors as JSON: decimals that read back as the same float32 values, or base64 of their bytes."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING

import numpy as np

from ortembed.bridge.frame import Json
from ortembed.decimals import decimals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


def to_decimals(rows: Floats) -> Json:
    """Write float32 [n, d] as a list of lists of numbers."""
    return Json(b"[" + b", ".join(map(decimals, rows)) + b"]")


def to_base64(rows: Floats) -> list[str]:
    """Write each row of float32 [n, d] as base64 of its little-endian bytes."""
    return [b2a_base64(row, newline=False).decode("ascii") for row in rows.astype("<f4", copy=False)]


def from_base64(rows: Sequence[str], dimension: int) -> Floats:
    """Read what to_base64 wrote: float32 [n, dimension]; ValueError where it is something else."""
    data = b"".join(map(a2b_base64, rows))
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(len(rows), dimension)
