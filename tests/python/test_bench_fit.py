"""The fit of scaling curves, on points whose law is known."""

from __future__ import annotations

import numpy as np
import pytest
from bench.fit import fit_power_law

X = [1, 2, 4, 8, 16]


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_a_power_law_is_found(exponent):
    law = fit_power_law(X, [3.0 * x**exponent for x in X])
    assert law.exponent == pytest.approx(exponent, abs=1e-12)
    assert law.factor == pytest.approx(3.0)
    assert law.residual == pytest.approx(0.0, abs=1e-12)


def test_the_fit_is_the_least_squares_one():
    y = [1.0, 2.5, 3.5, 9.0, 15.0]
    slope, intercept = np.polyfit(np.log(X), np.log(y), 1)
    law = fit_power_law(X, y)
    assert (law.exponent, law.factor) == pytest.approx((slope, np.exp(intercept)))


def test_the_residual_tells_how_far_points_lie_off():
    away = np.exp(0.1)
    law = fit_power_law([1, 1, 2, 2], [away, 1 / away, 2 * away, 2 / away])
    assert law.exponent == pytest.approx(1.0)
    assert law.residual == pytest.approx(0.1)


@pytest.mark.parametrize(("x", "y"), [([1, 1], [1, 2]), ([1], [1]), ([0, 1], [1, 2]), ([1, 2], [0, 2]), ([], [])])
def test_points_without_a_law_are_refused(x, y):
    with pytest.raises(ValueError, match="positive points"):
        fit_power_law(x, y)
