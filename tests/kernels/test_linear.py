"""Linears against exact products: int8 of the codes that the rows have, bfloat16 of rounded rows."""

import numpy as np
import pytest
from _ortembed_testing import Linear, layouts, quantize_rows
from hypothesis import given
from hypothesis import strategies as st

from ortembed import ModelLoadError
from tests.kernels.linears import bfloat16_result, bfloat16_weights, int8_result, int8_weights, multiply
from tests.kernels.numbers import (
    EACH_ISA,
    EXAMPLES,
    HALF_BFLOAT16,
    RNGS,
    TINY,
    WIDTHS,
    assert_within,
    from_bfloat16,
    make,
    rows_of_many_kinds,
    same_bytes,
)

COUNTS = st.integers(0, 20)
SIZES = [(1, 1), (3, 17), (63, 64), (65, 65), (384, 1536), (1536, 384)]
TYPES = pytest.mark.parametrize("type_", ["int8", "bfloat16"])


def weights_of(type_, rng, inputs, outputs, *, bias=True):
    make_weights = int8_weights if type_ == "int8" else bfloat16_weights
    return make_weights(rng, inputs, outputs, bias=bias)


def result_of(type_, isa, weights, x):
    return int8_result(isa, weights, x) if type_ == "int8" else bfloat16_result(isa, weights, x)


@EACH_ISA
@EXAMPLES
@given(RNGS, COUNTS, WIDTHS, WIDTHS, st.booleans(), st.booleans(), st.integers(0, 5))
def test_int8_is_exact_but_for_the_last_roundings(isa, rng, count, inputs, outputs, bias, input_scale, floats):
    weights = int8_weights(rng, inputs, outputs, bias=bias, input_scale=input_scale)
    if floats:
        weights.keep_as_floats(rng, floats)
    x = rows_of_many_kinds(rng, count, inputs)
    assert_within(multiply(weights.packed(isa), x), *int8_result(isa, weights, x))


@EACH_ISA
@EXAMPLES
@given(RNGS, COUNTS, WIDTHS, WIDTHS, st.booleans())
def test_bfloat16_is_within_the_roundings_of_its_sums(isa, rng, count, inputs, outputs, bias):
    weights = bfloat16_weights(rng, inputs, outputs, bias=bias)
    x = rows_of_many_kinds(rng, count, inputs)
    assert_within(multiply(weights.packed(isa), x), *bfloat16_result(isa, weights, x))


@EACH_ISA
@TYPES
@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 13, 64, 200])
def test_the_sizes_of_models(isa, type_, inputs, outputs, count):
    rng = np.random.default_rng(count)
    weights = weights_of(type_, rng, inputs, outputs)
    x = make(rng, (count, inputs))
    assert_within(multiply(weights.packed(isa), x), *result_of(type_, isa, weights, x))


@EACH_ISA
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("inputs", [4, 384, "most"])
def test_sums_of_the_largest_codes_do_not_overflow(isa, sign, inputs):
    rng = np.random.default_rng(0)
    inputs = min(layouts(isa)["int8"]["most_inputs"], 70_000) if inputs == "most" else inputs
    weights = int8_weights(rng, inputs, 5, saturated=True)
    weights.weight[:, 0], weights.weight[:, 1] = 127, -128
    x = np.full((7, inputs), sign, np.float32)
    x[:, 0] = -sign  # so that all others have the largest code, or the least
    assert_within(multiply(weights.packed(isa), x), *int8_result(isa, weights, x))


@EACH_ISA
@TYPES
def test_the_inputs_of_any_model_can_be_added(isa, type_):
    assert layouts(isa)[type_]["most_inputs"] >= 4 * 4096


@EACH_ISA
def test_more_inputs_than_can_be_added_are_refused(isa):
    most = layouts(isa)["int8"]["most_inputs"]
    with pytest.raises(ModelLoadError, match=str(most + 1)):
        Linear(isa, np.zeros((most + 1, 1), np.int8), np.ones(1, np.float32))


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(1, 9), WIDTHS, WIDTHS, st.sampled_from(["int8", "bfloat16"]))
def test_attention_reads_the_same_numbers(isa, rng, count, inputs, outputs, type_):
    weights = weights_of(type_, rng, inputs, outputs)
    x = make(rng, (count, inputs))
    linear = weights.packed(isa)
    exact = multiply(linear, x)
    output = linear.multiply(x, "none", for_attention=True, gap=0, panels=[(0, linear.panels)])
    if layouts(isa)["attention_value_bytes"] == 4:
        assert same_bytes(output.view(np.float32), exact)
    else:
        bound = HALF_BFLOAT16 * np.abs(exact.astype(np.float64)) + TINY
        assert_within(from_bfloat16(output.view(np.uint16)), exact, bound)


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(2, 20), WIDTHS, WIDTHS, st.sampled_from(["int8", "bfloat16"]), st.data())
def test_a_row_does_not_depend_on_rows_places_and_panels(isa, rng, count, inputs, outputs, type_, data):
    weights = weights_of(type_, rng, inputs, outputs)
    if type_ == "int8":
        weights.keep_as_floats(rng, int(rng.integers(3)))
    linear = weights.packed(isa)
    x = rows_of_many_kinds(rng, count, inputs)
    together = multiply(linear, x, "gelu")
    order = rng.permutation(count)
    assert same_bytes(multiply(linear, x[order], "gelu"), together[order])
    for row in range(count):
        assert same_bytes(multiply(linear, x[row : row + 1], "gelu"), together[row : row + 1])
    cut = data.draw(st.integers(0, linear.panels))
    panels = [(cut, linear.panels), (0, cut)]
    assert same_bytes(multiply(linear, x, "gelu", panels=panels), together)


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(1, 9), WIDTHS, st.integers(1, 70), st.sampled_from(["int8", "bfloat16"]), st.booleans())
def test_nothing_is_written_beyond_the_outputs(isa, rng, inputs, outputs, gap, type_, for_attention):
    linear = weights_of(type_, rng, inputs, outputs).packed(isa)
    x = make(rng, (5, inputs))
    output = linear.multiply(x, "none", for_attention, gap, [(0, linear.panels)])
    size = output.shape[1] // (outputs + gap)
    plain = linear.multiply(x, "none", for_attention, 0, [(0, linear.panels)])
    assert (output[:, outputs * size :] == 0xFF).all()
    assert same_bytes(np.ascontiguousarray(output[:, : outputs * size]), plain)


@EACH_ISA
@TYPES
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("inputs", [1, 3, 64, 65])
def test_a_value_that_is_not_finite_spoils_its_row_and_no_other(isa, type_, value, inputs):
    rng = np.random.default_rng(inputs)
    linear = weights_of(type_, rng, inputs, 70).packed(isa)
    x = make(rng, (8, inputs))
    expected = multiply(linear, x)
    for row in range(len(x)):
        spoiled = x.copy()
        spoiled[row, rng.integers(inputs)] = value
        output = multiply(linear, spoiled)
        assert not np.isfinite(output[row]).any()
        others = np.arange(len(x)) != row
        assert same_bytes(output[others], expected[others])


@EACH_ISA
@TYPES
@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "relu", "silu"])
def test_activations_keep_what_is_not_a_number(isa, type_, activation):
    linear = weights_of(type_, np.random.default_rng(0), 20, 70).packed(isa)
    x = np.zeros((3, 20), np.float32)
    x[1, 7] = np.nan
    output = multiply(linear, x, activation)
    assert np.isnan(output[1]).all()
    assert np.isfinite(output[::2]).all()


@EACH_ISA
@pytest.mark.parametrize("channel", [-1, 4, 2**63 - 1, -(2**63)])
def test_a_float_channel_that_is_no_input_is_named(isa, channel):
    channels, weight = np.array([1, channel]), np.zeros((2, 3), np.float32)
    options = {"float_channels": channels, "float_weight": weight}
    with pytest.raises(ModelLoadError, match=f"{channel} is none"):
        Linear(isa, np.zeros((4, 3), np.int8), np.ones(3, np.float32), **options)
    with pytest.raises(ModelLoadError, match="bfloat16"):
        Linear(isa, np.zeros((4, 3), np.uint16), **options)


@EACH_ISA
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_a_linear_without_inputs_or_outputs_is_refused(isa, shape):
    with pytest.raises(ModelLoadError, match="no inputs or no outputs"):
        Linear(isa, np.zeros(shape, np.int8), np.ones(shape[1], np.float32))


@EACH_ISA
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e37])
def test_a_float_channel_may_dwarf_the_others_and_hides_nothing(isa, value):
    rng = np.random.default_rng(0)
    weights = int8_weights(rng, 40, 70)
    weights.keep_as_floats(rng, 2)
    x = make(rng, (3, 40))
    linear = weights.packed(isa)
    expected = multiply(linear, x)
    x[1, weights.float_channels[1]] = value
    output = multiply(linear, x)
    assert same_bytes(output[::2], expected[::2])
    if np.isfinite(value):
        assert_within(output, *int8_result(isa, weights, x))
    else:
        assert not np.isfinite(output[1]).any()


@EACH_ISA
def test_a_linear_of_zeros_gives_its_bias(isa):
    bias = np.arange(17, dtype=np.float32)
    linear = Linear(isa, np.zeros((5, 17), np.int8), np.ones(17, np.float32), bias)
    assert same_bytes(multiply(linear, np.ones((2, 5))), np.stack([bias, bias]))


@EACH_ISA
def test_rows_without_scales_are_as_rows_with_ones(isa):
    rng = np.random.default_rng(0)
    x = make(rng, (4, 100))
    ones = quantize_rows(isa, x, np.ones(100, np.float32))
    assert all(same_bytes(a, b) for a, b in zip(quantize_rows(isa, x), ones, strict=True))
