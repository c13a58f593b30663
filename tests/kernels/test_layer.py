"""Whole layers of each family's shape against float64."""

import numpy as np
import pytest
from _ortembed_testing import Layer, layouts
from hypothesis import given
from hypothesis import strategies as st

from ortembed import InferenceError, ModelLoadError
from tests.kernels.layers import FAMILIES, LONGEST, Example, offsets_of
from tests.kernels.linears import int8_weights
from tests.kernels.numbers import EACH_ISA, EXAMPLES, RNGS, make, same_bytes

TYPES = pytest.mark.parametrize("type_", ["int8", "bfloat16"])
EACH_FAMILY = pytest.mark.parametrize("family", FAMILIES)


def relative_error(actual, expected):
    """Of each row: the length of the difference, as a part of the row's own length."""
    return np.linalg.norm(actual - expected, axis=1) / np.linalg.norm(expected, axis=1)


def check(isa, type_, actual, expected):
    # The reference rounds what linears and attention read as the kernels do. What is left are the roundings
    # of float32 and GELU's stated error, or those within a bfloat16 attention; and values that fall to the other side
    # of a step of int8, of which even one changes a row by more than all that.
    is_short = layouts(isa)["attention_value_bytes"] == 2
    error = relative_error(actual, expected)
    if type_ == "bfloat16":
        assert error.max() < (1e-2 if is_short else 1e-4)
    else:
        assert np.median(error) < (3e-2 if is_short else 2e-4)
        assert error.max() < 0.2


@EACH_ISA
@EACH_FAMILY
@TYPES
@pytest.mark.parametrize("seed", range(3))
def test_a_layer_is_that_of_float64(isa, family, type_, seed):
    example = Example(isa, family, type_, seed=seed)
    offsets = offsets_of([1, 17, 0, 40, 2, LONGEST, 1])
    hidden = example.hidden(np.random.default_rng(seed), offsets[-1])
    check(isa, type_, example.layer.run(hidden, offsets), example.reference.run(hidden, offsets))


@EACH_ISA
@TYPES
@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_the_layers_width_may_differ_from_its_heads(isa, family, type_):
    example = Example(isa, family, type_, width=72, inner=33)
    hidden = example.hidden(np.random.default_rng(0), 30)
    check(isa, type_, example.layer.run(hidden, offsets_of([30])), example.reference.run(hidden, [0, 30]))


@EACH_ISA
@TYPES
@pytest.mark.parametrize("family", ["bert", "modernbert"])
@pytest.mark.parametrize("threads", [1, 2])
def test_two_linears_may_be_one(isa, family, type_, threads):
    heads, head_width = FAMILIES[family]["heads"], FAMILIES[family]["head_width"]
    example = Example(isa, family, type_, inner=heads * head_width, is_tied=True)
    hidden = example.hidden(np.random.default_rng(0), 30)
    output = example.layer.run(hidden, offsets_of([30]), threads)
    check(isa, type_, output, example.reference.run(hidden, [0, 30]))


@EACH_ISA
@TYPES
def test_a_thousand_texts_of_one_token(isa, type_):
    example = Example(isa, "bert", type_)
    hidden = example.hidden(np.random.default_rng(0), 1000)
    offsets = np.arange(1001)
    output = example.layer.run(hidden, offsets, threads=2)
    check(isa, type_, output, example.reference.run(hidden, offsets))


@EACH_ISA
def test_a_text_of_512_tokens(isa):
    example = Example(isa, "bert", "int8")
    hidden = example.hidden(np.random.default_rng(0), 512)
    output = example.layer.run(hidden, offsets_of([512]), threads=2)
    check(isa, "int8", output, example.reference.run(hidden, [0, 512]))


@EACH_ISA
@TYPES
@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0]])
@pytest.mark.parametrize("threads", [1, 2])
def test_no_tokens_give_no_rows(isa, type_, lengths, threads):
    example = Example(isa, "bert", type_)
    assert example.layer.run(np.zeros((0, 96), np.float32), offsets_of(lengths), threads).shape == (0, 96)


@EACH_ISA
@EXAMPLES
@given(RNGS, st.sampled_from(list(FAMILIES)), st.sampled_from(["int8", "bfloat16"]), st.data())
def test_what_is_not_finite_spoils_its_text_and_no_other(isa, rng, family, type_, data):
    example = Example(isa, family, type_)
    lengths = data.draw(st.lists(st.integers(1, 20), min_size=2, max_size=5))
    offsets = offsets_of(lengths)
    hidden = example.hidden(rng, offsets[-1])
    expected = example.layer.run(hidden, offsets)
    text = data.draw(st.integers(0, len(lengths) - 1))
    token = data.draw(st.integers(offsets[text], offsets[text + 1] - 1))
    hidden[token, data.draw(st.integers(0, example.width - 1))] = data.draw(
        st.sampled_from([np.nan, np.inf, -np.inf])
    )
    output = example.layer.run(hidden, offsets)
    assert not np.isfinite(output[token]).any()
    others = np.r_[: offsets[text], offsets[text + 1] : offsets[-1]]
    assert same_bytes(output[others], expected[others])


@EACH_ISA
@TYPES
@pytest.mark.parametrize("size", [1e-39, 1e-10, 1e10, 1e30])
def test_hidden_states_of_any_size_do_no_harm(isa, type_, size):
    example = Example(isa, "bert", type_)
    hidden = example.hidden(np.random.default_rng(0), 20) * np.float32(size)
    hidden[7] = 0
    output = example.layer.run(hidden, offsets_of([20]))
    if size < 1:  # what is so small is nothing beside the biases
        plain = example.layer.run(np.zeros_like(hidden), offsets_of([20]))
        np.testing.assert_allclose(output, plain, atol=0.05)
    else:
        assert output.shape == hidden.shape


@EACH_ISA
def test_a_text_beyond_what_the_layer_takes_is_named(isa):
    assert Example(isa, "bert", "int8").layer.most_tokens() == 2**63 - 1
    for family in ("mpnet", "nomic"):
        example = Example(isa, family, "int8")
        assert example.layer.most_tokens() == LONGEST
        hidden = np.zeros((LONGEST + 3, example.width), np.float32)
        example.layer.run(hidden, offsets_of([2, LONGEST, 1]))
        with pytest.raises(InferenceError, match=str(LONGEST + 1)):
            example.layer.run(hidden, offsets_of([1, LONGEST + 1, 1]))


SIZES = {"width": 8, "mixed": 8, "inner": 12, "outer": 12}


def layer_of(isa, **changed):
    rng, sizes = np.random.default_rng(0), {**SIZES, **changed}
    shapes = [(8, 24), (8, 8), (8, 12), (12, 8)]
    for index, shape in sizes.pop("shapes", {}).items():
        shapes[index] = shape
    options = {name: value for name, value in sizes.items() if name not in SIZES}
    linears = [int8_weights(rng, *shape).packed(isa) for shape in shapes]
    return Layer(linears, 8, **{"heads": 2, "head_width": 4, **options})


@EACH_ISA
@pytest.mark.parametrize(
    "changed",
    [
        {"shapes": {0: (7, 24)}},
        {"shapes": {0: (8, 23)}},
        {"shapes": {1: (7, 8)}},
        {"shapes": {1: (8, 9)}},
        {"shapes": {2: (9, 12)}},
        {"shapes": {2: (8, 13)}},
        {"shapes": {3: (12, 9)}},
        {"is_gated": True},
        {"is_gated": True, "shapes": {2: (8, 25)}},
        {"heads": 3},
        {"heads": 0},
        {"head_width": 0},
        {
            "head_width": 5,
            "heads": 1,
            "shapes": {0: (8, 15), 1: (5, 8)},
            "rotary": (make(np.random.default_rng(0), (9, 2)),) * 2,
        },
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_are_refused(isa, changed):
    layer_of(isa)
    with pytest.raises(ModelLoadError):
        layer_of(isa, **changed)
