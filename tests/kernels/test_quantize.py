"""Rows as codes, and rows as bfloat16: as near as their steps allow, each row by itself."""

import numpy as np
import pytest
from _ortembed_testing import layouts, quantize_rows, round_rows
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.linears import codes_of, levels
from tests.kernels.numbers import (
    EACH_ISA,
    EXAMPLES,
    KINDS,
    LARGEST,
    RNGS,
    TINY,
    WIDTHS,
    U,
    from_bfloat16,
    make,
    rows_of_many_kinds,
    same_bytes,
    to_bfloat16,
)

COUNTS = st.integers(0, 20)


def quantized(isa, x, input_scale=None, gap=0):
    """Codes as integers [count, columns], and the scales and offsets, [count, 1]."""
    codes, scales = quantize_rows(isa, x, input_scale, gap)
    return codes_of(isa, codes, x.shape[1]), *(scales[:, i : i + 1].astype(np.float64) for i in range(2))


@EACH_ISA
@EXAMPLES
@given(RNGS, COUNTS, WIDTHS, st.booleans(), st.integers(0, 5))
def test_each_value_is_within_half_a_step(isa, rng, count, columns, scaled, gap):
    x = rows_of_many_kinds(rng, count, columns)
    input_scale = np.exp(rng.normal(0, 1, columns)).astype(np.float32) if scaled else None
    codes, scale, offset = quantized(isa, x, input_scale, gap)
    wanted = x.astype(np.float64) * (1 if input_scale is None else input_scale)
    # Beside half a step: x times its scale is rounded, x minus the offset is, and what is divided by the step; and
    # steps so small that the reciprocal has no float32 are none.
    rounding = 4 * U * np.abs(wanted).max(1, keepdims=True, initial=0) + 256 * TINY
    error = np.abs(scale * codes + offset - wanted)
    assert (error <= scale * (0.5 + 2**-12) + rounding).all()


@EACH_ISA
@EXAMPLES
@given(RNGS, WIDTHS, st.sampled_from(KINDS))
def test_steps_are_no_larger_than_the_codes_ask(isa, rng, columns, kind):
    x = make(rng, (3, columns), kind)
    _, scale, offset = quantized(isa, x)
    largest, least = (f(x.astype(np.float64), axis=1, keepdims=True) for f in (np.max, np.min))
    assert (scale <= (largest - least) / levels(isa) * (1 + 8 * U) + 256 * TINY).all()
    assert np.isfinite(offset).all()


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(2, 300), st.integers(-20, 20), st.integers(-1000, 1000))
def test_values_on_the_grid_get_their_own_codes(isa, rng, columns, exponent, first):
    steps = rng.integers(0, levels(isa) + 1, (4, columns))
    steps[:, 0], steps[:, -1] = 0, levels(isa)
    x = np.ldexp((steps + first).astype(np.float32), exponent)
    codes, scale, _ = quantized(isa, x)
    np.testing.assert_array_equal(codes - codes[:, :1], steps)
    np.testing.assert_allclose(scale, 2.0**exponent, rtol=4 * U)


@EACH_ISA
@EXAMPLES
@given(RNGS, WIDTHS)
def test_codes_of_what_codes_stand_for_are_the_same(isa, rng, columns):
    codes, scale, offset = quantized(isa, make(rng, (5, columns)))
    again, _, _ = quantized(isa, (scale * codes + offset).astype(np.float32))
    np.testing.assert_array_equal(again, codes)


@EACH_ISA
@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -7.25, 1e30, -1e30, 1e-39, 3e38])
@pytest.mark.parametrize("columns", [1, 3, 64, 100])
def test_a_row_of_equal_values_comes_back(isa, value, columns):
    codes, scale, offset = quantized(isa, np.full((2, columns), value, np.float32))
    np.testing.assert_allclose(scale * codes + offset, np.float32(value), rtol=2 * U, atol=2 * TINY)


@EACH_ISA
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("columns", [1, 3, 16, 17, 64, 65, 100])
@pytest.mark.parametrize("seed", range(4))
def test_a_value_that_is_not_finite_spoils_its_row_and_no_other(isa, value, columns, seed):
    rng = np.random.default_rng(seed)
    x = make(rng, (3, columns))
    spoiled = x.copy()
    spoiled[1, rng.integers(columns)] = value
    codes, scales = quantize_rows(isa, spoiled)
    assert not np.isfinite(scales[1].sum())
    expected_codes, expected_scales = quantize_rows(isa, x)
    assert same_bytes(codes[::2], expected_codes[::2])
    assert same_bytes(scales[::2], expected_scales[::2])


@EACH_ISA
@pytest.mark.parametrize("columns", [2, 17, 64])
def test_a_range_beyond_float32_is_right_or_not_finite(isa, columns):
    x = np.zeros((1, columns), np.float32)
    x[0, :2] = -LARGEST, LARGEST
    codes, scale, offset = quantized(isa, x)
    with np.errstate(invalid="ignore", over="ignore"):
        values = scale * codes + offset
    assert not np.isfinite(scale + offset).all() or (np.abs(values - x) <= 0.51 * scale).all()


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(1, 20), WIDTHS)
def test_a_row_of_codes_does_not_depend_on_other_rows(isa, rng, count, columns):
    x = rows_of_many_kinds(rng, count, columns)
    together = quantize_rows(isa, x)
    for row in range(count):
        alone = quantize_rows(isa, x[row : row + 1])
        assert all(same_bytes(a, b[row : row + 1]) for a, b in zip(alone, together, strict=True))


def rounded(isa, x, gap=0):
    """The rows as a bfloat16 linear reads them, and as it has to: bfloat16's bits, or float32's."""
    dtype = np.uint16 if layouts(isa)["bfloat16"]["row_value_bytes"] == 2 else np.uint32
    values = np.ascontiguousarray(round_rows(isa, x, gap)).view(dtype)[:, : x.shape[1]]
    return values, to_bfloat16(x) if dtype == np.uint16 else x.view(np.uint32)


@EACH_ISA
@EXAMPLES
@given(RNGS, COUNTS, WIDTHS, st.integers(0, 5))
def test_values_become_the_nearest_that_products_read(isa, rng, count, columns, gap):
    x = rows_of_many_kinds(rng, count, columns)
    values, expected = rounded(isa, x, gap)
    # Numbers too small to be normal may be taken for zero.
    _, flushed = rounded(isa, np.where(np.abs(x) < TINY, np.copysign(np.float32(0), x), x))
    assert ((values == expected) | (values == flushed)).all()


@EACH_ISA
@EXAMPLES
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=70))
def test_values_of_any_bits(isa, bits):
    x = np.array([bits], np.uint32).view(np.float32)
    values, expected = rounded(isa, x)
    known = from_bfloat16(values) if values.dtype == np.uint16 else values.view(np.float32)
    assert (np.isnan(known) == np.isnan(x)).all()
    number = ~np.isnan(x) & (np.abs(x) >= TINY)
    np.testing.assert_array_equal(values[number], expected[number])
