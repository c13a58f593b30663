"""How the input of a group of linear layers is made fit for eight bits, decided by measuring.

A few channels of a transformer's activations are many times larger than all others. Three remedies: moving size from
a channel to the weights' row that meets it (Xiao et al. 2022, SmoothQuant, arXiv:2211.10438), multiplying the few
largest channels in float (Dettmers et al. 2022, LLM.int8(), arXiv:2208.07339), and leaving the layers in float.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ortembed.prepare.int8.rounding import ActivationScale, round_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_STRENGTH = 0.5  # how much of a channel's size moves to the weights
_OUTLIER = 2.0  # times the largest value of the channel that comes after the most outliers there may be
_MOST_OUTLIERS = 16
_WORTH_ONE_OPERATOR = 0.75  # of the error without it
_WORTH_THREE_OPERATORS = 0.6
_LARGEST_ERROR = 0.3  # of a layer's output; beyond it the layers stay float
_SMALL = 1e-5
_NO_CHANNELS = np.empty(0, np.int64)


@dataclass(frozen=True)
class Statistics:
    """What a group's input was on the calibration texts.

    Attributes:
        lowest: Each channel's least value, float32 [channels].
        highest: Each channel's largest value.
        rows: Some tokens' values, float32 [tokens, channels].
    """

    lowest: Floats
    highest: Floats
    rows: Floats

    def largest(self) -> Floats:
        """Give the size of each channel's largest value."""
        return np.maximum(self.highest, -self.lowest)

    def divided(self, factors: Floats) -> Statistics:
        """Give the statistics after a division of each channel."""
        return Statistics(self.lowest / factors, self.highest / factors, self.rows / factors)

    def without(self, channels: npt.NDArray[np.int64]) -> Statistics:
        """Give the statistics with some channels at zero."""
        kept = np.ones(len(self.lowest), np.float32)
        kept[channels] = 0
        return Statistics(self.lowest * kept, self.highest * kept, self.rows * kept)


@dataclass(frozen=True)
class Treatment:
    """A decision.

    Attributes:
        factors: The input's channels are divided by these, and the weights' rows multiplied; None for all ones.
        outliers: Channels that are multiplied in float.
        scale: How the input is quantized, after all that.
        error: Root mean square over tokens of the output's error, relative to the output's spread.
    """

    factors: Floats | None
    outliers: npt.NDArray[np.int64]
    scale: ActivationScale
    error: float

    def prepare(self, statistics: Statistics, weight: Floats) -> tuple[Statistics, Floats]:
        """Give the input's statistics and a weight as they are quantized."""
        if self.factors is not None:
            statistics, weight = statistics.divided(self.factors), weight * self.factors[:, None]
        if len(self.outliers):
            statistics, weight = statistics.without(self.outliers), weight.copy()
            weight[self.outliers] = 0
        return statistics, weight


def choose(
    statistics: Statistics, weights: Sequence[Floats], *, free: bool, outliers_allowed: bool
) -> Treatment | None:
    """Decide on the treatment with the least error, where a remedy that costs an operator has to be worth it.

    Args:
        statistics: Of the input.
        weights: Of the layers that share it, float32 [inputs, outputs] each.
        free: Whether factors can be moved into the weights before the input, so that they cost nothing.
        outliers_allowed: Whether channels can be multiplied in float.

    Returns:
        None when the layers are to stay float.
    """
    measure = _Measure(statistics, weights)
    best = measure(None, _NO_CHANNELS)
    smooth = measure(_factors(statistics, weights), _NO_CHANNELS)
    if smooth.error < best.error * (1 if free else _WORTH_ONE_OPERATOR):
        best = smooth
    outliers = _outliers(statistics) if outliers_allowed else _NO_CHANNELS
    if len(outliers):
        split = measure(None, outliers)
        if split.error < best.error * _WORTH_THREE_OPERATORS:
            best = split
    return best if best.error <= _LARGEST_ERROR else None


def _factors(statistics: Statistics, weights: Sequence[Floats]) -> Floats:
    """Balance the channels' largest values with those of the weights' rows; the geometric mean is one."""
    inputs = np.maximum(statistics.largest(), _SMALL)
    rows = np.maximum(np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0), _SMALL)
    logarithms = _STRENGTH * np.log(inputs) - (1 - _STRENGTH) * np.log(rows)
    factors: Floats = np.exp(logarithms - logarithms.mean()).astype(np.float32)
    return factors


def _outliers(statistics: Statistics) -> npt.NDArray[np.int64]:
    largest = statistics.largest()
    order = np.argsort(-largest).astype(np.int64)
    if len(order) <= _MOST_OUTLIERS:
        return _NO_CHANNELS
    outliers: npt.NDArray[np.int64] = order[largest[order] > _OUTLIER * largest[order[_MOST_OUTLIERS]]]
    return outliers


class _Measure:
    """Tries treatments on the kept rows, against what the layers give in float."""

    def __init__(self, statistics: Statistics, weights: Sequence[Floats]) -> None:
        self._statistics = statistics
        self._weights = weights
        self._expected = [statistics.rows @ weight for weight in weights]
        # Of each row of an output, from the median row.
        self._spreads = [((e - np.median(e, axis=0)) ** 2).sum(axis=1) for e in self._expected]

    def __call__(self, factors: Floats | None, outliers: npt.NDArray[np.int64]) -> Treatment:
        treatment = Treatment(factors, outliers, ActivationScale.covering(0, 0), 0)
        after, _ = treatment.prepare(self._statistics, self._weights[0])
        scale = ActivationScale.covering(float(after.lowest.min()), float(after.highest.max()))
        inputs = scale.rounded(after.rows)
        errors = [
            self._error(treatment, weight, expected, scale, inputs) / np.maximum(spread, _SMALL)
            for weight, expected, spread in zip(self._weights, self._expected, self._spreads, strict=True)
        ]
        return replace(treatment, scale=scale, error=float(np.sqrt(np.mean(errors))))

    def _error(
        self, treatment: Treatment, weight: Floats, expected: Floats, scale: ActivationScale, inputs: Floats
    ) -> Floats:
        """Give each row's squared error."""
        after, prepared = treatment.prepare(self._statistics, weight)
        found = inputs @ round_weight(prepared, scale, after.lowest, after.highest).real()
        kept = treatment.outliers
        if len(kept):
            found += self._statistics.rows[:, kept] @ weight[kept]
        errors: Floats = ((found - expected) ** 2).sum(axis=1)
        return errors
