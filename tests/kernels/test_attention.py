"""Attention of one head against a float64 softmax, within the roundings of the type that it reads."""

import numpy as np
import pytest
from _ortembed_testing import attend, layouts
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.numbers import (
    EACH_ISA,
    EXAMPLES,
    HALF_BFLOAT16,
    RNGS,
    TINY,
    U,
    assert_within,
    make,
    round_to_bfloat16,
    same_bytes,
)
from tests.kernels.reference import attention_scores, rotate, softmax

HEAD_WIDTHS = [8, 20, 32, 64, 80, 128]
TOKENS = st.one_of(st.sampled_from([1, 2, 15, 16, 17, 31, 33, 64, 65, 100, 129]), st.integers(1, 70))
REACHES = st.sampled_from([-1, -1, 0, 1, 5, 64, 10**9, 2**63 - 1])


def is_short(isa):
    return layouts(isa)["attention_value_bytes"] == 2


def drawn(rng, isa, tokens, head_width, size=1.0):
    """Query, key and value, of numbers that the type of attention has."""
    parts = [make(rng, (tokens, head_width)) * np.float32(size) for _ in range(3)]
    return [round_to_bfloat16(part) for part in parts] if is_short(isa) else parts


def rotary(tokens, head_width):
    frequencies = 10000.0 ** (-np.arange(head_width // 2) * 2 / head_width)
    angles = np.arange(tokens)[:, None] * frequencies
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def expected_of(isa, parts, scale, reach=-1, relative_bias=None, tables=None):
    """Attention in float64, and how far a kernel may be from it."""
    query, key, value = (part.astype(np.float64) for part in parts)
    if tables is not None:
        query, key = rotate(query, *tables), rotate(key, *tables)
    scores = attention_scores(query, key, scale, reach, relative_bias)
    shares = softmax(scores)
    # What is read is exact. Then what is rotated, or multiplied by the scale, may be rounded to the type once more;
    # sums are rounded, and what a score is more than another; powers have a relative error of 3e-6, and so has their
    # sum; shares are rounded to the type.
    step = HALF_BFLOAT16 if is_short(isa) else 2 * U
    part_off = 3 * step + (query.shape[1] + 4) * U
    magnitude = np.abs(query) @ np.abs(key).T * abs(scale)
    seen = np.where(shares > 0, np.abs(scores), 0)
    score_off = part_off * magnitude + 4 * U * (seen + seen.max(-1, keepdims=True))
    off = np.expm1(np.minimum(2 * score_off.max(-1, keepdims=True), 50)) + step + len(query) * U + 7e-6
    return shares @ value, off * (shares @ np.abs(value)) + 1e-30 * np.abs(value).max() + TINY


def check(isa, parts, scale, gap=0, **options):
    tables = options.get("tables")
    output = attend(
        isa,
        *parts,
        scale,
        options.get("reach", -1),
        options.get("relative_bias"),
        *(tables or (None, None)),
        gap,
    )
    width = parts[0].shape[1]
    assert_within(output[:, :width], *expected_of(isa, parts, scale, **options))
    assert np.isnan(output[:, width:]).all()
    return output


@EACH_ISA
@EXAMPLES
@given(RNGS, TOKENS, st.sampled_from(HEAD_WIDTHS), REACHES, st.booleans(), st.booleans(), st.sampled_from([0, 1, 37]))
def test_attention_is_that_of_float64(isa, rng, tokens, head_width, reach, biased, turned, gap):
    options = {"reach": reach}
    if biased:
        options["relative_bias"] = make(rng, (2 * tokens - 1,)) * 3
    if turned:
        options["tables"] = rotary(tokens + int(rng.integers(3)), head_width)
    check(isa, drawn(rng, isa, tokens, head_width), head_width**-0.5, gap, **options)


@EACH_ISA
@EXAMPLES
@given(RNGS, st.integers(1, 40), st.integers(1, 40), REACHES, st.booleans())
def test_odd_head_widths(isa, rng, tokens, half_width, reach, turned):
    options = {"reach": reach, "tables": rotary(tokens, 2 * half_width) if turned else None}
    check(isa, drawn(rng, isa, tokens, 2 * half_width), 0.3, 0, **options)


@EACH_ISA
@pytest.mark.parametrize("tokens", [512, 513, 1100])
@pytest.mark.parametrize("reach", [-1, 0, 64, 600])
def test_long_texts(isa, tokens, reach):
    rng, head_width = np.random.default_rng(tokens), 20
    check(
        isa, drawn(rng, isa, tokens, head_width), head_width**-0.5, 0, reach=reach, tables=rotary(tokens, head_width)
    )


@EACH_ISA
@pytest.mark.parametrize("tokens", [1, 2, 17, 64, 100])
@pytest.mark.parametrize("head_width", HEAD_WIDTHS)
def test_who_sees_itself_alone_gets_its_value(isa, tokens, head_width):
    parts = drawn(np.random.default_rng(tokens), isa, tokens, head_width)
    output = attend(isa, *parts, scale=0.2, reach=0)
    np.testing.assert_allclose(output, parts[2], rtol=4 * U + (HALF_BFLOAT16 if is_short(isa) else 0))


@EACH_ISA
@pytest.mark.parametrize("tokens", [3, 16, 17, 40, 130])
@pytest.mark.parametrize("reach", [-1, 0, 1, 2, 15, 16, 17, 39])
def test_each_key_in_reach_counts_once_and_no_other(isa, tokens, reach):
    # All keys are alike, so each output is the plain mean of the values in reach: here how many of them are in each
    # column, one column a token.
    for first in range(0, tokens, 32):
        value = np.eye(tokens, dtype=np.float32)[:, first : first + 32]
        value = np.pad(value, ((0, 0), (0, 32 - value.shape[1])))
        zeros = np.zeros((tokens, 32), np.float32)
        output = attend(isa, zeros, zeros, value, scale=1.0, reach=reach)
        places = np.arange(tokens)
        seen = np.ones((tokens, tokens)) if reach < 0 else np.abs(places[:, None] - places) <= reach
        expected = seen / seen.sum(1, keepdims=True)
        np.testing.assert_allclose(
            output[:, : len(value[0])][:, : tokens - first],
            expected[:, first : first + 32],
            rtol=HALF_BFLOAT16 if is_short(isa) else 1e-5,
            atol=1e-30,
        )


@EACH_ISA
@pytest.mark.parametrize("tokens", [2, 17, 40])
def test_a_relative_bias_is_that_of_key_minus_query(isa, tokens):
    for distance in range(1 - tokens, tokens):
        bias = np.full(2 * tokens - 1, -200, np.float32)
        bias[tokens - 1 + distance] = 200
        parts = drawn(np.random.default_rng(0), isa, tokens, 8)
        output = attend(isa, *parts, scale=0.1, relative_bias=bias)
        for query in range(tokens):
            if 0 <= query + distance < tokens:
                np.testing.assert_allclose(output[query], parts[2][query + distance], rtol=2 * HALF_BFLOAT16)


@EACH_ISA
@pytest.mark.parametrize("head_width", [2, 8, 20, 64])
def test_rotary_turns_halves_by_the_tokens_place(isa, head_width):
    tokens = 20
    tables = rotary(tokens, head_width)
    parts = drawn(np.random.default_rng(head_width), isa, tokens, head_width, 3.0)
    check(isa, parts, 0.5, 0, tables=tables)
    # Turned all alike, nothing changes: only the difference of places counts.
    same = [np.repeat(table[5:6], tokens, axis=0) for table in tables]
    turned, plain = (attend(isa, *parts, 0.05, -1, None, *given) for given in (same, (None, None)))
    np.testing.assert_allclose(turned, plain, atol=0.1 if is_short(isa) else 1e-4)


@EACH_ISA
@pytest.mark.parametrize("size", [1e-39, 1e-20, 100.0, 1e4])
@pytest.mark.parametrize("tokens", [1, 17, 70])
def test_scores_of_any_size_are_safe(isa, size, tokens):
    parts = drawn(np.random.default_rng(tokens), isa, tokens, 32, size)
    check(isa, parts, 32**-0.5)
    check(isa, [parts[0], parts[1], drawn(np.random.default_rng(1), isa, tokens, 32)[2]], 32**-0.5)


@EACH_ISA
@pytest.mark.parametrize("size", [1e3, 1e5, 1e9, 1e18])
@pytest.mark.parametrize("tokens", [1, 17, 600])
def test_the_largest_of_scores_that_are_far_apart_takes_all(isa, size, tokens):
    parts = drawn(np.random.default_rng(tokens), isa, tokens, 32)
    query, key = (round_to_bfloat16(part * np.float32(size)) for part in parts[:2])
    scores = query.astype(np.float64) @ key.T
    ordered = np.sort(scores, axis=1)
    second = ordered[:, -2] if tokens > 1 else -np.inf
    is_clear = ordered[:, -1] - second > 1e-3 * np.abs(scores).max(1)
    assert is_clear.sum() > tokens / 2
    output = attend(isa, query, key, parts[2], scale=1.0)
    taken = parts[2][scores.argmax(1)]
    step = HALF_BFLOAT16 if is_short(isa) else 1e-5
    np.testing.assert_allclose(output[is_clear], taken[is_clear], rtol=step, atol=step)


@EACH_ISA
@pytest.mark.parametrize("size", [1e19, 1e30, 3e38])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("tokens", [1, 17, 600])
def test_scores_beyond_float32_give_no_plausible_number(isa, size, sign, tokens):
    parts = drawn(np.random.default_rng(0), isa, tokens, 32)
    parts[0] = round_to_bfloat16(np.full_like(parts[0], size))
    parts[1] = -parts[0]  # scores of minus infinity, but for those of the first key where the sign is positive
    parts[1][0] *= np.float32(-0.5 * sign)
    right = np.broadcast_to(parts[2][0], parts[2].shape)
    output = attend(isa, *parts, scale=1.0)
    assert (~np.isfinite(output) | (np.abs(output - right) < 0.02)).all()
    if sign < 0:
        assert not np.isfinite(output).any()


@EACH_ISA
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("tokens", [1, 16, 33])
def test_a_value_that_is_not_finite_is_not_lost(isa, value, part, tokens):
    parts = drawn(np.random.default_rng(tokens), isa, tokens, 32)
    place = tokens // 2
    parts[part][place, 5] = value
    output = attend(isa, *parts, scale=0.2)
    if part == 0:
        assert not np.isfinite(output[place]).any()
        others = np.arange(tokens) != place
        assert np.isfinite(output[others]).all()
    elif part == 1 and np.isinf(value):
        # Its score is infinite for each query: above all others, or below all.
        above = parts[0][:, 5] * value > 0
        assert not np.isfinite(output[above]).any()
    elif part == 1:
        assert not np.isfinite(output).any()
    else:
        assert not np.isfinite(output[:, 5]).any()


@EACH_ISA
@EXAMPLES
@given(RNGS, TOKENS, st.sampled_from(HEAD_WIDTHS), REACHES)
def test_it_is_the_same_at_any_stride(isa, rng, tokens, head_width, reach):
    parts = drawn(rng, isa, tokens, head_width)
    plain = attend(isa, *parts, 0.2, reach)
    apart = attend(isa, *parts, 0.2, reach, gap=int(rng.integers(1, 99)))
    assert same_bytes(np.ascontiguousarray(apart[:, :head_width]), plain)
