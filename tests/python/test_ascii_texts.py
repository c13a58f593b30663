"""The shortcut for ASCII texts: the ids that the normalizer's way gives, whatever the text and the added tokens."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Tokenizers

from ortembed.ascii_texts import AsciiTexts
from ortembed.tokenizer import Tokenizer
from ortembed.tokenizer_settings import TokenizerSettings

LONGEST = 16
WORDS = ["hello", "HELLO", "don't", "[CLS]", "[sep]", "[ma\x00sk]", "<tag>", "<TAG>", "Ün", "e", "\t", "\x1f", "\x7f"]
NORMALIZERS = {
    "uncased": normalizers.BertNormalizer(),
    "cased": normalizers.BertNormalizer(lowercase=False),
    "unclean": normalizers.BertNormalizer(clean_text=False, strip_accents=False, handle_chinese_chars=False),
}
ADDED = {
    "as saved": [],
    "normalized": [AddedToken("<Tag>", normalized=True)],
    "special": [AddedToken("<tag>", normalized=False, special=True)],
    "accented": [AddedToken("É", normalized=True)],
    "control": [AddedToken("\x1f", normalized=False)],
}


@pytest.fixture(scope="module", params=ADDED)
def added(request):
    return ADDED[request.param]


@pytest.fixture(scope="module", params=NORMALIZERS)
def pair(request, added, model_folder, tmp_path_factory):
    """A tokenizer of ours, and the library's of the same file."""
    library = Tokenizers.from_file(str(model_folder / "tokenizer.json"))
    library.no_padding()
    library.normalizer = NORMALIZERS[request.param]
    library.add_tokens(added)
    path = tmp_path_factory.mktemp("ascii") / "tokenizer.json"
    library.save(str(path))
    library.enable_truncation(LONGEST)
    return Tokenizer(path, max_seq_length=LONGEST, settings=TokenizerSettings()), library


def assert_same(pair, texts):
    ours, library = pair
    wanted = library.encode_batch_fast(texts)
    found = ours.encode(texts)
    assert found.ids.tolist() == [id_ for encoding in wanted for id_ in encoding.ids]
    assert found.offsets.tolist() == np.cumsum([0, *(len(encoding.ids) for encoding in wanted)]).tolist()
    assert found.truncated == sum(bool(encoding.overflowing) for encoding in wanted)
    assert ours.count(texts).tolist() == [
        len(e.ids) + sum(len(rest.ids) - 2 for rest in e.overflowing) for e in wanted
    ]


@settings(max_examples=60)
@given(texts=st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=30).map(" ".join), max_size=6))
def test_any_texts_give_the_same_ids(pair, texts):
    assert_same(pair, texts)


@settings(max_examples=60)
@given(texts=st.lists(st.text(st.characters(codec="ascii"), max_size=60), min_size=1, max_size=3))
def test_ascii_texts_give_the_same_ids(pair, texts):
    assert_same(pair, texts)


def test_each_ascii_character_gives_the_same_ids(pair):
    assert_same(pair, [f"a{chr(code)}b {chr(code)}" for code in range(128)])


def test_it_is_taken_for_plain_text_and_not_where_an_added_token_could_be(model_folder):
    ascii_texts = AsciiTexts(Tokenizers.from_file(str(model_folder / "tokenizer.json")))
    assert ascii_texts.is_of_use
    assert ascii_texts.normalized("Plain\t123\n") == "plain 123 "
    assert ascii_texts.normalized("naïve") is None
    assert ascii_texts.normalized("a [CLS] b") is None


def test_what_is_dropped_is_still_the_first(model_folder, tmp_path):
    library = Tokenizers.from_file(str(model_folder / "tokenizer.json"))
    library.no_padding()
    library.no_truncation()
    library.pre_tokenizer = pre_tokenizers.Metaspace(replacement="#", prepend_scheme="first")
    path = tmp_path / "tokenizer.json"
    library.save(str(path))
    ours = Tokenizer(path, max_seq_length=LONGEST, settings=TokenizerSettings())
    for text in ("\x00hello", "hello", "\thello", "\x00\thello"):
        assert ours.encode([text]).ids.tolist() == library.encode(text).ids


def test_many_added_tokens_would_take_longer_to_look_for(model_folder):
    library = Tokenizers.from_file(str(model_folder / "tokenizer.json"))
    library.add_tokens([f"<{number}>" for number in range(50)])
    assert not AsciiTexts(library).is_of_use


def test_other_normalizers_go_their_own_way(model_folder, tmp_path):
    saved = json.loads((model_folder / "tokenizer.json").read_text("utf-8"))
    saved["normalizer"] = {"type": "Sequence", "normalizers": [saved["normalizer"], {"type": "Replace", "pattern":
                           {"String": "hello"}, "content": "world"}]}  # fmt: skip
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(saved), "utf-8")
    tokenizer = Tokenizer(path, max_seq_length=LONGEST, settings=TokenizerSettings())
    assert tokenizer.encode(["hello"]).ids.tolist() == tokenizer.encode(["world"]).ids.tolist()
