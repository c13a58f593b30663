"""The engine with an encoder that takes packed texts: the same rows as with padding, and none of its cost."""

from threading import Barrier, Thread

import numpy as np
import pytest
from _ortembed_testing import NAN_ID, THROW_ID, FakeEngine
from hypothesis import given
from hypothesis import strategies as st

from ortembed import CancelledError, InferenceError, InvalidInputError
from tests.python import test_token_states
from tests.python.test_engine import DIMENSION, TEXTS, encode, hidden_states, many_texts
from tests.python.test_pooling import REFERENCE

MIXED = [[20, 21, 22], [90], [30, 31, 32, 33, 34], [40, 41], [50]]


def packed(**settings):
    return FakeEngine(packed=True, **settings)


def token_states(engine, texts, **options):
    return test_token_states.run(engine, texts, **options)


@pytest.mark.parametrize("mode", REFERENCE)
@given(TEXTS, st.integers(1, 3), st.booleans())
def test_packed_and_padded_encoders_give_the_same_vectors(mode, texts, cores, normalize):
    settings = {"pooling": mode, "cores": cores, "run_microseconds": 0}
    vectors = [encode(make(**settings), texts, normalize=normalize) for make in (packed, FakeEngine)]
    np.testing.assert_array_equal(*vectors)


@given(TEXTS, st.integers(1, 3))
def test_packed_and_padded_encoders_give_the_same_hidden_states(texts, cores):
    states = [token_states(make(cores=cores, run_microseconds=0), texts) for make in (packed, FakeEngine)]
    np.testing.assert_array_equal(*states)


@pytest.mark.parametrize("mode", REFERENCE)
def test_each_text_is_pooled_from_its_own_tokens_in_the_callers_order(mode):
    expected = [REFERENCE[mode](hidden_states(text), 0) for text in MIXED]
    engine = packed(pooling=mode)
    np.testing.assert_allclose(encode(engine, MIXED), expected, rtol=1e-6)
    assert engine.shapes == [(5, 12)]


@pytest.mark.parametrize("mode", REFERENCE)
def test_the_tokens_of_a_prompt_are_left_out_of_every_text(mode):
    texts = [[*text, 60, 61] for text in MIXED]
    expected = [REFERENCE[mode](hidden_states(text), 2) for text in texts]
    np.testing.assert_allclose(encode(packed(pooling=mode), texts, skip_tokens=2), expected, rtol=1e-6)
    with pytest.raises(InvalidInputError, match="row 1 has 1 ids; leaving out the first 2"):
        encode(packed(), MIXED, skip_tokens=2)


def test_each_token_lands_in_the_row_of_its_id():
    expected = np.concatenate([hidden_states(text) for text in MIXED])
    np.testing.assert_allclose(token_states(packed(), MIXED), expected, rtol=1e-6)


def test_no_texts_run_nothing():
    engine = packed()
    assert encode(engine, []).shape == (0, DIMENSION)
    assert token_states(engine, []).shape == (0, DIMENSION)
    assert engine.shapes == []


def test_one_token_is_a_text():
    engine = packed()
    np.testing.assert_allclose(encode(engine, [[33]]), hidden_states([33]))
    np.testing.assert_allclose(token_states(engine, [[33]]), hidden_states([33]))
    assert engine.shapes == [(1, 1), (1, 1)]


def test_runs_hold_tokens_of_texts_and_nothing_else():
    engine = packed(max_batch_tokens=32, cores=2)
    encode(engine, many_texts())
    assert sum(count for count, _ in engine.shapes) == 500
    assert sum(tokens for _, tokens in engine.shapes) == sum(map(len, many_texts()))
    assert max(tokens for _, tokens in engine.shapes) == 32


def test_a_nan_is_reported_with_its_row():
    texts = [[20, 21], [22, NAN_ID, 23], [24]]
    with pytest.raises(InferenceError, match="not finite for row 1"):
        encode(packed(), texts)
    with pytest.raises(InferenceError, match="not finite for row 1"):
        token_states(packed(), texts)


@pytest.mark.parametrize("cores", [1, 3])
def test_a_failure_ends_the_call_early_and_leaves_the_engine_usable(cores):
    engine = packed(cores=cores)
    with pytest.raises(InferenceError, match="fails on this id"):
        encode(engine, [[THROW_ID] * 16, *many_texts(2000)])
    assert len(engine.shapes) < 100
    np.testing.assert_allclose(encode(engine, [[20]]), hidden_states([20]))


@pytest.mark.parametrize("cores", [1, 3])
def test_a_cancelled_call_stops_before_its_next_batch(cores):
    engine = packed(cores=cores)
    with pytest.raises(CancelledError):
        encode(engine, many_texts(2000), progress=lambda _: engine.cancel())
    assert 1 <= len(engine.shapes) < 100


def test_concurrent_calls_share_the_cores_and_no_buffers():
    engine = packed(cores=2)
    together, found = Barrier(4), {}

    def call(index):
        texts = many_texts()[index:]
        together.wait()
        found[index] = encode(engine, texts)

    threads = [Thread(target=call, args=(i,)) for i in range(together.parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(together.parties):
        expected = [hidden_states(text).mean(0) for text in many_texts()[index:]]
        np.testing.assert_allclose(found[index], expected, rtol=1e-6)
    assert engine.most_cores == 2
