"""The engine's own behaviour, with an encoder whose hidden states are a formula."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier, Thread

import numpy as np
import pytest
from _ortembed_testing import NAN_ID, THROW_ID, FakeEngine
from hypothesis import given
from hypothesis import strategies as st

from ortembed import CancelledError, InferenceError, InvalidInputError

DIMENSION = 4
# Ids of 13 and 14 misbehave.
TEXTS = st.lists(st.lists(st.integers(20, 99), min_size=1, max_size=16), max_size=60)


def encode(engine, texts, *, normalize=False, columns=DIMENSION, skip_tokens=0, progress=None):
    offsets = np.cumsum([0] + [len(text) for text in texts], dtype=np.int64)
    out = np.full((len(texts), columns), np.nan, np.float32)
    ids = np.array([i for text in texts for i in text], np.int64)
    engine.encode_ids(ids, offsets, out, normalize, skip_tokens, progress)
    return out


def hidden_states(text):
    """What the fake encoder gives for a text alone."""
    ids = np.array(text, np.float64)[:, None]
    return ids + np.arange(len(text))[:, None] / 8 + np.arange(DIMENSION) / 64


@given(TEXTS)
def test_each_row_is_pooled_from_its_own_tokens_and_lands_in_its_place(texts):
    expected = np.array([hidden_states(text).mean(0) for text in texts]).reshape(-1, DIMENSION)
    np.testing.assert_allclose(encode(FakeEngine(), texts), expected, rtol=1e-6)


@given(TEXTS)
def test_rows_are_normalized_after_truncation(texts):
    pooled = np.array([hidden_states(text).mean(0)[:3] for text in texts]).reshape(-1, 3)
    expected = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    np.testing.assert_allclose(encode(FakeEngine(), texts, normalize=True, columns=3), expected, rtol=1e-5)


def test_a_pooled_output_is_taken_as_it_is():
    engine = FakeEngine(pooled=True, pooling="max")
    np.testing.assert_allclose(encode(engine, [[20, 90], [30]]), [hidden_states([20])[0], hidden_states([30])[0]])


@given(st.lists(st.lists(st.integers(20, 99), min_size=4, max_size=16), max_size=30))
def test_the_tokens_of_a_prompt_are_left_out_of_every_row(texts):
    expected = np.array([hidden_states(text)[3:].mean(0) for text in texts]).reshape(-1, DIMENSION)
    np.testing.assert_allclose(encode(FakeEngine(), texts, skip_tokens=3), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("pooled", "skip_tokens", "message"),
    [
        (False, -1, "skip_tokens is -1, below 0"),
        (False, 2, "row 1 has 2 ids; leaving out the first 2 of them leaves none to pool"),
        (False, 2**62, "row 0 has 3 ids"),
        (True, 1, "pools by itself"),
    ],
)
def test_tokens_that_cannot_be_left_out_are_named(pooled, skip_tokens, message):
    engine = FakeEngine(pooled=pooled)
    with pytest.raises(InvalidInputError, match=message):
        encode(engine, [[20, 21, 22], [23, 24]], skip_tokens=skip_tokens)
    assert engine.shapes == []


def test_batches_stay_within_the_token_budget():
    engine = FakeEngine(max_batch_tokens=32)
    encode(engine, [[20] * 8] * 9)
    assert engine.shapes == [(4, 8), (4, 8), (1, 8)]


def test_no_texts_run_nothing():
    engine = FakeEngine()
    assert encode(engine, []).shape == (0, DIMENSION)
    assert engine.shapes == []


def test_a_nan_is_reported_with_its_row():
    with pytest.raises(InferenceError, match="not finite for row 1"):
        encode(FakeEngine(), [[20, 21], [NAN_ID], [22]])


@pytest.mark.parametrize("bad_id", [NAN_ID, THROW_ID])
def test_a_failed_call_leaves_the_engine_usable(bad_id):
    engine = FakeEngine()
    with pytest.raises(InferenceError):
        encode(engine, [[20], [bad_id]])
    np.testing.assert_allclose(encode(engine, [[20]]), [hidden_states([20])[0]])


@pytest.mark.parametrize("columns", [0, DIMENSION + 1])
def test_columns_must_fit_the_dimension(columns):
    engine = FakeEngine()
    with pytest.raises(InvalidInputError, match=f"out has {columns} columns; this model gives 1 to 4"):
        encode(engine, [[20]], columns=columns)
    assert engine.shapes == []


def test_concurrent_calls_do_not_share_buffers():
    engine = FakeEngine()
    texts = [[20 + i % 70] * (1 + i % 16) for i in range(500)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda text: encode(engine, [text])[0], texts))
    np.testing.assert_allclose(results, [hidden_states(text).mean(0) for text in texts], rtol=1e-6)


def many_texts(count=500):
    return [[20 + i % 70] * (1 + i % 16) for i in range(count)]


@given(TEXTS, st.integers(2, 5))
def test_cores_change_no_vector(texts, cores):
    np.testing.assert_array_equal(encode(FakeEngine(cores=cores), texts), encode(FakeEngine(), texts))


def test_many_texts_run_side_by_side_and_never_on_more_cores_than_there_are():
    engine = FakeEngine(cores=3)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: encode(engine, many_texts()), range(8)))
    assert engine.most_cores == 3


def test_concurrent_calls_keep_their_cores_instead_of_taking_turns_batch_by_batch():
    engine = FakeEngine()
    together = Barrier(2)

    def call(length):
        together.wait()
        encode(engine, [[20] * length] * 900)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, (8, 16)))
    lengths = [length for _, length in engine.shapes]
    assert len(lengths) > 600
    assert sum(a != b for a, b in pairwise(lengths)) < 60


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_threads_may_use_all_their_cpus_after_waiting_for_a_core():
    all_cpus = os.sched_getaffinity(0)
    cpus = set(sorted(all_cpus)[:2])
    together = Barrier(4)

    def call(_):
        together.wait()
        encode(engine, many_texts())
        return os.sched_getaffinity(0)

    os.sched_setaffinity(0, cpus)
    try:
        engine = FakeEngine(cores=len(cpus))  # the number with which threads are placed
        with ThreadPoolExecutor(together.parties) as pool:
            assert list(pool.map(call, range(together.parties))) == [cpus] * together.parties
    finally:
        os.sched_setaffinity(0, all_cpus)


def test_cancelled_calls_end_though_their_own_threads_wait_for_cores_that_their_helpers_hold():
    engine = FakeEngine(cores=2, run_microseconds=100_000)
    both_cores_free = Barrier(3)
    ended = []

    def call():
        waits = iter([lambda: both_cores_free.wait(10)])
        with pytest.raises(CancelledError):
            encode(engine, many_texts(60), progress=lambda _: next(waits, int)())
        ended.append(True)

    calls = [Thread(target=call, daemon=True) for _ in range(2)]
    for thread in calls:
        thread.start()
    both_cores_free.wait(10)  # then the helpers run, and the calls' own threads join the line
    time.sleep(0.03)
    engine.cancel()
    for thread in calls:
        thread.join(20)
    assert ended == [True, True]


def test_progress_counts_every_row_once():
    reported = []
    engine = FakeEngine(cores=3)
    encode(engine, many_texts(), progress=reported.append)
    assert sum(reported) == 500
    assert len(reported) > 1


@pytest.mark.parametrize("cores", [1, 3])
def test_what_progress_raises_ends_the_call(cores):
    def interrupt(rows):
        raise KeyboardInterrupt

    engine = FakeEngine(cores=cores)
    with pytest.raises(KeyboardInterrupt):
        encode(engine, many_texts(), progress=interrupt)
    assert len(engine.shapes) < 100  # of more than 400 batches
    np.testing.assert_allclose(encode(engine, [[20]]), [hidden_states([20])[0]])


@pytest.mark.parametrize("cores", [1, 3])
def test_a_cancelled_call_stops_before_its_next_batch(cores):
    engine = FakeEngine(cores=cores)
    with pytest.raises(CancelledError):
        encode(engine, many_texts(), progress=lambda _: engine.cancel())
    assert 1 <= len(engine.shapes) < 100


@pytest.mark.parametrize("cores", [1, 3])
def test_a_failure_ends_the_call_early(cores):
    texts = [[THROW_ID] * 16, *many_texts()]  # the longest, so it is in the first batch
    engine = FakeEngine(cores=cores)
    with pytest.raises(InferenceError, match="fails on this id"):
        encode(engine, texts)
    assert len(engine.shapes) < 100


@pytest.mark.parametrize("cores", [1, 3])
def test_no_failure_of_a_batch_hides_an_interrupt(cores):
    for _ in range(20):
        engine = FakeEngine(cores=cores)

        def interrupt(rows, engine=engine):
            engine.cancel()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            encode(engine, many_texts(100), progress=interrupt)
