"""stats(): what was asked and what was run, counted by every way to encode."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ortembed
from ortembed.responses import Stats


@pytest.fixture
def counted(embedder):
    """Do something; give the counters' differences."""

    def count(action):
        before = embedder.stats()
        action()
        return embedder.stats() - before

    return count


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda e: e.encode("a cat"), (1, 1, 0, 4)),
        (lambda e: e.encode(["a cat", "hello", "a cat"]), (1, 3, 1, 7)),
        (lambda e: e.embed(["hello"]), (1, 1, 0, 3)),
        (lambda e: list(e.iter_encode(["a cat"] * 20 + ["hello"])), (1, 21, 15 + 3, 4 + 4 + 3)),
        (lambda e: asyncio.run(e.aencode(["a cat", "a cat"])), (1, 2, 1, 4)),
        (lambda e: e.encode_ids(np.array([101, 102, 101, 102]), np.array([0, 2, 4])), (1, 2, 0, 4)),
        (lambda e: e.encode([]), (1, 0, 0, 0)),
    ],
)
def test_calls_texts_duplicates_and_tokens(embedder, counted, action, expected):
    done = counted(lambda: action(embedder))
    assert (done.calls, done.texts, done.duplicates, done.tokens) == expected


def test_padding_and_time(embedder, counted):
    done = counted(lambda: embedder.encode(["a cat", "hello", "a cat sat on the mat " * 5]))
    assert done.batches >= 1
    assert done.padded_tokens >= done.tokens == 4 + 3 + 32
    assert done.padding_ratio == 1 - done.tokens / done.padded_tokens
    assert min(done.tokenize_seconds, done.plan_seconds, done.run_seconds, done.pool_seconds) > 0


def test_nothing_done_is_no_padding(cache_dir, embedder):
    own = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)
    assert own.stats() == Stats(0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    assert own.stats().padding_ratio == 0


def test_padding_is_never_less_than_none():
    """Counters that are read while a batch ends may have its tokens and not yet its padded tokens."""
    assert Stats(1, 1, 0, 8, 6, 1, 0.0, 0.0, 0.0, 0.0).padding_ratio == 0


def test_no_call_is_lost_between_threads(embedder, counted):
    def many():
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(embedder.encode, ["a cat"] * 200))

    done = counted(many)
    assert (done.calls, done.texts, done.tokens) == (200, 200, 800)
