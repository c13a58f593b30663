"""Texts that come more than once: found, run once, and each given its vector."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ortembed.duplicates import distinct_texts

WORDS = ["cat", "", "a dog barks", "Größe", "the same", "stocks fell sharply today"]


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=3)))
def test_each_text_is_found_among_the_distinct_ones(texts):
    distinct, positions = distinct_texts(texts)
    assert len(set(distinct)) == len(distinct)
    if positions is None:
        assert distinct == texts
    else:
        assert len(distinct) < len(texts)
        assert [distinct[position] for position in positions] == texts


def test_distinct_texts_keep_the_order_of_their_first_appearance():
    assert list(distinct_texts(["b", "a", "b", "c", "a"]).texts) == ["b", "a", "c"]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_duplicates_get_the_vectors_of_their_texts(embedder, texts):
    alone = {text: embedder.encode(text) for text in set(texts)}
    expected = np.array([alone[text] for text in texts], np.float32).reshape(-1, 384)
    np.testing.assert_allclose(embedder.encode(texts), expected, rtol=0, atol=1e-6)


class ByLength(str):
    """A str that compares and adds in a way of its own."""

    __slots__ = ()

    def __eq__(self, other):
        return len(self) == len(other)

    def __hash__(self):
        return len(self)

    def __radd__(self, other):
        return f"{other}something else"


def test_a_text_is_its_characters_whatever_its_class(embedder):
    given, plain = [ByLength("cat"), ByLength("dog")], ["cat", "dog"]
    np.testing.assert_array_equal(embedder.encode(given), embedder.encode(plain))
    np.testing.assert_array_equal(embedder.encode(given, prompt="a "), embedder.encode(plain, prompt="a "))
    np.testing.assert_array_equal(list(embedder.iter_encode(given)), list(embedder.iter_encode(plain)))


def test_out_and_dimensions_hold_for_duplicates_too(embedder):
    texts = ["cat", "dog", "cat"]
    out = np.empty((3, 100), np.float32)
    assert embedder.encode(texts, truncate_dim=100, out=out) is out
    np.testing.assert_allclose(out, embedder.encode(["cat", "dog"], truncate_dim=100)[[0, 1, 0]], rtol=0, atol=1e-6)


def test_usage_tells_what_was_asked_and_what_was_read(embedder):
    usage = embedder.embed(["a cat", "hello", "a cat", "a cat"]).usage
    assert (usage.total_tokens, usage.encoded_tokens) == (4 + 3 + 4 + 4, 4 + 3)
    usage = embedder.embed(["a cat", "hello"]).usage
    assert (usage.total_tokens, usage.encoded_tokens) == (4 + 3, 4 + 3)
