"""The arithmetic of eight bits: scales, zero points and rounding of activations, weights and embedding rows.

Activations are uint8 with one scale a tensor, weights int8 with one scale an output column, which is the pair that
the runtime's kernels are fastest for. Without VNNI instructions these kernels add two products in sixteen bits and
saturate (vpmaddubsw); columns of weights that could saturate get a slightly coarser scale, so that the result is the
exact one on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_HIGHEST_CODE = 255
_LARGEST_WEIGHT = 127
_SATURATION = 2**15 - 1
_MARGIN = 0.25  # by which a channel may exceed its calibrated range before sums of two could saturate
_LEAST_STEP = np.float32(1.01)  # of a scale that is too fine, since rounding may hide a smaller one
_TINY = np.float32(1e-12)  # in place of the scale of what is all zero


@dataclass(frozen=True)
class ActivationScale:
    """A real value is scale * (code - zero)."""

    scale: np.float32
    zero: int

    @classmethod
    def covering(cls, lowest: float, highest: float) -> ActivationScale:
        """Give the scale whose codes cover a range, and zero, which padding and cut values are."""
        low, high = min(lowest, 0.0), max(highest, 0.0)
        scale = np.maximum(np.float32((high - low) / _HIGHEST_CODE), _TINY)
        return cls(scale, int(np.clip(round(-low / scale), 0, _HIGHEST_CODE)))

    def codes(self, values: Floats) -> Floats:
        """Quantize as QuantizeLinear does: float32, whole numbers of 0 to 255."""
        codes: Floats = np.clip(np.rint(values / self.scale) + np.float32(self.zero), 0, _HIGHEST_CODE)
        return codes

    def rounded(self, values: Floats) -> Floats:
        """Give what is left of values."""
        real: Floats = (self.codes(values) - np.float32(self.zero)) * self.scale
        return real


@dataclass(frozen=True)
class RoundedWeight:
    """int8 [inputs, outputs] and float32 [outputs]; a real weight is the product."""

    values: npt.NDArray[np.int8]
    scales: Floats

    def real(self) -> Floats:
        """Give the weights that remain: float32 [inputs, outputs]."""
        return self.values * self.scales


def round_weight(weight: Floats, activation: ActivationScale, lowest: Floats, highest: Floats) -> RoundedWeight:
    """Round float32 [inputs, outputs] column by column, such that no sum of two products leaves sixteen bits.

    Args:
        weight: What to round.
        activation: How the inputs are quantized.
        lowest: The least value that each input takes, [inputs].
        highest: The largest.
    """
    codes = _codes_with_margin(activation, lowest, highest)
    scales = np.maximum(np.abs(weight).max(axis=0) / np.float32(_LARGEST_WEIGHT), _TINY)
    while ((excess := _largest_pair(_codes(weight, scales), *codes) / np.float32(_SATURATION)) > 1).any():
        scales *= np.where(excess > 1, np.maximum(excess, _LEAST_STEP), 1)
    return RoundedWeight(_codes(weight, scales).astype(np.int8), scales)


def round_rows(table: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Round an embedding table row by row: int8 [rows, width], and scales, float32 [rows, 1]."""
    scales = np.maximum(np.abs(table).max(axis=1, keepdims=True) / np.float32(_LARGEST_WEIGHT), _TINY)
    return np.rint(table / scales).astype(np.int8), scales


def _codes(weight: Floats, scales: Floats) -> Floats:
    codes: Floats = np.clip(np.rint(weight / scales), -_LARGEST_WEIGHT, _LARGEST_WEIGHT)
    return codes


def _codes_with_margin(activation: ActivationScale, lowest: Floats, highest: Floats) -> tuple[Floats, Floats]:
    stretch = np.float32(1 + _MARGIN)
    return (
        activation.codes(np.minimum(lowest, 0) * stretch),
        activation.codes(np.maximum(highest, 0) * stretch),
    )


def _largest_pair(weight: Floats, lowest: Floats, highest: Floats) -> Floats:
    """Give each column's largest size of a sum of two neighbours' products, where it is too large, else zero."""
    even = len(weight) // 2 * 2
    sizes = np.abs(weight[:even]).astype(np.int16)
    pairs, columns = np.nonzero(sizes[0::2] + sizes[1::2] > _SATURATION // _HIGHEST_CODE)  # no others can be
    above, below = np.zeros(len(pairs), np.float32), np.zeros(len(pairs), np.float32)
    for inputs in (2 * pairs, 2 * pairs + 1):
        values = weight[inputs, columns]
        at_lowest, at_highest = values * lowest[inputs], values * highest[inputs]
        above += np.maximum(at_lowest, at_highest)
        below += np.minimum(at_lowest, at_highest)
    largest = np.zeros(weight.shape[1], np.float32)
    np.maximum.at(largest, columns, np.maximum(above, -below))
    return largest
