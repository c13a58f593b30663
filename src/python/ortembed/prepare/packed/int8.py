"""Weights as int8: a scale for each column of a dense layer, and for each row of a large embedding table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.prepare.int8.rounding import round_rows
from ortembed.prepare.packed.bfloat16 import bfloat16_bits
from ortembed.prepare.rounded import RoundedLinear, RoundedTable

if TYPE_CHECKING:
    import numpy.typing as npt

    from ortembed.prepare.parts import Projection
    from ortembed.prepare.rounded import Linears

    Floats = npt.NDArray[np.float32]

_FEWEST_ROWS = 1024  # smaller tables gain little


class Int8Rounding:
    """Every dense layer in int8."""

    def table(self, table: Floats) -> RoundedTable:
        """Round an embedding table."""
        if len(table) < _FEWEST_ROWS:
            return RoundedTable(bfloat16_bits(table))
        rows, scale = round_rows(table)
        return RoundedTable(rows, scale[:, 0])

    def linears(self, _name: str, linears: Linears) -> tuple[RoundedLinear, ...]:
        """Round the dense layers of one layer."""
        return tuple(map(to_int8, linears))


def to_int8(projection: Projection) -> RoundedLinear:
    """Round one dense layer column by column."""
    codes, scale = round_rows(projection.weight.T)
    return RoundedLinear(np.ascontiguousarray(codes.T), projection.bias, scale[:, 0])
