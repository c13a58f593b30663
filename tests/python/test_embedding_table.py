"""The embedding lookup outside the graph, and graphs that take its result, against numpy."""

import gc
from concurrent.futures import ThreadPoolExecutor

import _ortembed_testing
import numpy as np
import pytest
from _ortembed_testing import count_allocations, hidden_states
from hypothesis import given
from hypothesis import strategies as st

from ortembed import InvalidInputError, ModelLoadError
from ortembed._native import EmbeddingTable, Engine
from ortembed.runtime_library import find_runtime_library
from tests.python.tiny_graphs import flatten, save_embedded, save_lookup

VOCAB, POSITIONS, WIDTH = 50, 17, 6
RANDOM = np.random.default_rng(11)
TEXTS = [[3, 4], [5], [6, 7, 8, 9, 49], [1, 2, 3]]


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


WORD, POSITION, SCALE, BIAS = normal(VOCAB, WIDTH), normal(POSITIONS, WIDTH), normal(WIDTH), normal(WIDTH)
EPSILON = 1e-5
BERT = {"word": WORD, "position": POSITION, "scale": SCALE, "bias": BIAS, "epsilon": EPSILON}


def layer_norm(x):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON) * SCALE + BIAS


def bert_rows(text):
    return layer_norm(WORD[text].astype(np.float64) + POSITION[: len(text)])


def run_rows(text):
    """What the graph of save_embedded gives for the rows of a text."""
    rows = bert_rows(text)
    return rows + rows.mean(0) + rows.sum(0)


ANY_TEXT = st.lists(st.integers(0, VOCAB - 1), max_size=POSITIONS - 1)


@given(ANY_TEXT)
def test_word_position_and_norm_match_numpy(text):
    rows = EmbeddingTable(**BERT).lookup(np.array(text, np.int64))
    assert (rows.dtype, rows.shape) == (np.float32, (len(text), WIDTH))
    np.testing.assert_allclose(rows, bert_rows(text), rtol=0, atol=1e-5)


@given(ANY_TEXT)
def test_position_norm_and_bias_may_be_absent(text):
    ids = np.array(text, np.int64)
    np.testing.assert_array_equal(EmbeddingTable(WORD).lookup(ids), WORD[ids])
    np.testing.assert_array_equal(EmbeddingTable(WORD, POSITION).lookup(ids), WORD[ids] + POSITION[: len(ids)])
    without_bias = EmbeddingTable(WORD, scale=SCALE, epsilon=EPSILON).lookup(ids)
    np.testing.assert_allclose(without_bias, layer_norm(WORD[ids].astype(np.float64)) - BIAS, rtol=0, atol=1e-5)


@given(ANY_TEXT)
def test_padding_id_counts_positions_as_roberta_does(text):
    # create_position_ids_from_input_ids of transformers, less its padding_idx, which the table was cut by.
    ids = np.array([1 if i % 3 == 0 else i for i in text], np.int64)
    is_token = (ids != 1).astype(np.int64)
    positions = np.cumsum(is_token) * is_token
    rows = EmbeddingTable(WORD, POSITION, padding_id=1).lookup(ids)
    np.testing.assert_array_equal(rows, WORD[ids] + POSITION[positions])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"word": WORD.astype(np.float16)}, "word must be of dtype float32"),
        ({"word": WORD[0]}, "word must be 2-dimensional, not 1-dimensional"),
        ({"word": WORD[:, ::2]}, "word must be C-contiguous"),
        ({"word": None}, "word must be a numpy array of a native dtype, not NoneType"),
        ({"word": WORD[:0]}, "word is empty"),
        ({"word": normal(3, 0)}, "word is empty"),
        ({"position": normal(4, WIDTH + 1)}, "position is 7 wide, and word is 6 wide"),
        ({"position": POSITION[0]}, "position must be 2-dimensional"),
        ({"scale": normal(5), "bias": None}, "scale is 5 wide, and word is 6 wide"),
        ({"bias": normal(5)}, "bias has 5 values and scale has 6"),
        ({"scale": None}, "bias is given without scale"),
        ({"epsilon": 0.0}, "epsilon is 0.0"),
        ({"position": None, "padding_id": 1}, "padding_id is given without position"),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, message):
    with pytest.raises(InvalidInputError, match=message):
        EmbeddingTable(**{**BERT, **change})


@pytest.mark.parametrize(
    ("ids", "padding_id", "message"),
    [
        (np.array([VOCAB]), None, "id 50 is outside the 50 rows of word"),
        (np.array([-1]), None, "id -1 is outside"),
        (np.array([0, 2**62]), None, "id 4611686018427387904 is outside"),
        (np.zeros(POSITIONS + 1, np.int64), None, "position 17 is outside the table's rows"),
        (np.zeros(POSITIONS, np.int64), 1, "position 17 is outside the table's rows"),
        (np.array([1], np.int32), None, "ids must be of dtype int64"),
        ([1], None, "ids must be a numpy array"),
    ],
)
def test_ids_without_a_row_are_named(ids, padding_id, message):
    with pytest.raises(InvalidInputError, match=message):
        EmbeddingTable(WORD, POSITION, padding_id=padding_id).lookup(ids)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return save_embedded(tmp_path_factory.mktemp("graph") / "embedded.onnx", WIDTH)


def make_engine(graph, embeddings, **limits):
    limits = {"vocab_size": VOCAB, "max_tokens": 16, "max_batch_tokens": 8, "threads": 1} | limits
    return Engine(library=find_runtime_library(), model=graph, pooling="mean", embeddings=embeddings, **limits)


@pytest.fixture(scope="module")
def engine(graph):
    return make_engine(graph, EmbeddingTable(**BERT))


def encode(engine, texts):
    ids, offsets = flatten(texts)
    out = np.full((len(texts), engine.dimension), np.nan, np.float32)
    engine.encode_ids(ids, offsets, out=out, normalize=False)
    return out


@given(st.lists(st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=16), max_size=12))
def test_rows_do_not_depend_on_the_padding_beside_them(engine, texts):
    expected = np.array([run_rows(text).mean(0) for text in texts]).reshape(-1, WIDTH)
    np.testing.assert_allclose(encode(engine, texts), expected, atol=1e-4)


def test_every_token_of_one_padded_batch_is_right(graph):
    table = _ortembed_testing.EmbeddingTable(**BERT)
    states = hidden_states(find_runtime_library(), graph, *flatten(TEXTS), table)
    for text, rows in zip(TEXTS, states, strict=True):
        np.testing.assert_allclose(rows, run_rows(text), rtol=0, atol=1e-5)


def test_arrays_stay_alive_and_are_not_copied(graph, tmp_path):
    path = tmp_path / "word.npy"
    np.save(path, WORD)
    mapped = np.load(path, mmap_mode="r+")
    engine = make_engine(graph, EmbeddingTable(mapped, POSITION.copy(), SCALE, BIAS, EPSILON))
    mapped[3] = WORD[5]
    mapped.flush()
    del mapped
    gc.collect()
    np.testing.assert_allclose(encode(engine, [[3, 4], [5]]), encode(engine, [[5, 4], [5]]), rtol=0, atol=0)


def test_a_file_mapped_for_reading_will_do(graph, tmp_path):
    np.save(tmp_path / "word.npy", WORD)
    mapped = np.load(tmp_path / "word.npy", mmap_mode="r")
    engine = make_engine(graph, EmbeddingTable(**{**BERT, "word": mapped}))
    np.testing.assert_allclose(encode(engine, TEXTS), [run_rows(text).mean(0) for text in TEXTS], atol=1e-5)


def test_concurrent_calls_do_not_share_buffers(engine):
    texts = [[i % VOCAB] * (1 + i % 16) for i in range(300)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda text: encode(engine, [text])[0], texts))
    np.testing.assert_allclose(results, [run_rows(text).mean(0) for text in texts], rtol=0, atol=1e-4)


def test_no_python_object_is_made_per_token(engine):
    def allocations(rows):
        ids, offsets = flatten([[1, 2, 3]] * rows)
        out = np.empty((rows, WIDTH), np.float32)

        def call():
            engine.encode_ids(ids, offsets, out=out, normalize=True)

        call()
        return count_allocations(call)

    assert allocations(1) == allocations(1000) < 20


def test_a_graph_and_its_embeddings_must_fit(graph, tmp_path):
    with pytest.raises(ModelLoadError, match="takes hidden and mask, so it needs an EmbeddingTable"):
        make_engine(graph, None)
    with pytest.raises(ModelLoadError, match="takes input_ids, so it cannot have an EmbeddingTable"):
        make_engine(save_lookup(tmp_path / "lookup.onnx"), EmbeddingTable(**BERT))
    with pytest.raises(ModelLoadError, match="'hidden' is 6 wide, and the EmbeddingTable is 5 wide"):
        make_engine(graph, EmbeddingTable(normal(VOCAB, 5)))


@pytest.mark.parametrize(
    ("limits", "padding_id", "message"),
    [
        ({"vocab_size": VOCAB + 1}, None, "vocab_size is 51, and word has 50 rows"),
        ({"max_tokens": POSITIONS + 1}, None, "max_tokens is 18, and position has rows for 17"),
        ({"max_tokens": POSITIONS}, 1, "max_tokens is 17, and position has rows for 16"),
    ],
)
def test_limits_beyond_the_tables_are_named(graph, limits, padding_id, message):
    with pytest.raises(InvalidInputError, match=message):
        make_engine(graph, EmbeddingTable(**BERT, padding_id=padding_id), **limits)


@pytest.mark.parametrize(("tokens", "padding_id"), [(POSITIONS, None), (POSITIONS - 1, 1)])
def test_the_longest_text_has_positions(graph, tokens, padding_id):
    engine = make_engine(graph, EmbeddingTable(**BERT, padding_id=padding_id), max_tokens=tokens)
    assert np.isfinite(encode(engine, [[2] * tokens])).all()
