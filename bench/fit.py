"""How one figure grows with another: the exponent of a power law, fitted by least squares on logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class PowerLaw:
    """y = factor * x ** exponent.

    Attributes:
        residual: Root mean square of the logarithms' differences: 0.1 means that points lie 10% off, typically.
    """

    exponent: float
    factor: float
    residual: float


def fit_power_law(x: Sequence[float], y: Sequence[float]) -> PowerLaw:
    """Fit a power law to positive points.

    Raises:
        ValueError: Fewer than two distinct x, or a value that is not positive.
    """
    points = np.array([x, y], np.float64)
    if len(set(points[0])) < 2 or not (points > 0).all():  # noqa: PLR2004 - a line takes two points
        raise ValueError(f"a power law needs two positive points or more, not {list(zip(x, y, strict=True))}")
    logs = np.log(points)
    centred = logs - logs.mean(axis=1, keepdims=True)
    exponent = float(centred[0] @ centred[1] / (centred[0] @ centred[0]))
    intercept = float(logs[1].mean() - exponent * logs[0].mean())
    residual = float(np.sqrt(np.mean((logs[1] - exponent * logs[0] - intercept) ** 2)))
    return PowerLaw(exponent, float(np.exp(intercept)), residual)
