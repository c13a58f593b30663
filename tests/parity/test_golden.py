"""Agreement with vectors that an independent implementation made, stage by stage, on the real model."""

import numpy as np
import pytest

from ortembed import _native
from ortembed.prepare import prepare
from ortembed.runtime_library import find_runtime_library
from ortembed.tokenizer import Tokenizer

pytestmark = pytest.mark.filterwarnings("ignore::ortembed.TruncationWarning")

TOLERANCE = 1e-5
STAGES = {"mean": "mean", "cls": "cls", "max": "max", "lasttoken": "last"}


@pytest.fixture(scope="module")
def prepared(cache_dir):
    return prepare("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True)


@pytest.fixture(scope="module")
def tokenized(prepared, golden):
    tokenizer = Tokenizer(prepared.tokenizer, max_seq_length=256, settings=prepared.settings.tokenizer)
    return tokenizer.encode(golden[0]["texts"])


@pytest.fixture(scope="module")
def make_engine(prepared):
    def make(pooling):
        return _native.Engine(
            library=find_runtime_library(),
            model=prepared.graph,
            pooling=pooling,
            vocab_size=30522,
            max_tokens=256,
            max_batch_tokens=2048,
            threads=2,
        )

    return make


def encode(engine, tokens, *, normalize):
    out = np.empty((len(tokens.offsets) - 1, 384), np.float32)
    engine.encode_ids(tokens.ids, tokens.offsets, out=out, normalize=normalize)
    return out


def test_ids_are_those_of_the_reference(tokenized, golden):
    rows = [tokenized.ids[a:b].tolist() for a, b in zip(tokenized.offsets, tokenized.offsets[1:], strict=False)]
    assert rows == golden[0]["input_ids"]


@pytest.mark.parametrize("pooling", STAGES)
def test_each_pooling_agrees(make_engine, tokenized, golden, pooling):
    vectors = encode(make_engine(pooling), tokenized, normalize=False)
    np.testing.assert_allclose(vectors, golden[1][STAGES[pooling]], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_token_embeddings_agree(embedder, golden, seed):
    texts, vectors = golden
    order = range(63) if seed is None else np.random.default_rng(seed).permutation(63)
    states = embedder.token_embeddings([texts["texts"][i] for i in order])
    assert [len(state) for state in states] == [len(texts["input_ids"][i]) for i in order]
    pooled = {"mean": [s.mean(0) for s in states], "cls": [s[0] for s in states], "max": [s.max(0) for s in states]}
    pooled["last"] = [s[-1] for s in states]
    for name, rows in pooled.items():
        np.testing.assert_allclose(rows, vectors[name][list(order)], rtol=0, atol=TOLERANCE, err_msg=name)


def test_normalized_vectors_agree(embedder, golden):
    vectors = embedder.encode(golden[0]["texts"])
    np.testing.assert_allclose(vectors, golden[1]["normalized"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=0, atol=1e-6)


def test_texts_alone_agree(embedder, golden):
    vectors = np.array([embedder.encode(text) for text in golden[0]["texts"]])
    np.testing.assert_allclose(vectors, golden[1]["normalized"], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_agrees(embedder, golden, seed):
    order = np.random.default_rng(seed).permutation(63)
    vectors = embedder.encode([golden[0]["texts"][i] for i in order])
    np.testing.assert_allclose(vectors, golden[1]["normalized"][order], rtol=0, atol=TOLERANCE)
