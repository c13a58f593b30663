"""An engine in buckets: each opened when it is first needed, through Python, and what becomes of failures."""

import threading
import weakref

import numpy as np
import pytest

from ortembed import InferenceError, InvalidInputError, ModelLoadError, ProviderUnavailableError, _native
from ortembed.runtime_library import find_runtime_library
from tests.python.tiny_graphs import flatten, save_embedded, save_lookup

WIDTH = 6
WORD = np.random.default_rng(5).standard_normal((50, WIDTH)).astype(np.float32)
BUCKETS = [(1, 4), (1, 8), (3, 8)]
TEXTS = [[1, 2], [3, 4, 5, 6, 7], [8], [9] * 8, [10, 11, 12, 13, 14, 15]]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return save_embedded(tmp_path_factory.mktemp("graph") / "model.onnx", WIDTH)


class Opener:
    """Opens buckets, and keeps a record."""

    def __init__(self):
        self.opened = []

    def __call__(self, rows, tokens, make):
        make(None)
        self.opened.append((rows, tokens))


def make_engine(graph, opener=None, **changes):
    arguments = {
        "library": find_runtime_library(),
        "model": graph,
        "pooling": "mean",
        "vocab_size": len(WORD),
        "max_tokens": 16,
        "max_batch_tokens": 64,
        "threads": 2,
        "embeddings": _native.EmbeddingTable(WORD),
        "buckets": BUCKETS,
        "open_bucket": opener or Opener(),
    }
    return _native.Engine(**{**arguments, **changes})


def encode(engine, texts):
    ids, offsets = flatten(texts)
    out = np.empty((len(texts), WIDTH), np.float32)
    engine.encode_ids(ids, offsets, out=out, normalize=False)
    return out


def expected(texts):
    """By the formula of the graph: hidden + attention to every token, uniform, + the sum."""
    hidden = [WORD[text].astype(np.float64) for text in texts]
    return np.stack([(h + h.mean(0) + h.sum(0)).mean(0) for h in hidden])


def test_padding_of_rows_and_of_texts_changes_no_vector(graph):
    engine = make_engine(graph)
    texts = [[i % 50] * (1 + i % 8) for i in range(40)]
    np.testing.assert_allclose(encode(engine, texts), expected(texts), rtol=1e-4)
    stats = engine.stats()
    assert stats["padded_tokens"] > stats["tokens"]


def test_a_bucket_is_opened_when_a_text_first_needs_it(graph):
    opener = Opener()
    engine = make_engine(graph, opener)
    assert opener.opened == [(1, 4)]
    encode(engine, [[1, 2, 3]])
    assert opener.opened == [(1, 4)]
    encode(engine, [[1] * 5])
    encode(engine, [[1] * 6])
    assert opener.opened == [(1, 4), (1, 8)]
    assert [bucket[:4] for bucket in engine.buckets] == [(1, 4, True, ""), (1, 8, True, ""), (3, 8, False, "")]


def test_callers_that_come_together_open_a_bucket_once(graph):
    opener = Opener()
    engine = make_engine(graph, opener)
    threads = [threading.Thread(target=encode, args=(engine, [[1] * 7])) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opener.opened == [(1, 4), (1, 8)]


def raising(error, *, at):
    def open_bucket(rows, tokens, make):
        if (rows, tokens) == at:
            raise error
        make(None)

    return open_bucket


def test_a_bucket_that_python_cannot_open_leaves_its_texts_to_the_cpu(graph):
    engine = make_engine(graph, raising(OSError("disk on fire"), at=(1, 8)))
    np.testing.assert_allclose(encode(engine, TEXTS[1:2]), expected(TEXTS[1:2]), rtol=1e-4)
    assert engine.failed_buckets == 1
    assert engine.buckets[1][:4] == (1, 8, False, "disk on fire")
    np.testing.assert_allclose(encode(engine, TEXTS), expected(TEXTS), rtol=1e-4)
    assert engine.failed_buckets == 1


def test_a_message_that_is_no_unicode_is_kept_with_escapes(graph):
    engine = make_engine(graph, raising(OSError("strange \udcff"), at=(1, 8)))
    encode(engine, TEXTS[1:2])
    assert engine.buckets[1][3] == "strange \\udcff"


def test_without_the_cpu_it_is_an_error_and_tried_again(graph):
    errors = iter([OSError("first"), OSError("second")])

    def open_bucket(_rows, tokens, make):
        if tokens == 8 and (error := next(errors, None)):
            raise error
        make(None)

    engine = make_engine(graph, open_bucket, may_use_cpu=False)
    for message in ("first", "second"):
        with pytest.raises(ProviderUnavailableError, match=message):
            encode(engine, TEXTS[1:2])
    np.testing.assert_allclose(encode(engine, TEXTS[1:2]), expected(TEXTS[1:2]), rtol=1e-4)


def test_what_is_no_exception_ends_the_call_and_fails_no_bucket(graph):
    interrupts = iter([KeyboardInterrupt()])

    def open_bucket(_rows, tokens, make):
        if tokens == 8 and (error := next(interrupts, None)):
            raise error
        make(None)

    engine = make_engine(graph, open_bucket)
    with pytest.raises(KeyboardInterrupt):
        encode(engine, TEXTS[1:2])
    assert engine.failed_buckets == 0
    np.testing.assert_allclose(encode(engine, TEXTS), expected(TEXTS), rtol=1e-4)


def test_a_first_bucket_that_cannot_be_opened_fails_the_load(graph):
    with pytest.raises(ProviderUnavailableError, match="disk on fire"):
        make_engine(graph, raising(OSError("disk on fire"), at=(1, 4)))
    with pytest.raises(ProviderUnavailableError, match="bucket 1 x 4 was not opened"):
        make_engine(graph, lambda *_: None)
    with pytest.raises(ProviderUnavailableError, match="not callable"):
        make_engine(graph, open_bucket=None)


def test_make_may_be_called_again_but_not_kept_for_later(graph):
    kept = []

    def open_bucket(_rows, _tokens, make):
        make(None)
        make(None)
        kept.append(make)

    engine = make_engine(graph, open_bucket)
    with pytest.raises(RuntimeError, match="a bucket is made only while it is being opened"):
        kept[0](None)
    np.testing.assert_allclose(encode(engine, TEXTS), expected(TEXTS), rtol=1e-4)


def test_a_text_longer_than_every_bucket_runs_on_the_cpu_or_not_at_all(graph):
    text = [list(range(12))]
    np.testing.assert_allclose(encode(make_engine(graph), text), expected(text), rtol=1e-4)
    with pytest.raises(InferenceError, match="no bucket holds 12 tokens, and the CPU may not be used"):
        encode(make_engine(graph, may_use_cpu=False), text)


def test_zeros_in_place_of_a_vector_are_a_failure_of_the_bucket(tmp_path):
    zeros = np.zeros((50, WIDTH), np.float32)
    graph = save_embedded(tmp_path / "model.onnx", WIDTH)
    engine = make_engine(graph, embeddings=_native.EmbeddingTable(zeros), may_use_cpu=False)
    with pytest.raises(InferenceError, match="the execution provider gave zeros for a text of 2 tokens"):
        encode(engine, [[1, 2]])


def test_a_graph_that_takes_ids_runs_in_buckets_too(tmp_path):
    graph = save_lookup(tmp_path / "model.onnx")
    engine = make_engine(graph, embeddings=None)
    plain = make_engine(graph, embeddings=None, buckets=())
    np.testing.assert_allclose(encode(engine, TEXTS), encode(plain, TEXTS), rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"buckets": [(1, 4), (1, 4)]}, InvalidInputError, "bucket 1 x 4 is given twice"),
        ({"buckets": [(0, 4)]}, InvalidInputError, "a bucket is 0 x 4"),
        ({"embeddings": None}, ModelLoadError, "the graph takes hidden and mask, so it needs an EmbeddingTable"),
        ({"providers": [("CoreML", [])]}, ProviderUnavailableError, "cannot use execution provider CoreML"),
    ],
)
def test_what_does_not_fit_is_named(graph, changes, error, message):
    with pytest.raises(error, match=message):
        make_engine(graph, **changes)


def test_an_engine_that_is_dropped_lets_its_opener_go(graph):
    opener = Opener()
    seen = weakref.ref(opener)
    engine = make_engine(graph, opener)
    encode(engine, TEXTS)
    del opener
    assert seen() is not None
    del engine
    assert seen() is None
