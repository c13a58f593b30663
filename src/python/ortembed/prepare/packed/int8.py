"""Weights as int8: a scale for each column of a dense layer, and for each row of a large embedding table.

A few channels of a layer's input are many times larger than all others, and the rows of activations share eight bits
among all. So size moves from the channels to the weights that meet them (Xiao et al. 2022, SmoothQuant,
arXiv:2211.10438), and the weights are rounded by what the inputs are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.prepare.int8.rounding import round_rows
from ortembed.prepare.packed.bfloat16 import bfloat16_bits
from ortembed.prepare.packed.gptq import round_columns
from ortembed.prepare.rounded import Linears, RoundedLinear, RoundedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ortembed.prepare.packed.inputs import Inputs
    from ortembed.prepare.parts import Dense

    Floats = npt.NDArray[np.float32]

_FEWEST_ROWS = 1024  # smaller tables gain little
_SMALL = np.float32(1e-5)
# How much of a channel's size moves to the weights, of each of Linears; None where nothing is gained.
_STRENGTHS = (0.6, 0.4, 0.6, None)


class Int8Rounding:
    """Every dense layer in int8."""

    def __init__(self, inputs_of: Callable[[str], Inputs]) -> None:
        """Round by what the inputs of dense layers are, by their names."""
        self._inputs_of = inputs_of

    def table(self, table: Floats) -> RoundedTable:
        """Round an embedding table."""
        if len(table) < _FEWEST_ROWS:
            return RoundedTable(bfloat16_bits(table))
        rows, scale = round_rows(table)
        return RoundedTable(rows, scale[:, 0])

    def linears(self, linears: Linears) -> tuple[RoundedLinear, ...]:
        """Round the dense layers of one layer."""
        pairs = zip(linears, _STRENGTHS, strict=True)
        return tuple(_round(dense, self._inputs_of(dense.name), strength) for dense, strength in pairs)


def _round(dense: Dense, inputs: Inputs, strength: float | None) -> RoundedLinear:
    weight, bias = dense.projection.weight, dense.projection.bias
    factors = None
    if strength is not None:
        factors = _factors(inputs, weight, strength)
        weight, inputs = weight / factors[:, None], inputs.times(factors)
    codes, scale = round_columns(weight, inputs.products)
    return RoundedLinear(codes, bias, scale, factors)


def _factors(inputs: Inputs, weight: Floats, strength: float) -> Floats:
    """Balance the channels' largest values with those of the weight's rows; the geometric mean is one."""
    channels, rows = np.maximum(inputs.largest, _SMALL), np.maximum(np.abs(weight).max(axis=1), _SMALL)
    logarithms = (1 - strength) * np.log(rows) - strength * np.log(channels)
    factors: Floats = np.exp(logarithms - logarithms.mean()).astype(np.float32)
    return factors
