"""Packed texts through a real graph, which the runtime's own operators run: ids and offsets in, a row a token out."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from _ortembed_testing import hidden_states
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from ortembed import InferenceError, ModelLoadError, _native
from ortembed.runtime_library import find_runtime_library
from tests.python.test_coreml_lifecycle import fork
from tests.python.test_second_session import MANY, encode, open_engine
from tests.python.tiny_graphs import TABLE, flatten, lookup_states, save_packed_lookup

TEXTS = [[3, 4], [5], [6, 7, 8, 9, 49], [1, 2, 3]]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return save_packed_lookup(tmp_path_factory.mktemp("graph") / "packed.onnx")


@pytest.fixture(scope="module")
def engine(graph):
    return open_engine(graph)


@given(st.lists(st.lists(st.integers(0, 49), min_size=1, max_size=100), max_size=30))
def test_each_vector_is_that_of_its_text(engine, texts):
    expected = np.array([lookup_states(text).mean(0) for text in texts]).reshape(-1, TABLE.shape[1])
    np.testing.assert_allclose(encode(engine, texts), expected, rtol=1e-4, atol=1e-4)


def test_both_sessions_give_the_same(engine):
    expected = [lookup_states(text).mean(0) for text in MANY]
    np.testing.assert_allclose(encode(engine, MANY), expected, rtol=1e-5)
    np.testing.assert_allclose([encode(engine, [text])[0] for text in MANY], expected, rtol=1e-5)


def test_concurrent_calls_do_not_share_buffers(engine):
    texts = [[i % 50] * (1 + i % 16) for i in range(300)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda text: encode(engine, [text])[0], texts))
    np.testing.assert_allclose(results, [lookup_states(text).mean(0) for text in texts], rtol=1e-5)


def test_nothing_that_ran_was_padding(graph):
    engine = open_engine(graph)
    encode(engine, MANY + TEXTS)
    stats = engine.stats()
    assert stats["padded_tokens"] == stats["tokens"] == sum(map(len, MANY + TEXTS))


def test_hidden_states_are_those_of_each_token(engine, graph):
    ids, offsets = flatten(TEXTS)
    out = np.empty((len(ids), TABLE.shape[1]), np.float32)
    engine.hidden_states(ids, offsets, out=out)
    alone = hidden_states(find_runtime_library(), graph, ids, offsets)
    for text, start, rows in zip(TEXTS, offsets, alone, strict=False):
        np.testing.assert_allclose(out[start : start + len(text)], lookup_states(text), rtol=1e-5)
        np.testing.assert_allclose(rows, lookup_states(text), rtol=1e-5)


def test_a_width_that_the_graph_leaves_open_is_found_by_a_run(tmp_path):
    assert open_engine(save_packed_lookup(tmp_path / "open.onnx", width="width")).dimension == TABLE.shape[1]


def test_an_output_of_another_shape_is_an_error(tmp_path):
    first_row = helper.make_node("Slice", ["all", "zero", "one"], ["last_hidden_state"])
    engine = open_engine(save_packed_lookup(tmp_path / "first.onnx", nodes=[first_row]))
    np.testing.assert_allclose(encode(engine, [[3]]), [lookup_states([3])[0]], rtol=1e-6)
    with pytest.raises(InferenceError, match=r"'last_hidden_state' has shape \[1, 6\] where \[2, 6\] was expected"):
        encode(engine, [[3, 4]])


def test_an_open_output_of_another_rank_is_an_error_when_the_model_is_loaded(tmp_path):
    flat = helper.make_node("Squeeze", ["all"], ["last_hidden_state"])
    with pytest.raises(ModelLoadError, match=r"'last_hidden_state' has shape \[6\] for one token"):
        open_engine(save_packed_lookup(tmp_path / "flat.onnx", width="width", nodes=[flat]))


def test_embeddings_and_buckets_are_for_other_graphs(graph):
    with pytest.raises(ModelLoadError, match="takes ids and offsets, so it cannot have an EmbeddingTable"):
        open_engine(graph, embeddings=_native.EmbeddingTable(TABLE))
    with pytest.raises(ModelLoadError, match="takes ids and offsets, so it has no batches of fixed shapes"):
        open_engine(graph, buckets=[(1, 16)], open_bucket=lambda rows, tokens, make: make(None))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_gets_an_error_and_never_hangs(engine):
    encode(engine, MANY)
    assert fork(lambda: encode(engine, MANY)) == 7
