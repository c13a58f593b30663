"""LayerNorm and residual sums against float64, within the roundings of their sums."""

import numpy as np
import pytest
from _ortembed_testing import norm_rows
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.numbers import (
    EACH_ISA,
    EXAMPLES,
    LARGEST,
    RNGS,
    TINY,
    WIDTHS,
    U,
    assert_within,
    make,
    rows_of_many_kinds,
    same_bytes,
)
from tests.kernels.reference import layer_norm

COUNTS = st.integers(0, 20)


def norm_bound(total, norm, epsilon):
    """How far the norm of these float32 sums may be from that in float64."""
    weight, bias = norm
    width = total.shape[1]
    mean = total.mean(1, keepdims=True)
    centered = total - mean
    # The mean is a sum of so many numbers, then each difference is rounded.
    off = (width + 2) * U * np.abs(total).mean(1, keepdims=True) + U * np.abs(centered)
    # The variance is a sum of their squares: off by what they are off by, and by its own roundings.
    variance = (centered**2).mean(1, keepdims=True)
    spread = np.sqrt(variance + epsilon)
    variance_off = (2 * np.abs(centered) * off + off**2).mean(1, keepdims=True) + (width + 4) * U * variance
    variance_off += TINY  # squares may be too small to be normal
    with np.errstate(invalid="ignore", divide="ignore"):
        scale_off = np.where(variance_off < variance + epsilon, variance_off / (variance + epsilon), np.inf)
        normed = np.abs(centered) / spread
        bound = np.abs(weight) * (off / spread * (1 + scale_off) + normed * (scale_off + 4 * U))
    result = np.abs(layer_norm(total, norm, epsilon))
    return np.where(np.isnan(bound), np.inf, bound) + 2 * U * (result + np.abs(0 if bias is None else bias)) + TINY


def norm_of(rng, width, *, bias=True):
    return make(rng, (width,)) + 1, make(rng, (width,)) if bias else None


@EACH_ISA
@EXAMPLES
@given(RNGS, COUNTS, WIDTHS, st.booleans(), st.booleans(), st.sampled_from([1e-12, 1e-5, 0.1]))
def test_norms_are_those_of_float64(isa, rng, count, width, residual, bias, epsilon):
    norm = norm_of(rng, width, bias=bias)
    x = make(rng, (count, width))
    added = make(rng, (count, width)) if residual else None
    total = (x if added is None else x + added).astype(np.float64)
    output = norm_rows(isa, x, added, *norm, epsilon)
    assert_within(output, layer_norm(total, norm, epsilon), norm_bound(total, norm, epsilon))


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(1, 9), WIDTHS)
def test_norms_of_hostile_rows(isa, rng, count, width):
    norm = norm_of(rng, width)
    x = rows_of_many_kinds(rng, count, width)
    total = x.astype(np.float64)
    output = norm_rows(isa, x, None, *norm, 1e-12)
    # Where squares leave float32, a number may still not be a wrong one.
    allowed = (np.abs(total).max(1, keepdims=True) > 1e18) & ~np.isfinite(output)
    expected = layer_norm(total, norm, 1e-12)
    assert_within(np.where(allowed, expected, output), expected, norm_bound(total, norm, 1e-12))


@EACH_ISA
@pytest.mark.parametrize("width", [384, 768, 1024])
def test_the_bound_is_far_below_what_a_wrong_norm_gives(isa, width):
    rng = np.random.default_rng(width)
    x = make(rng, (20, width))
    norm = np.ones(width, np.float32), np.zeros(width, np.float32)
    expected = layer_norm(x.astype(np.float64), norm, 1e-12)
    assert np.abs(norm_rows(isa, x, None, *norm, 1e-12) - expected).max() < 2e-6


@EACH_ISA
@EXAMPLES
@given(RNGS, COUNTS, WIDTHS, st.booleans())
def test_no_norm_is_the_sum(isa, rng, count, width, residual):
    x = rows_of_many_kinds(rng, count, width)
    added = make(rng, (count, width)) if residual else None
    expected = x if added is None else x + added
    np.testing.assert_array_equal(norm_rows(isa, x, added), expected)


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(1, 20), WIDTHS, st.booleans())
def test_in_place_and_apart_and_alone_are_the_same(isa, rng, count, width, normed):
    x, residual = rows_of_many_kinds(rng, count, width), make(rng, (count, width))
    norm = norm_of(rng, width) if normed else (None, None)
    apart = norm_rows(isa, x, residual, *norm, 1e-5)
    for place in ("x", "residual"):
        assert same_bytes(norm_rows(isa, x, residual, *norm, 1e-5, place), apart)
    for row in range(count):
        alone = norm_rows(isa, x[row : row + 1], residual[row : row + 1], *norm, 1e-5)
        assert same_bytes(alone, apart[row : row + 1])


@EACH_ISA
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("width", [1, 3, 16, 33, 64])
@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize("place", ["x", "residual"])
def test_a_value_that_is_not_finite_spoils_its_row_and_no_other(isa, value, width, normed, place):
    rng = np.random.default_rng(width)
    norm = norm_of(rng, width) if normed else (None, None)
    x, residual = make(rng, (3, width)), make(rng, (3, width))
    expected = norm_rows(isa, x, residual, *norm, 1e-5)
    (x if place == "x" else residual)[1, width // 2] = value
    output = norm_rows(isa, x, residual, *norm, 1e-5)
    assert not np.isfinite(output[1] if normed else output[1, width // 2]).any()
    assert same_bytes(output[::2], expected[::2])


@EACH_ISA
@pytest.mark.parametrize("width", [2, 20, 384])
@pytest.mark.parametrize("size", [1e18, 1e20, 1e30, LARGEST])
def test_a_variance_beyond_float32_gives_no_plausible_number(isa, width, size):
    x = np.full((1, width), size, np.float32)
    x[0, ::2] = -size
    output = norm_rows(isa, x, None, np.ones(width, np.float32), np.zeros(width, np.float32), 1e-12)
    right = np.abs(output - np.sign(x)) < 1e-3
    assert (right | ~np.isfinite(output)).all()
