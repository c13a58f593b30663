"""Texts to ids and back through the public class: what encode_ids takes, pieces made whole, the other side cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ortembed
from ortembed import InvalidInputError, Token
from tests.python.tiny_models import MEAN_POOLING, save_bert

SPECIALS = {0: "[PAD]", 2: "[CLS]", 3: "[SEP]"}
WORDS = st.lists(st.sampled_from(["hello", "world", "cat", "dog", "fish", "[SEP]"]), max_size=40)


@pytest.fixture(scope="module", params=["right", "left"])
def side(request):
    return request.param


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, side):
    """A random BERT of at most 8 tokens whose files cut at one side, and whose pooling leaves prompts out."""
    folder = tmp_path_factory.mktemp("tiny")
    pooling = dict(MEAN_POOLING)
    name = next(name for name in pooling if "Pooling" in name)
    pooling[name] = {**pooling[name], "include_prompt": False}
    settings = {"truncation_side": side}
    prompts = {"prompts": {"query": "hello dog"}}
    save_bert(folder / "model", **pooling, tokenizer_config=settings, config_sentence_transformers=prompts)
    return ortembed.Embedder(folder / "model", cache_dir=folder / "cache", max_seq_length=8)


def rows(tokens):
    return [tokens.ids[a:b].tolist() for a, b in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)]


@pytest.mark.parametrize("name", [None, "query"])
def test_encode_ids_takes_what_tokenize_gives(tiny, name):
    texts = ["hello", " cat dog fish", ""]
    tokens = tiny.tokenize(texts, prompt_name=name)
    assert tokens.skip_tokens == (3 if name else 0)  # [CLS] and the two words
    vectors = tiny.encode_ids(tokens.ids, tokens.offsets, skip_tokens=tokens.skip_tokens)
    np.testing.assert_allclose(vectors, tiny.encode(texts, prompt_name=name), atol=1e-6)


def test_skipped_tokens_change_the_vector(tiny):
    tokens = tiny.tokenize(["cat dog"])
    assert np.abs(tiny.encode_ids(tokens.ids, tokens.offsets, skip_tokens=2) - tiny.encode(["cat dog"])).max() > 1e-4


@given(words=WORDS)
def test_tokens_are_the_whole_text_with_its_places(tiny, words):
    text = " ".join(words)
    (tokens,) = tiny.tokens(text)
    assert len(tokens) == len(words) + 2 == tiny.token_count(text)[0]
    assert tokens[0] == Token(2, "[CLS]", True, None, None)  # noqa: FBT003 - a field
    assert tokens[-1] == Token(3, "[SEP]", True, None, None)  # noqa: FBT003 - a field
    assert [token.text for token in tokens[1:-1]] == words
    assert not any(token.special for token in tokens[1:-1])
    assert all(text[token.start : token.stop] == token.text for token in tokens[1:-1])
    assert [token.text for token in tiny.tokens(text, add_special_tokens=False)[0]] == words


@given(words=WORDS)
def test_either_side_may_be_cut(tiny, words, side):
    (whole,) = ([token.id for token in row] for row in tiny.tokens(" ".join(words)))
    content = whole[1:-1]
    text = " ".join(words)
    right, left = tiny.tokenize(text, truncation_side="right"), tiny.tokenize(text, truncation_side="left")
    assert rows(right) == [[2, *content[:6], 3]]
    assert rows(left) == [[2, *content[max(len(content) - 6, 0) :], 3]]
    assert right.truncated == left.truncated == (1 if len(content) > 6 else 0)
    assert rows(tiny.tokenize(text)) == rows(right if side == "right" else left)


def test_ids_have_texts(tiny):
    assert tiny.detokenize([[2, 4, 7, 3], []]) == ["hello cat", ""]
    assert tiny.detokenize([[2, 4, 3], [4_000_000]], skip_special_tokens=False) == ["[CLS] hello [SEP]", ""]


def test_ids_that_tokenize_gave_have_texts(tiny):
    tokens = tiny.tokenize(["hello cat", "cat"])
    rows = np.split(tokens.ids, tokens.offsets[1:-1])
    assert tiny.detokenize(rows) == ["hello cat", "cat"]
    assert tiny.detokenize(np.array([[4, 7], [7, 4]], np.uint16)) == ["hello cat", "cat hello"]


@pytest.mark.parametrize("value", [-1, 2**31, 2**80, 1.5, "4", None, True, np.int64(-1), np.float32(4), np.True_])
def test_what_is_no_id_is_refused(tiny, value):
    with pytest.raises(InvalidInputError, match=r"rows\[1\]\[2\] is .* not a token id"):
        tiny.detokenize([[4], [4, 4, value]])


def test_options_that_do_not_fit_are_refused(tiny):
    with pytest.raises(InvalidInputError, match="truncation_side is 'up'"):
        tiny.tokenize("a", truncation_side="up")
    with pytest.raises(InvalidInputError, match="no prompt named 'no'"):
        tiny.tokenize("a", prompt_name="no")
    with pytest.raises(InvalidInputError, match=r"texts\[1\] is int"):
        tiny.tokens(["a", 1])
    tokens = tiny.tokenize("hello")
    for skip in (-1, True, 1.0, 9):
        with pytest.raises(InvalidInputError, match="skip_tokens is .* not an int from 0 to 8"):
            tiny.encode_ids(tokens.ids, tokens.offsets, skip_tokens=skip)
    with pytest.raises(InvalidInputError, match="leaves none to pool"):
        tiny.encode_ids(tokens.ids, tokens.offsets, skip_tokens=3)
