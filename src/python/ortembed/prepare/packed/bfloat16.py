"""Weights as bfloat16: the upper half of a float32, to the nearest and of two to the even one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.prepare.rounded import RoundedLinear, RoundedTable

if TYPE_CHECKING:
    import numpy.typing as npt

    from ortembed.prepare.rounded import Linears

    Floats = npt.NDArray[np.float32]

_ROWS_AT_ONCE = 4096  # so that a large table needs little beside itself
_HALF = 0x7FFF  # of what is cut off, less one: an odd neighbour below adds the one


def bfloat16_bits(values: Floats) -> npt.NDArray[np.uint16]:
    """Round finite float32 [rows, ...]; give the bits."""
    bits = np.empty(values.shape, np.uint16)
    for start in range(0, len(values), _ROWS_AT_ONCE):
        whole = np.ascontiguousarray(values[start : start + _ROWS_AT_ONCE]).view(np.uint32)
        bits[start : start + _ROWS_AT_ONCE] = (whole + (_HALF + ((whole >> 16) & 1))) >> 16
    return bits


def bfloat16_floats(bits: npt.NDArray[np.uint16]) -> Floats:
    """Give the values that bits stand for."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


class Bfloat16Rounding:
    """All weights but norms, biases and positions in bfloat16."""

    def table(self, table: Floats) -> RoundedTable:
        """Round an embedding table."""
        return RoundedTable(bfloat16_bits(table))

    def linears(self, linears: Linears) -> tuple[RoundedLinear, ...]:
        """Round the dense layers of one layer."""
        projections = (dense.projection for dense in linears)
        return tuple(RoundedLinear(bfloat16_bits(part.weight), part.bias) for part in projections)
