"""Tokenization in two threads, or ahead of the run: the same tokens, errors that pass on, and no thread to be had."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ortembed import CancelledError
from ortembed._native import Cancellation
from ortembed.ahead import tokenize_ahead, tokenize_now
from ortembed.control import UNWATCHED, Control
from ortembed.tokenizer import TokenizedTexts

AT_THE_END = """
import atexit
import ortembed
embedder = ortembed.Embedder("all-minilm-l6-v2")
texts = [f"text {i}" for i in range(5000)]
def late():
    print(embedder.encode(texts[:300]).shape, embedder.encode(texts).shape,
          len(list(embedder.iter_encode(texts[:100]))))
atexit.register(late)
"""


@pytest.fixture
def no_threads(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


def tokenize(texts):
    """Stand for a tokenizer: each character is a token."""
    offsets = np.cumsum([0, *map(len, texts)])
    return TokenizedTexts(np.array([ord(letter) for text in texts for letter in text], np.int32), offsets, len(texts))


def assert_same(found, texts):
    wanted = tokenize(texts)
    np.testing.assert_array_equal(found.ids, wanted.ids)
    np.testing.assert_array_equal(found.offsets, wanted.offsets)
    assert found.truncated == wanted.truncated


@settings(max_examples=30)
@given(count=st.sampled_from([0, 1, 127, 128, 129, 511, 512, 513, 700, 1500]))
def test_texts_stay_in_their_order(count):
    texts = ["abc"[: i % 4] for i in range(count)]
    assert_same(tokenize_now(tokenize, texts, UNWATCHED), texts)


@given(sizes=st.lists(st.sampled_from([1, 3, 256, 300]), max_size=5))
def test_windows_stay_in_their_order(sizes):
    windows = [([f"{number} {i}" for i in range(size)], number) for number, size in enumerate(sizes)]
    found = list(tokenize_ahead(tokenize, windows, UNWATCHED))
    assert [companion for companion, _ in found] == list(range(len(sizes)))
    for (texts, _), (_, tokens) in zip(windows, found, strict=True):
        assert_same(tokens, texts)


@pytest.mark.parametrize("place", [0, 199, 200, 399])
def test_an_error_of_either_thread_passes_on(place):
    def failing(texts):
        if str(place) in texts:
            raise ValueError(place)
        return tokenize(texts)

    with pytest.raises(ValueError, match=f"^{place}$"):
        tokenize_now(failing, [str(i) for i in range(400)], UNWATCHED)


def test_a_cancelled_call_stops_at_the_next_block():
    cancellation, done = Cancellation(), []

    def cancelling(texts):
        done.append(texts)
        cancellation.cancel()
        return tokenize(texts)

    with pytest.raises(CancelledError):
        tokenize_now(cancelling, ["a"] * 10_000, Control(None, cancellation))
    assert 1 <= len(done) <= 2


@pytest.mark.usefixtures("no_threads")
def test_without_a_thread_to_be_had_the_callers_does_it():
    texts = [str(i) for i in range(700)]
    assert_same(tokenize_now(tokenize, texts, UNWATCHED), texts)
    ((_, first), (_, second)) = tokenize_ahead(tokenize, [(texts[:300], 0), (texts[300:], 1)], UNWATCHED)
    assert_same(first, texts[:300])
    assert_same(second, texts[300:])


@pytest.mark.usefixtures("no_threads")
def test_an_interrupt_of_the_callers_thread_is_not_put_off():
    def interrupted(texts):
        done.append(texts)
        raise KeyboardInterrupt

    done = []
    with pytest.raises(KeyboardInterrupt) as caught:
        tokenize_now(interrupted, ["a"] * 2000, UNWATCHED)
    assert len(done) == 1
    assert caught.value.__context__ is None


def test_many_texts_are_embedded_while_the_interpreter_ends(run_python):
    assert run_python(AT_THE_END).split("\n")[0] == "(300, 384) (5000, 384) 100"
