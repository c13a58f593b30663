"""The engine over a graph of our own operators: packed texts from ids to vectors, on one core and on all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from _ortembed_testing import Model, Session

from ortembed import InferenceError
from ortembed.runtime_library import find_runtime_library
from tests.python import packed_graphs as graphs
from tests.python.test_operator_sessions import DTYPES, save_encoder
from tests.python.test_second_session import encode, open_engine
from tests.python.tiny_graphs import flatten

RANDOM = np.random.default_rng(9)
LENGTHS = [3, 16, 1, 7, 12, 2, 16] * 40  # work enough for two cores to run side by side
TEXTS = [list(RANDOM.integers(0, graphs.VOCABULARY, length)) for length in LENGTHS]


@pytest.fixture(scope="module", params=DTYPES)
def graph(request, tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("graph") / "model.onnx", request.param)[0]


@pytest.fixture(scope="module")
def engine(graph):
    return open_engine(graph, vocab_size=graphs.VOCABULARY)


def token_states(engine, texts):
    ids, offsets = flatten(texts)
    out = np.empty((len(ids), graphs.WIDTH), np.float32)
    engine.hidden_states(ids, offsets, out=out)
    return np.split(out, offsets[1:-1])


def test_every_token_has_the_state_that_a_run_of_its_text_alone_gives(graph, engine):
    session = Session(Model(find_runtime_library(), graph), 1)
    for text, states in zip(TEXTS, token_states(engine, TEXTS), strict=True):
        alone = session.run_with({"ids": np.array(text), "offsets": np.array([0, len(text)])})
        np.testing.assert_array_equal(states, alone)


def test_vectors_are_the_means_of_those_states(engine):
    expected = [states.astype(np.float64).mean(0) for states in token_states(engine, TEXTS)]
    np.testing.assert_allclose(encode(engine, TEXTS, graphs.WIDTH), expected, rtol=1e-4, atol=1e-5)


def test_a_vector_does_not_depend_on_its_company_the_cores_or_the_budget(graph, engine):
    together = encode(engine, TEXTS, graphs.WIDTH)
    alone = [encode(engine, [text], graphs.WIDTH)[0] for text in TEXTS]
    np.testing.assert_array_equal(together, alone)
    for threads, budget in itertools.product((1, 3), (20, 1000)):
        other = open_engine(graph, vocab_size=graphs.VOCABULARY, threads=threads, max_batch_tokens=budget)
        np.testing.assert_array_equal(encode(other, TEXTS, graphs.WIDTH), together)


def test_what_an_operator_refuses_is_an_error_that_leaves_the_engine_usable(engine):
    with pytest.raises(InferenceError, match="the model failed to run: "):
        encode(engine, [*TEXTS, [1] * (graphs.POSITIONS + 1)], graphs.WIDTH)
    assert np.isfinite(encode(engine, TEXTS, graphs.WIDTH)).all()
