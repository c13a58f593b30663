"""Embeddings of single tokens: each token's row in its place, for texts and for ids, and what is refused."""

import asyncio
import sys
import warnings
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from _ortembed_testing import count_allocations

import ortembed
from ortembed import CancelledError, InferenceError, InvalidInputError, TruncationWarning, _native
from ortembed.control import Control
from ortembed.token_embeddings import embed_tokens
from tests.python.mac import TEXTS as MAC_TEXTS
from tests.python.tiny_graphs import flatten
from tests.python.tiny_models import MEAN_POOLING, WORDS, bert_reference, bert_weights, save_bert, save_onnx

PROMPTS = {"prompts": {"query": "hello ", "other": "dog "}, "default_prompt_name": "other"}
SOME = ["hello world", "", "cat dog fish " * 4, "dog"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random BERT, which ends each text after 32 tokens, and adds a prompt unless asked otherwise."""
    folder = tmp_path_factory.mktemp("tiny")
    save_bert(folder / "model", **MEAN_POOLING, config_sentence_transformers=PROMPTS)
    return ortembed.Embedder(str(folder / "model"), cache_dir=folder / "cache")


def reference(words):
    ids = [WORDS.index(word) for word in ["[CLS]", *words.split(), "[SEP]"]]
    return bert_reference(bert_weights(), ids)


def assert_states(states, expected):
    assert [state.shape for state in states] == [state.shape for state in expected]
    for state, wanted in zip(states, expected, strict=True):
        assert state.dtype == np.float32
        np.testing.assert_allclose(state, wanted, rtol=0, atol=1e-5)


def test_texts_give_a_list_of_arrays_and_one_text_its_array(tiny):
    states = tiny.token_embeddings(SOME, prompt="")
    assert_states(states, [reference(text) for text in SOME])
    assert_states([tiny.token_embeddings(SOME[2], prompt="")], states[2:3])
    assert_states(tiny.token_embeddings((text for text in SOME), prompt=""), states)
    assert tiny.token_embeddings([]) == []


def test_each_array_has_memory_of_its_own(tiny):
    states = tiny.token_embeddings([*SOME, *SOME, "fish"], prompt="")
    assert all(state.flags.owndata and state.flags.writeable for state in states)
    states[0][:] = 0
    assert_states(states[1:], [reference(text) for text in [*SOME[1:], *SOME, "fish"]])


def test_rows_of_a_prompt_are_among_them(tiny):
    assert_states([tiny.token_embeddings("fish")], [reference("dog fish")])
    assert_states(tiny.token_embeddings(["fish"], prompt_name="query"), [reference("hello fish")])
    assert_states([tiny.token_embeddings("fish", prompt="cat ")], [reference("cat fish")])
    with pytest.raises(InvalidInputError, match="no prompt named 'poem'"):
        tiny.token_embeddings("fish", prompt_name="poem")


def test_rows_of_a_prompt_that_pooling_leaves_out_are_among_them(tmp_path):
    pooling = {**MEAN_POOLING["1_Pooling__config"], "include_prompt": False}
    save_bert(tmp_path / "model", modules=MEAN_POOLING["modules"], **{"1_Pooling__config": pooling})
    embedder = ortembed.Embedder(tmp_path / "model", cache_dir=tmp_path / "cache")
    states = embedder.token_embeddings(["cat fish"], prompt="hello world ")
    assert_states(states, [reference("hello world cat fish")])
    pooled = embedder.encode("cat fish", prompt="hello world ", normalize_embeddings=False)
    np.testing.assert_allclose(pooled, states[0][3:].mean(0), rtol=0, atol=1e-5)


def test_truncation_is_that_of_encode(tmp_path):
    save_bert(tmp_path / "model", **MEAN_POOLING)
    embedder = ortembed.Embedder(tmp_path / "model", cache_dir=tmp_path / "cache", max_seq_length=5)
    with pytest.warns(TruncationWarning, match="more than 5 tokens") as caught:
        states = embedder.token_embeddings(["cat", "dog fish cat hello"])
    assert caught[0].filename == __file__
    assert_states(states, [reference("cat"), reference("dog fish cat")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_states([embedder.token_embeddings("dog fish cat hello")], states[1:])


def test_many_windows_of_texts_keep_their_places(tiny, monkeypatch):
    monkeypatch.setattr("ortembed.token_embeddings._WINDOW_TOKENS", 40)
    texts = [" ".join(WORDS[4 + (i + j) % 6] for j in range(i % 20)).replace("nan", "cat") for i in range(50)]
    assert_states(tiny.token_embeddings(texts, prompt=""), [reference(text) for text in texts])


@pytest.mark.parametrize("texts", [None, 3, b"cat", ["cat", None], ["\ud800"], "\ud800"])
def test_what_is_no_text_is_refused(tiny, texts):
    with pytest.raises(InvalidInputError, match="texts"):
        tiny.token_embeddings(texts)


def test_ids_give_the_rows_of_their_texts(tiny):
    ids, offsets = flatten([[2, 4, 5, 3], [2, 3], [2, *[7, 8, 9] * 4, 3], [2, 8, 3]])
    states = tiny.token_embeddings_of_ids(ids, offsets)
    assert states.shape == (len(ids), 8)
    assert states.flags.owndata
    assert_states(np.split(states, offsets[1:-1]), [reference(text) for text in SOME])
    out = np.empty_like(states)
    assert tiny.token_embeddings_of_ids(ids.astype(np.int32), offsets, out=out) is out
    np.testing.assert_array_equal(out, states)
    pooled = tiny.encode_ids(ids, offsets)
    np.testing.assert_allclose(pooled, [states[a:b].mean(0) for a, b in pairwise(offsets)], rtol=0, atol=1e-5)
    assert tiny.token_embeddings_of_ids(ids[:0], offsets[:1]).shape == (0, 8)


IDS, OFFSETS = flatten([[2, 4, 3], [2, 3]])


@pytest.mark.parametrize(
    ("ids", "offsets", "message"),
    [
        ([2, 3], OFFSETS, "ids must be a 1-dimensional, C-contiguous numpy array"),
        (np.repeat(IDS, 2)[::2], OFFSETS, "ids must be a 1-dimensional, C-contiguous"),
        (np.broadcast_to(np.int64(2), (2**40,)), OFFSETS, "ids must be a 1-dimensional, C-contiguous"),
        (IDS.reshape(1, 5), OFFSETS, "ids must be a 1-dimensional"),
        (IDS.astype(np.uint64), OFFSETS, "ids must be of dtype int32 or int64"),
        (IDS, [0, 3, 5], "offsets must be a 1-dimensional numpy array"),
        (IDS, np.array([0, 3, 4]), r"offsets\[2\] is 4; it must be the number of ids, 5"),
        (IDS, np.array([0, 3, 2**62, 5]), r"row 1 has \d+ ids; this model takes at most 32"),
        (IDS, np.array([0, 5, 3, 5]), r"offsets\[2\] is 3, below the one before it"),
        (IDS, np.array([0, 3, 3, 5]), "row 1 has no ids"),
        (np.array([2, 10, 3]), np.array([0, 3]), "id 10 at position 1 of row 0 is outside the vocabulary of 10"),
        (np.full(33, 2), np.array([0, 33]), "row 0 has 33 ids; this model takes at most 32"),
    ],
)
def test_ids_that_do_not_fit_are_named(tiny, ids, offsets, message):
    with pytest.raises(InvalidInputError, match=message):
        tiny.token_embeddings_of_ids(ids, offsets)


def read_only(shape):
    array = np.empty(shape, np.float32)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 8), np.float32), r"out must be a float32 array of shape \(5, 8\), not shape \(2, 8\)"),
        (np.empty((5, 7), np.float32), r"not shape \(5, 7\)"),
        (np.empty((5, 8)), "out must be of dtype float32, not float64"),
        (np.empty((8, 5), np.float32).T, "out must be C-contiguous"),
        (read_only((5, 8)), "out must be a writable"),
        ([[0.0] * 8] * 5, "not list"),
    ],
)
def test_an_out_that_does_not_fit_is_refused(tiny, out, message):
    with pytest.raises(InvalidInputError, match=message):
        tiny.token_embeddings_of_ids(IDS, OFFSETS, out=out)


@pytest.mark.one_runtime
def test_the_native_call_makes_no_python_object_per_token(tiny):
    def allocations(texts):
        ids = np.full(texts * 10, 5, np.int64)
        offsets = np.arange(0, len(ids) + 1, 10, dtype=np.int64)
        out = np.empty((len(ids), 8), np.float32)
        call = partial(tiny._pipeline.engine.hidden_states, ids, offsets, out=out)
        call()
        return count_allocations(call)

    assert allocations(1) == allocations(1000) < 20


def test_calls_are_counted(tiny):
    before = tiny.stats()
    tiny.token_embeddings("cat", prompt="")
    tiny.token_embeddings(["cat", "dog", "cat"], prompt="")
    tiny.token_embeddings_of_ids(IDS, OFFSETS)
    done = tiny.stats() - before
    assert (done.calls, done.texts, done.duplicates, done.tokens) == (3, 1 + 3 + 2, 1, 3 + 6 + 5)
    assert min(done.tokenize_seconds, done.plan_seconds, done.run_seconds, done.pool_seconds) > 0


def test_progress_counts_each_text_and_may_end_the_call(tiny):
    texts = [f"{word} fish" for word in WORDS[4:] if word != "nan"] * 30
    recipe = tiny._pipeline.recipe(prompt="")
    done = []
    embed_tokens(tiny._pipeline, texts, recipe, Control(done.append), show_progress_bar=False)
    assert sum(done) == len(texts)
    cancellation = _native.Cancellation()
    cancellation.cancel()
    for given_texts in ("cat", ["cat"], texts):
        with pytest.raises(CancelledError):
            embed_tokens(tiny._pipeline, given_texts, recipe, Control(None, cancellation), show_progress_bar=False)


def test_a_cancelled_call_runs_nothing(tiny):
    cancellation = _native.Cancellation()
    cancellation.cancel()
    tokens = tiny._pipeline.tokenizer.encode(["cat", "dog"])
    states, before = np.empty((len(tokens.ids), 8), np.float32), tiny.stats()
    with pytest.raises(CancelledError):
        tiny._pipeline.hidden_states(states, tokens, Control(None, cancellation))
    assert tiny.stats().batches == before.batches


def test_a_bar_is_shown_where_it_is_asked_for(tiny, capsys):
    tiny.token_embeddings(["cat", "dog"], show_progress_bar=True)
    assert "2/2" in capsys.readouterr().err


def test_an_event_loop_can_have_it_run_in_the_background(tiny):
    call = partial(embed_tokens, tiny._pipeline, ["cat"], tiny._pipeline.recipe(prompt=""), show_progress_bar=False)
    assert_states(asyncio.run(tiny._background.run(call)), [reference("cat")])


def test_a_row_that_is_not_finite_is_named_by_its_text(tmp_path, monkeypatch):
    embedder = ortembed.Embedder(save_onnx(tmp_path / "model"), cache_dir=tmp_path / "cache")
    texts = ["cat dog", "fish nan", "dog"]
    with pytest.raises(InferenceError, match=r"not finite for row 1$"):
        embedder.token_embeddings(texts)
    with pytest.raises(InferenceError, match=r"not finite for row 1; equal texts count as one$"):
        embedder.token_embeddings([texts[0], *texts])
    monkeypatch.setattr("ortembed.token_embeddings._WINDOW_TOKENS", 1)
    with pytest.raises(InferenceError, match=r"not finite for row 0 \(rows counted from texts\[1\]\)$"):
        embedder.token_embeddings(texts)
    assert embedder.token_embeddings("dog").shape == (3, 3)


@pytest.mark.parametrize("texts", ["cat", ["cat"], []])
def test_a_model_whose_graph_pools_says_so_before_anything_runs(tmp_path, texts):
    folder = save_onnx(tmp_path / "model", output="sentence_embedding")
    embedder = ortembed.Embedder(folder, cache_dir=tmp_path / "cache")
    with pytest.raises(InvalidInputError, match="graph pools by itself: it gives one vector a text"):
        embedder.token_embeddings(texts)
    with pytest.raises(InvalidInputError, match="graph pools by itself"):
        embedder.token_embeddings_of_ids(IDS, OFFSETS)
    assert embedder.stats().calls == 0


@pytest.mark.parametrize("output", ["last_hidden_state", "token_embeddings"])
def test_an_onnx_file_with_hidden_states_gives_them(tmp_path, output):
    embedder = ortembed.Embedder(save_onnx(tmp_path / "model", output=output), cache_dir=tmp_path / "cache")
    rows = [WORDS.index(word) for word in ("[CLS]", "cat", "[SEP]")]
    np.testing.assert_array_equal(embedder.token_embeddings("cat")[:, 0], [3 * row + 1 for row in rows])


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")
@pytest.mark.parametrize("fault", [None, "zeros", "nan", "run"])
def test_buckets_give_the_states_that_the_cpu_gives(tested_mac, fault):
    on_cpu = tested_mac.load("cpu")[0].token_embeddings(MAC_TEXTS)
    embedder, _ = tested_mac.load()
    tested_mac.forget()
    if fault is None:
        assert_states(embedder.token_embeddings(MAC_TEXTS), on_cpu)
        assert all(event["coreml"] for event in tested_mac.events("run"))
        return
    tested_mac.faults(f"{fault}@1x32")
    with pytest.warns(ortembed.ProviderWarning, match="CoreML failed, and the CPU takes over"):
        assert_states(embedder.token_embeddings(MAC_TEXTS), on_cpu)
