"""Hidden states through the engine, with an encoder whose states are a formula: each token's row in its place."""

import numpy as np
import pytest
from _ortembed_testing import NAN_ID, FakeEngine
from hypothesis import given
from hypothesis import strategies as st

from ortembed import CancelledError, InferenceError, InvalidInputError
from tests.python.test_engine import DIMENSION, TEXTS, hidden_states, many_texts
from tests.python.tiny_graphs import flatten

SHAPES = [(1, 16), (3, 8), (2, 16)]


def run(engine, texts, progress=None, *, columns=DIMENSION, rows=0):
    ids, offsets = flatten(texts)
    out = np.full((len(ids) + rows, columns), np.nan, np.float32)
    engine.hidden_states(ids, offsets, out, progress)
    return out


def expected(texts):
    return np.concatenate([np.empty((0, DIMENSION)), *map(hidden_states, texts)])


@given(TEXTS, st.integers(1, 3), st.sampled_from([[], SHAPES]))
def test_each_token_lands_in_the_row_of_its_id_and_padding_nowhere(texts, cores, buckets):
    engine = FakeEngine(cores=cores, run_microseconds=0, buckets=buckets)
    np.testing.assert_allclose(run(engine, texts), expected(texts), rtol=1e-6)


def test_batches_are_those_of_encoding():
    states, vectors = FakeEngine(), FakeEngine()
    run(states, many_texts())
    ids, offsets = flatten(many_texts())
    vectors.encode_ids(ids, offsets, np.empty((500, DIMENSION), np.float32), normalize=False)
    assert sorted(states.shapes) == sorted(vectors.shapes)


def test_a_value_that_is_not_finite_is_reported_with_its_row():
    with pytest.raises(InferenceError, match="not finite for row 1"):
        run(FakeEngine(), [[20, 21], [22, 23, NAN_ID], [24]])


@pytest.mark.parametrize(("rows", "columns"), [(1, DIMENSION), (-1, DIMENSION), (0, DIMENSION - 1), (0, 5)])
def test_an_output_of_another_size_is_refused_before_anything_runs(rows, columns):
    engine = FakeEngine()
    with pytest.raises(InvalidInputError, match=f"out is {3 + rows} x {columns}; the hidden states of 3 tokens are"):
        run(engine, [[20, 21], [22]], columns=columns, rows=rows)
    assert engine.shapes == []


def test_a_graph_that_pools_is_refused():
    engine = FakeEngine(pooled=True)
    with pytest.raises(InvalidInputError, match="one vector a text, and no hidden states of tokens"):
        run(engine, [[20]])
    assert engine.shapes == []


@pytest.mark.parametrize("cores", [1, 3])
def test_a_call_is_watched_and_stops_before_its_next_batch(cores):
    engine = FakeEngine(cores=cores)
    done = []
    run(engine, many_texts(), done.append)
    assert sum(done) == 500
    engine = FakeEngine(cores=cores)
    with pytest.raises(CancelledError):
        run(engine, many_texts(), lambda _: engine.cancel())
    assert 1 <= len(engine.shapes) < 100
