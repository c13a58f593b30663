"""Pooling and normalization against numpy, each apart."""

import numpy as np
import pytest
from _ortembed_testing import normalize, pool
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ortembed import InvalidInputError


def positions(hidden):
    return np.arange(1, len(hidden) + 1, dtype=np.float64)[:, None]


# The formulas of sentence-transformers' pooling module in float64, for a text without padding whose first s tokens
# have their attention mask set to 0.
REFERENCE = {
    "cls": lambda h, s: h[s],
    "max": lambda h, s: h[s:].max(0),
    "mean": lambda h, s: h[s:].mean(0),
    "mean_sqrt_len_tokens": lambda h, s: h[s:].sum(0) / np.sqrt(len(h) - s),
    "weightedmean": lambda h, s: (h * positions(h))[s:].sum(0) / positions(h)[s:].sum(),
    "lasttoken": lambda h, s: h[-1],
}
HIDDEN = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=70),
    elements=st.floats(-100, 100, width=32),
)


@pytest.mark.parametrize("mode", REFERENCE)
@given(hidden=HIDDEN, data=st.data())
def test_pooling_matches_numpy(mode, hidden, data):
    columns = data.draw(st.integers(1, hidden.shape[1]))
    skipped = data.draw(st.integers(0, len(hidden) - 1))
    expected = REFERENCE[mode](hidden.astype(np.float64), skipped)[:columns]
    np.testing.assert_allclose(pool([mode], hidden, columns, skipped), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("mode", REFERENCE)
@pytest.mark.parametrize(("tokens", "skipped"), [(1, 0), (256, 0), (256, 5), (256, 255)])
def test_pooling_is_exact_for_known_values(mode, tokens, skipped):
    hidden = np.random.default_rng(0).standard_normal((tokens, 384), np.float32)
    expected = REFERENCE[mode](hidden.astype(np.float64), skipped)
    np.testing.assert_allclose(pool([mode], hidden, 384, skipped), expected, rtol=0, atol=1e-5)


@given(st.lists(st.sampled_from(list(REFERENCE)), min_size=1, max_size=4), st.data())
def test_several_modes_are_concatenated_in_their_order(modes, data):
    hidden = np.random.default_rng(1).standard_normal((9, 5), np.float32)
    columns = data.draw(st.integers(1, 5 * len(modes)))
    expected = np.concatenate([REFERENCE[mode](hidden.astype(np.float64), 2) for mode in modes])[:columns]
    np.testing.assert_allclose(pool(modes, hidden, columns, 2), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", ["max", "mean", "mean_sqrt_len_tokens", "weightedmean"])
@pytest.mark.parametrize("token", [0, 1, 2])
def test_a_nan_in_any_token_reaches_the_output(mode, token):
    hidden = np.ones((3, 2), np.float32)
    hidden[token, 1] = np.nan
    first, second = pool([mode], hidden, 2)
    assert np.isfinite(first)
    assert np.isnan(second)


def test_an_unknown_mode_is_named():
    with pytest.raises(InvalidInputError, match="unknown pooling 'median'; known are cls, max, mean"):
        pool(["median"], np.ones((1, 1), np.float32), 1)


@given(hnp.arrays(np.float32, st.integers(1, 600), elements=st.floats(-(2.0**60), 2.0**60, width=32)))
def test_normalized_vectors_have_norm_one(vector):
    exact = np.linalg.norm(vector.astype(np.float64))
    normalized, norm = normalize(vector)
    assert norm == pytest.approx(exact, rel=1e-12)
    if exact > 1e-12:
        assert np.linalg.norm(np.array(normalized, np.float64)) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(normalized, vector.astype(np.float64) / exact, rtol=1e-6, atol=1e-30)


def test_a_zero_vector_stays_zero():
    assert normalize([0.0, 0.0]) == ([0.0, 0.0], 0.0)


def test_a_norm_beyond_float_range_is_finite():
    normalized, norm = normalize([3e38, 3e38])
    assert norm == pytest.approx(3e38 * np.sqrt(2))
    np.testing.assert_allclose(normalized, [np.sqrt(0.5)] * 2, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_norm_tells_of_values_that_are_not_finite(bad):
    assert not np.isfinite(normalize([1.0, bad])[1])
