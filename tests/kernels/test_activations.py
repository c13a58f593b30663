"""Activations within the error that `kernels/generic/math.h` states, in gates and behind linears."""

import math

import numpy as np
import pytest
from _ortembed_testing import Linear, gate_rows
from hypothesis import given
from hypothesis import strategies as st

from ortembed import ModelLoadError
from tests.kernels.linears import multiply
from tests.kernels.numbers import (
    EACH_ISA,
    EXAMPLES,
    RNGS,
    TINY,
    U,
    assert_within,
    make,
    rows_of_many_kinds,
    same_bytes,
    to_bfloat16,
)
from tests.kernels.reference import ACTIVATIONS

NAMES = ["gelu", "gelu_tanh", "relu", "silu"]
EACH = pytest.mark.parametrize("activation", NAMES)
# Every magnitude, both signs, and densely where the functions bend.
MAGNITUDES = np.exp2(np.arange(-149, 127, 0.25))
POINTS = np.concatenate([np.linspace(-12, 12, 20_001), MAGNITUDES, -MAGNITUDES, [0.0, -0.0]]).astype(np.float32)


def error_of(isa, activation, x):
    """The largest error that the activation may have at x."""
    x = x.astype(np.float64)
    y = np.abs(ACTIVATIONS[activation](x))
    if activation == "relu":
        return np.zeros_like(x)
    if activation == "gelu":  # as stated beside it
        size = np.abs(x)
        if not isa.startswith("avx512"):
            return np.where(size < 5, 6.8e-5, 1e-6) * size + TINY
        by_quarters = np.select([size < 3.5, size < 5], [6.3e-5, 1.3e-4], 1.5e-6 + 2 * U * size)
        return np.minimum(by_quarters, 3e-4 * size) + TINY
    # x times a sigmoid, itself within 4e-7, of an argument that is rounded up to six times; an argument beyond 90
    # gives x or nothing in float32.
    argument = x if activation == "silu" else 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return y * (4e-7 + 2 * U + 6 * U * np.minimum(np.abs(argument), 90)) + np.abs(x) * 2 * TINY + TINY


def activated(isa, activation, x):
    """The activation of each number, gated by one."""
    return gate_rows(isa, np.concatenate([x, np.ones_like(x)], axis=1), activation)[0]


@EACH_ISA
@EACH
@pytest.mark.parametrize("columns", [1, 7, 16, len(POINTS)])
def test_gates_are_within_the_stated_error(isa, activation, columns):
    x = np.resize(POINTS, (-(-len(POINTS) // columns), columns))
    assert_within(
        activated(isa, activation, x), ACTIVATIONS[activation](x.astype(np.float64)), error_of(isa, activation, x)
    )


@EACH_ISA
@EACH
def test_linears_are_within_the_stated_error(isa, activation):
    x = np.resize(POINTS, (40, 100))
    linear = Linear(isa, np.zeros((1, 100), np.int8), np.ones(100, np.float32), None)
    linears = [Linear(isa, np.zeros((1, 100), np.int8), np.ones(100, np.float32), row) for row in x]
    output = np.concatenate([multiply(linear, np.ones((1, 1)), activation) for linear in linears])
    assert_within(output, ACTIVATIONS[activation](x.astype(np.float64)), error_of(isa, activation, x))
    assert (multiply(linear, np.ones((1, 1)), activation) == 0).all()


@EACH_ISA
@EACH
def test_both_kinds_of_linear_activate_alike(isa, activation):
    x = make(np.random.default_rng(0), (1, 70), "normal")
    int8 = Linear(isa, np.zeros((1, 70), np.int8), np.ones(70, np.float32), x[0])
    bfloat16 = Linear(isa, np.zeros((1, 70), np.uint16), None, x[0])
    outputs = [multiply(linear, np.ones((1, 1)), activation) for linear in (int8, bfloat16)]
    assert same_bytes(*outputs)
    assert same_bytes(outputs[0], activated(isa, activation, x))


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(0, 20), st.integers(1, 100), st.integers(0, 5), st.sampled_from(NAMES))
def test_gates_multiply_the_second_half(isa, rng, count, columns, gap, activation):
    x = np.concatenate([rows_of_many_kinds(rng, count, columns), make(rng, (count, columns))], axis=1)
    gated, behind = gate_rows(isa, x, activation, gap)
    gate, plain = x[:, :columns].astype(np.float64), x[:, columns:].astype(np.float64)
    error = np.abs(plain) * error_of(isa, activation, x[:, :columns])
    expected = ACTIVATIONS[activation](gate) * plain
    assert_within(gated, expected, error + 2 * U * np.abs(expected) + TINY)
    assert np.isnan(behind).all()
    for row in range(count):
        assert same_bytes(gate_rows(isa, x[row : row + 1], activation)[0], gated[row : row + 1])


@EACH_ISA
@EACH
@pytest.mark.parametrize("columns", [1, 16, 37])
def test_what_is_not_a_number_stays_so(isa, activation, columns):
    x = np.zeros((3, 2 * columns), np.float32)
    x[1, columns - 1] = np.nan
    x[2, -1] = np.nan
    gated = gate_rows(isa, x, activation)[0]
    bad = np.zeros((3, columns), bool)
    bad[1:, -1] = True
    np.testing.assert_array_equal(np.isnan(gated), bad)


@EACH_ISA
@EACH
def test_infinity_is_not_made_a_number(isa, activation):
    above, below = activated(isa, activation, np.float32([[np.inf, -np.inf]]))[0]
    assert not np.isfinite(above)
    assert below == 0 or not np.isfinite(below)  # the limit to the left is 0


@EACH_ISA
@EACH
def test_columns_do_not_depend_on_their_place(isa, activation):
    x = make(np.random.default_rng(1), (1, 130))
    whole = activated(isa, activation, x)
    for first in (0, 1, 5, 16, 127):
        assert same_bytes(activated(isa, activation, np.ascontiguousarray(x[:, first:])), whole[:, first:].copy())


def test_an_unknown_activation_is_named():
    with pytest.raises(ModelLoadError, match="swish"):
        gate_rows("plain", np.zeros((1, 2), np.float32), "swish")


def test_the_bits_of_one():
    assert to_bfloat16(np.ones(1))[0] == 0x3F80
