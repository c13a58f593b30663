"""The public class on the real model: shapes, options, prompts, usage, truncation, health, threads, forks."""

import multiprocessing
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ortembed
from ortembed import InvalidInputError, ServiceUnavailableError, TruncationWarning
from tests.python.tiny_models import MEAN_POOLING, NAN_ID, save_bert, save_onnx

TEXTS = ["hello world", "", "a cat sat on the mat"]
PROMPTS = {"prompts": {"query": "hello", "passage": "cat", "other": "dog"}}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A random BERT that does not normalize, with prompts."""
    folder = tmp_path_factory.mktemp("tiny")
    save_bert(folder / "model", **MEAN_POOLING, config_sentence_transformers=PROMPTS)
    return ortembed.Embedder(str(folder / "model"), cache_dir=folder / "cache")


def test_shapes(embedder):
    assert embedder.encode(TEXTS).shape == (3, 384)
    assert embedder.encode("one").shape == (384,)
    assert embedder.encode([]).shape == (0, 384)
    assert embedder.encode(text for text in TEXTS).shape == (3, 384)
    assert embedder.encode([]).dtype == embedder.encode("one").dtype == np.float32


def test_one_text_is_the_row_of_a_list_of_one(embedder):
    np.testing.assert_array_equal(embedder.encode("hello"), embedder.encode(["hello"])[0])


def test_an_empty_text_has_the_vector_of_its_special_tokens(embedder):
    specials = embedder.encode_ids(np.array([101, 102]), np.array([0, 2]))
    np.testing.assert_allclose(embedder.encode([""]), specials, atol=1e-7)


def test_many_texts_keep_their_places(embedder):
    texts = [f"text number {i}" for i in range(600)]  # more than are planned together
    vectors = embedder.encode(texts)
    some = [0, 511, 512, 599]
    np.testing.assert_allclose(vectors[some], embedder.encode([texts[i] for i in some]), atol=1e-6)


def test_normalization_follows_the_model_unless_asked(embedder, tiny):
    assert np.linalg.norm(embedder.encode("hello")) == pytest.approx(1, abs=1e-6)
    assert np.linalg.norm(embedder.encode("hello", normalize_embeddings=False)) > 1.1
    raw = tiny.encode("hello")
    assert abs(np.linalg.norm(raw) - 1) > 0.01
    unit = tiny.encode("hello", normalize_embeddings=True)
    np.testing.assert_allclose(unit, raw / np.linalg.norm(raw), rtol=1e-6)


def test_dimensions_are_cut_before_normalization(embedder):
    cut = embedder.encode(TEXTS, normalize_embeddings=False)[:, :100]
    expected = cut / np.linalg.norm(cut, axis=1, keepdims=True)
    np.testing.assert_allclose(embedder.encode(TEXTS, truncate_dim=100), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("texts", "shape"), [(TEXTS, (3, 384)), ("one", (384,))])
def test_out_is_written_and_given_back(embedder, texts, shape):
    out = np.empty(shape, np.float32)
    assert embedder.encode(texts, out=out) is out
    np.testing.assert_array_equal(out, embedder.encode(texts))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truncate_dim": 0}, "truncate_dim is 0, not an int from 1 to 384"),
        ({"truncate_dim": 385}, "truncate_dim is 385"),
        ({"truncate_dim": True}, "truncate_dim is True"),
        ({"normalize_embeddings": "yes"}, "normalize_embeddings is 'yes', not a bool"),
        ({"prompt_name": "poem"}, "no prompt named 'poem'; it has none"),
        ({"prompt": 3}, "prompt is int, not str"),
        ({"out": np.empty((2, 384), np.float32)}, r"out must be a float32 array of shape \(3, 384\), not shape \(2"),
        ({"out": np.empty(384, np.float32)}, r"not shape \(384,\)"),
    ],
)
def test_an_option_that_does_not_fit_is_named(embedder, options, message):
    with pytest.raises(InvalidInputError, match=message):
        embedder.encode(TEXTS, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads is 0, not an int from 1 to 1024"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"threads": 2**31}, "threads is 2147483648"),
        ({"max_seq_length": 513}, "max_seq_length is 513, not an int from 1 to 512"),
        ({"max_seq_length": 2}, "must exceed the 2 special tokens"),
        ({"model": ""}, "model is ''"),
        ({"model": 3}, "model is 3"),
        ({"dtype": "float16"}, "dtype is 'float16', none of float32, bfloat16, int8"),
        ({"cache_dir": 5}, "cache_dir is 5, not a folder"),
        ({"revision": 7}, "revision is 7, not a text"),
        ({"onnx_file": Path("model.onnx")}, r"onnx_file is .*Path\('model.onnx'\), not a text"),
        ({"local_files_only": "y"}, "local_files_only is 'y', not a bool"),
    ],
)
def test_a_wrong_setting_is_named(cache_dir, options, message):
    with pytest.raises(InvalidInputError, match=message):
        ortembed.Embedder(**{"cache_dir": cache_dir, "local_files_only": True, **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "no/such/folder"}, "'no/such/folder' is neither a folder nor a model's name on the hub"),
        ({"model": "x" * 5000}, "cannot find model"),
        (
            {"model": "someone/unknown"},
            "cannot find model 'someone/unknown' on the hub",
        ),
        # A short name at another revision is still that repository, but its hashes are not known.
        ({"revision": "v9"}, "sentence-transformers/all-MiniLM-L6-v2 at revision v9"),
    ],
)
def test_a_model_that_is_nowhere_is_named(cache_dir, options, message):
    with pytest.raises(ortembed.ModelNotFoundError, match=message):
        ortembed.Embedder(**options, cache_dir=cache_dir, local_files_only=True)


def test_a_model_is_known_by_its_name_on_the_hub_too(cache_dir, embedder):
    other = ortembed.Embedder("Sentence-Transformers/All-MiniLM-L6-v2", cache_dir=cache_dir, local_files_only=True)
    np.testing.assert_array_equal(other.encode("hello"), embedder.encode("hello"))


def test_prompts_go_before_the_text(tiny):
    plain = tiny.encode(["hello fish", "cat fish", "dog fish", "fish"])
    np.testing.assert_allclose(tiny.encode("fish", prompt_name="other"), tiny.encode("dogfish"), atol=1e-6)
    np.testing.assert_allclose(tiny.encode("fish", prompt="hello "), plain[0], atol=1e-6)
    np.testing.assert_allclose(tiny.encode(" fish", prompt="dog", prompt_name="query"), plain[2], atol=1e-6)
    np.testing.assert_allclose(tiny.encode_query(" fish"), plain[0], atol=1e-6)
    np.testing.assert_allclose(tiny.encode_document(" fish"), plain[1], atol=1e-6)
    np.testing.assert_allclose(tiny.encode_query(" fish", prompt_name="other"), plain[2], atol=1e-6)
    np.testing.assert_allclose(tiny.encode("fish"), plain[3], atol=1e-6)
    assert tiny.prompts == PROMPTS["prompts"]
    for encode in (tiny.encode, tiny.encode_query, tiny.encode_document):
        with pytest.raises(InvalidInputError, match="no prompt named ''"):
            encode("fish", prompt_name="")


def test_a_default_prompt_is_used(tmp_path):
    default = {**PROMPTS, "default_prompt_name": "query"}
    save_bert(tmp_path / "model", **MEAN_POOLING, config_sentence_transformers=default)
    embedder = ortembed.Embedder(str(tmp_path / "model"), cache_dir=tmp_path)
    np.testing.assert_allclose(embedder.encode(" fish"), embedder.encode("hello fish", prompt=""), atol=1e-6)


def test_truncation_warns_once_and_is_counted(cache_dir):
    embedder = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True, max_seq_length=8)
    long = "cat " * 20
    with pytest.warns(TruncationWarning, match="some texts have more than 8 tokens") as caught:
        vectors = embedder.encode(["cat", long])
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(embedder.encode(["cat " * 6]), vectors[1:], atol=1e-6)
        assert embedder.embed(["cat", long]).usage.total_tokens == 3 + 8
    assert embedder.token_count(["cat", long]).tolist() == [3, 22]


def test_max_seq_length_may_go_up_to_what_the_weights_allow(cache_dir):
    embedder = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True, max_seq_length=512)
    assert np.linalg.norm(embedder.encode("cat " * 500)) == pytest.approx(1, abs=1e-6)


def test_a_response_has_vectors_model_and_usage(embedder):
    response = embedder.embed(TEXTS)
    np.testing.assert_array_equal(response.embeddings, embedder.encode(TEXTS))
    assert response.model == "all-minilm-l6-v2"
    assert response.usage.total_tokens == embedder.token_count(TEXTS).sum() == 4 + 2 + 8
    assert response.usage.duration_ms > 0


def test_model_info(embedder):
    info = embedder.model_info()
    assert (info.model, info.dimension, info.max_tokens, info.dtype) == ("all-minilm-l6-v2", 384, 256, "float32")
    assert info.providers == ("CPUExecutionProvider",)
    assert info.runtime_version.startswith("1.")
    assert len(embedder.fingerprint) == 32


def test_similarity(embedder):
    vectors = embedder.encode(["a cat", "a kitten", "a car engine"])
    scores = embedder.similarity(vectors[0], vectors)
    assert scores.shape == (1, 3)
    assert scores[0, 0] == pytest.approx(1, abs=1e-6)
    assert 1 > scores[0, 1] > scores[0, 2]
    np.testing.assert_allclose(embedder.similarity(vectors * 5, vectors), vectors @ vectors.T, atol=1e-6)


@pytest.mark.parametrize("other", [np.ones(383), np.ones((1, 1, 384)), ["text"]])
def test_similarity_names_what_does_not_fit(embedder, other):
    with pytest.raises(InvalidInputError, match="b "):
        embedder.similarity(np.ones(384), other)


def test_dot_similarity_where_the_model_says_so(tmp_path):
    save_bert(tmp_path / "model", **MEAN_POOLING, config_sentence_transformers={"similarity_fn_name": "dot"})
    embedder = ortembed.Embedder(str(tmp_path / "model"), cache_dir=tmp_path)
    assert embedder.similarity([1, 2], [[3, 4]]).tolist() == [[11]]


def test_a_healthy_embedder_passes_its_check(embedder):
    embedder.health_check()


@pytest.mark.one_runtime
def test_an_embedder_whose_model_gives_nan_fails_its_check(tmp_path):
    folder = save_onnx(tmp_path / "model", nan_ids=range(NAN_ID + 1))
    embedder = ortembed.Embedder(str(folder), cache_dir=tmp_path)
    with pytest.raises(ServiceUnavailableError, match="an embedding cannot be made: .* not finite"):
        embedder.health_check()


@pytest.mark.one_runtime
def test_1000_concurrent_calls_from_8_threads_equal_serial_ones(embedder):
    texts = [" ".join(["token"] * (1 + i % 23)) + f" {i}" for i in range(1000)]
    expected = embedder.encode(texts)
    with ThreadPoolExecutor(8) as pool:
        vectors = np.array(list(pool.map(embedder.encode, texts)))
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)


def _encode_in_child(embedder, queue):
    try:
        embedder.health_check()
        queue.put("no error")
    except ServiceUnavailableError as error:
        queue.put(str(error))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_gets_an_error_and_ends_cleanly(tiny):
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_encode_in_child, args=(tiny, queue))
    child.start()
    assert f"was made in process {os.getpid()} and does not survive fork()" in queue.get()
    child.join()
    assert child.exitcode == 0
    tiny.health_check()
