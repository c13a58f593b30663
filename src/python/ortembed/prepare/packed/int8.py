"""Weights as int8: a scale for each column of a dense layer, and for each row of a large embedding table.

A few channels of a layer's input are many times larger than all others, and a row of activations has 255 steps for
all of them. So the largest channels are multiplied in float (Dettmers et al. 2022, LLM.int8(), arXiv:2208.07339),
size moves from the others to the weights that meet them (Xiao et al. 2022, SmoothQuant, arXiv:2211.10438), and the
weights are rounded by what the inputs are. docs/int8.md tells what each brings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ortembed.prepare.int8.rounding import round_rows
from ortembed.prepare.packed.bfloat16 import bfloat16_bits
from ortembed.prepare.packed.gptq import round_columns
from ortembed.prepare.rounded import RoundedLinear, RoundedTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ortembed.prepare.packed.inputs import Inputs
    from ortembed.prepare.parts import Dense
    from ortembed.prepare.rounded import Linears

    Floats = npt.NDArray[np.float32]

_FEWEST_ROWS = 1024  # smaller tables gain little
_SMALL = np.float32(1e-5)


@dataclass(frozen=True)
class Treatment:
    """What is done for a dense layer's input.

    Attributes:
        strength: How much of a channel's size moves to the weights, from 0 to 1; None for no move at all.
        float_channels: How many channels are multiplied in float.
    """

    strength: float | None
    float_channels: int


# Of each of Linears, in its order. What attention gives has no channels that stand out.
TREATMENTS = (Treatment(0.6, 2), Treatment(None, 0), Treatment(0.6, 2), Treatment(None, 2))


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
        pairs = zip(linears, TREATMENTS, strict=True)
        return tuple(_round(dense, self._inputs_of(dense.name), treatment) for dense, treatment in pairs)


def _round(dense: Dense, inputs: Inputs, treatment: Treatment) -> RoundedLinear:
    weight = dense.projection.weight
    kept = np.sort(np.argsort(-inputs.largest, kind="stable")[: treatment.float_channels]).astype(np.int64)
    factors = np.ones(len(weight), np.float32)
    if treatment.strength is not None:
        factors = _factors(inputs, weight, treatment.strength, kept)
    rounded = round_columns(weight / factors[:, None], inputs.times(factors).products, kept)
    factors[kept] = 0
    return RoundedLinear(
        rounded.codes,
        dense.projection.bias,
        rounded.scale,
        None if (factors == 1).all() else factors,
        kept if len(kept) else None,
        rounded.kept if len(kept) else None,
    )


def _factors(inputs: Inputs, weight: Floats, strength: float, kept: npt.NDArray[np.int64]) -> Floats:
    """Balance the channels' largest values with those of the weight's rows; 1 for channels that are kept."""
    channels, rows = np.maximum(inputs.largest, _SMALL), np.maximum(np.abs(weight).max(axis=1), _SMALL)
    logarithms = (1 - strength) * np.log(rows) - strength * np.log(channels)
    logarithms -= np.delete(logarithms, kept).mean()  # of the others the geometric mean is one
    logarithms[kept] = 0
    factors: Floats = np.exp(logarithms).astype(np.float32)
    return factors
