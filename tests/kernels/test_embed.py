"""First hidden states: word and position looked up, added and normed; ids and texts that have none."""

from itertools import pairwise

import numpy as np
import pytest
from _ortembed_testing import embed, norm_rows, packed_texts
from hypothesis import given
from hypothesis import strategies as st

from ortembed import InferenceError
from tests.kernels.layers import offsets_of
from tests.kernels.numbers import EACH_ISA, EXAMPLES, RNGS, WIDTHS, U, from_bfloat16, make, same_bytes, to_bfloat16

WORDS, POSITIONS, PADDING = 50, 40, 1
LENGTHS = st.lists(st.integers(0, POSITIONS - 2), max_size=6)


def table_of(rng, width, type_):
    """A table, its scales, and its rows in float64."""
    rows = make(rng, (WORDS, width))
    if type_ == "float32":
        return rows, None, rows.astype(np.float64)
    if type_ == "bfloat16":
        bits = to_bfloat16(rows)
        return bits, None, from_bfloat16(bits).astype(np.float64)
    codes, scale = rng.integers(-127, 128, rows.shape).astype(np.int8), np.exp(rng.normal(-4, 1, WORDS)).astype("f4")
    return codes, scale, codes.astype(np.float64) * scale[:, None]


def places(ids, offsets, padding_id):
    result = np.arange(len(ids))
    for start, end in pairwise(offsets):
        counts = ids[start:end] != padding_id
        result[start:end] = np.cumsum(counts) * counts if padding_id >= 0 else np.arange(end - start)
    return result


@EACH_ISA
@EXAMPLES
@given(
    RNGS, LENGTHS, WIDTHS, st.sampled_from(["float32", "bfloat16", "int8"]), st.sampled_from([-1, PADDING]), st.data()
)
def test_rows_are_word_and_position_normed(isa, rng, lengths, width, type_, padding_id, data):
    table, scale, words = table_of(rng, width, type_)
    offsets = offsets_of(lengths)
    ids = rng.integers(0, WORDS, offsets[-1])
    ids[rng.random(len(ids)) < 0.2] = PADDING
    position = make(rng, (POSITIONS, width)) if data.draw(st.booleans()) else None
    norm = (make(rng, (width,)), make(rng, (width,))) if data.draw(st.booleans()) else None
    output = embed(isa, table, ids, offsets, scale, position, padding_id, norm, 1e-5)
    expected = words[ids]
    if position is not None:
        expected = expected + position[places(ids, offsets, padding_id)]
    if norm is None:
        np.testing.assert_allclose(output, expected, rtol=4 * U, atol=4 * U * np.abs(words).max(initial=0))
    else:
        normed = norm_rows(isa, expected.astype(np.float32), None, *norm, 1e-5)
        spread = expected.std(1, keepdims=True) + 1e-5**0.5
        bound = 1e-5 * (1 + np.abs(normed)) * (1 + np.abs(expected).max(1, keepdims=True, initial=0) / spread)
        assert (np.abs(output - normed) <= bound).all()


@EACH_ISA
def test_padding_has_position_0_and_is_not_counted(isa):
    word = np.zeros((5, 1), np.float32)
    position = np.arange(10, dtype=np.float32)[:, None]
    ids = np.array([4, PADDING, 3, PADDING, 2, 0, PADDING], np.int64)
    offsets = offsets_of([5, 2])
    rows = embed(isa, word, ids, offsets, position=position, padding_id=PADDING)
    assert rows[:, 0].tolist() == [1, 0, 2, 0, 3, 1, 0]
    rows = embed(isa, word, ids, offsets, position=position)
    assert rows[:, 0].tolist() == [0, 1, 2, 3, 4, 0, 1]


@EACH_ISA
@pytest.mark.parametrize("bad", [-1, 5, 2**31, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("padding_id", [-1, 1])
def test_an_id_that_the_table_does_not_have_is_named(isa, bad, padding_id):
    ids = np.array([0, 4, bad, 7], np.int64)
    with pytest.raises(InferenceError, match=str(bad)):
        embed(isa, np.zeros((5, 3), np.float32), ids, offsets_of([2, 2]), padding_id=padding_id)


@EACH_ISA
@pytest.mark.parametrize("padding_id", [-1, 1])
def test_a_text_that_is_longer_than_the_positions_is_named(isa, padding_id):
    word, position = np.zeros((5, 3), np.float32), np.zeros((4, 3), np.float32)
    longest = 4 if padding_id < 0 else 3  # their position 0 is padding's
    ids = np.zeros(longest + 3, np.int64)
    options = {"position": position, "padding_id": padding_id}
    assert len(embed(isa, word, ids, offsets_of([2, longest, 1]), **options)) == longest + 3
    with pytest.raises(InferenceError, match=str(longest + 1)):
        embed(isa, word, ids, offsets_of([2, longest + 1]), **options)


@EACH_ISA
def test_a_row_that_is_not_finite_stays_so(isa):
    word = np.ones((3, 20), np.float32)
    word[1, 7] = np.nan
    norm = np.ones(20, np.float32), None
    output = embed(isa, word, np.array([0, 1, 2]), offsets_of([3]), norm=norm)
    assert np.isnan(output[1]).all()
    assert np.isfinite(output[::2]).all()


@EACH_ISA
@EXAMPLES
@given(RNGS, LENGTHS, WIDTHS)
def test_a_text_does_not_depend_on_its_neighbours(isa, rng, lengths, width):
    table, _, _ = table_of(rng, width, "float32")
    norm = make(rng, (width,)), None
    offsets = offsets_of(lengths)
    ids = rng.integers(0, WORDS, offsets[-1])
    position = make(rng, (POSITIONS, width))
    together = embed(isa, table, ids, offsets, None, position, 1, norm)
    for start, end in pairwise(offsets):
        alone = embed(isa, table, ids[start:end], offsets_of([end - start]), None, position, 1, norm)
        assert same_bytes(alone, np.ascontiguousarray(together[start:end]))


@given(st.lists(st.integers(0, 600), max_size=50))
def test_texts_begin_where_the_one_before_ends(lengths):
    offsets = offsets_of(lengths)
    texts, longest = packed_texts(offsets, int(offsets[-1]))
    assert texts == list(zip(offsets[:-1].tolist(), lengths, strict=True))
    assert longest == max(lengths, default=0)


NUMBERS = st.one_of(st.integers(-2, 9), st.integers(-(2**63), 2**63 - 1))


@given(st.lists(NUMBERS, max_size=8), NUMBERS)
def test_any_offsets_are_texts_or_refused(offsets, tokens):
    steps = pairwise(offsets)
    fits = bool(offsets) and offsets[0] == 0 and offsets[-1] == tokens and all(a <= b for a, b in steps)
    try:
        texts, _ = packed_texts(np.array(offsets, np.int64), tokens)
    except InferenceError:
        assert not fits
    else:
        assert fits
        assert texts == [(start, end - start) for start, end in pairwise(offsets)]


@pytest.mark.parametrize(
    ("offsets", "tokens", "named"),
    [
        ([], 0, "empty"),
        ([1], 1, "1"),
        ([0], 1, "1 ids"),
        ([0, 3], 4, "3"),
        ([0, 5], 4, "5"),
        ([0, 3, 2, 4], 4, "2"),
        ([-1, 4], 4, "-1"),
        ([0, -1, 4], 4, "-1"),
        ([0, 9, 4], 4, "9"),
        ([0, 2**63 - 1], 4, str(2**63 - 1)),
        ([0, -(2**63), 4], 4, str(-(2**63))),
    ],
)
def test_offsets_that_do_not_fit_are_named(offsets, tokens, named):
    with pytest.raises(InferenceError, match=named):
        packed_texts(np.array(offsets, np.int64), tokens)
