"""Texts to ids: special tokens, truncation, and what of tokenizer.json is not to be believed."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer as Tokenizers
from tokenizers.models import Unigram

from ortembed import InvalidInputError, ModelLoadError
from ortembed.tokenizer import Tokenizer, check_texts
from ortembed.tokenizer_classes import build_tokenizer
from ortembed.tokenizer_settings import Token, TokenizerSettings, read_tokenizer_settings

AS_SAVED = TokenizerSettings()
BERT_TOKENS = {f"{name}_token": Token(f"[{name.upper()}]") for name in ("cls", "sep", "unk")}


@pytest.fixture(scope="module")
def path(model_folder):
    return model_folder / "tokenizer.json"


@pytest.fixture(scope="module")
def tokenizer(path):
    return Tokenizer(path, max_seq_length=8, settings=AS_SAVED)


def test_padding_and_truncation_in_the_file_are_ignored(path):
    saved = json.loads(path.read_text("utf-8"))
    assert saved["padding"]["strategy"] == {"Fixed": 128}  # what makes this test mean something
    tokens = Tokenizer(path, max_seq_length=256, settings=AS_SAVED).encode(["hello", "word " * 200])
    assert np.diff(tokens.offsets).tolist() == [3, 202]


def test_texts_lie_end_to_end(tokenizer):
    tokens = tokenizer.encode(["hello", "", "world"])
    assert tokens.ids.tolist() == [101, 7592, 102, 101, 102, 101, 2088, 102]
    assert tokens.offsets.tolist() == [0, 3, 5, 8]
    assert (tokens.ids.dtype, tokens.offsets.dtype) == (np.int32, np.int64)


def test_long_texts_keep_their_special_tokens(tokenizer):
    tokens = tokenizer.encode(["hello " * 9])
    assert tokens.ids.tolist() == [101] + [7592] * 6 + [102]


@pytest.mark.parametrize(("words", "truncated"), [(5, 0), (6, 0), (7, 1)])
def test_truncated_texts_are_counted(tokenizer, words, truncated):
    assert tokenizer.encode(["hello " * words]).truncated == truncated


@pytest.mark.parametrize("words", [0, 1, 6, 7, 12, 13, 1000])
def test_count_is_what_there_would_be_without_truncation(tokenizer, words):
    assert tokenizer.count(["hello " * words]).tolist() == [words + 2]


def test_no_texts_give_no_tokens(tokenizer):
    tokens = tokenizer.encode([])
    assert (tokens.ids.tolist(), tokens.offsets.tolist()) == ([], [0])


def test_lowercase_is_done_first(path, tmp_path):
    saved = json.loads(path.read_text("utf-8"))
    saved["normalizer"]["lowercase"] = False
    cased = tmp_path / "tokenizer.json"
    cased.write_text(json.dumps(saved), "utf-8")
    lower = TokenizerSettings(lowercase=True)
    assert Tokenizer(cased, max_seq_length=8, settings=AS_SAVED).encode(["HELLO"]).ids.tolist() != [101, 7592, 102]
    assert Tokenizer(cased, max_seq_length=8, settings=lower).encode(["HELLO"]).ids.tolist() == [101, 7592, 102]


@pytest.mark.parametrize("length", [1, 2])
def test_special_tokens_need_room(path, length):
    with pytest.raises(InvalidInputError, match=f"max_seq_length is {length}; it must exceed the 2 special tokens"):
        Tokenizer(path, max_seq_length=length, settings=AS_SAVED)


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"version": "1.0", "model": {"type": "None"}}'])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ModelLoadError, match="tokenizer.json"):
        Tokenizer(path, max_seq_length=8, settings=AS_SAVED)


def test_an_id_beyond_int32_is_named(tmp_path):
    path = tmp_path / "tokenizer.json"
    model = {"type": "WordLevel", "vocab": {"a": 0, "b": 2**32 - 1}, "unk_token": "a"}
    path.write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}), "utf-8")
    tokenizer = Tokenizer(path, max_seq_length=8, settings=AS_SAVED)
    assert tokenizer.encode(["a"]).ids.tolist() == [0]
    with pytest.raises(ModelLoadError, match="4294967295"):
        tokenizer.encode(["b"])


@pytest.mark.parametrize(
    ("text", "described"),
    [("ab\ud800", r"texts\[1\].*U\+D800, at position 2"), ("\udfff", r"texts\[1\].*U\+DFFF, at position 0")],
)
def test_an_unpaired_surrogate_is_named(text, described):
    with pytest.raises(InvalidInputError, match=described):
        check_texts(["größe", text])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (b"bytes", "texts must be a list of str, not bytes"),
        ("text", "texts must be a list of str, not str"),
        ({"a": 1}, "texts must be a list of str, not dict"),
        (3, "texts must be a list of str, not int"),
        (None, "texts must be a list of str, not NoneType"),
        (["a", None], r"texts\[1\] is NoneType, not str"),
        ([("a", "b")], r"texts\[0\] is tuple, not str"),
        (["a", "b", b"c"], r"texts\[2\] is bytes, not str"),
        (np.array([1.5]), r"texts\[0\] is float64, not str"),
    ],
)
def test_what_is_not_a_text_is_named(texts, message):
    with pytest.raises(InvalidInputError, match=message):
        check_texts(texts)


def test_any_iterable_of_str_will_do(tokenizer):
    for texts in (("a", "b"), iter(["a", "b"]), np.array(["a", "b"])):
        assert tokenizer.encode(check_texts(texts)).offsets.tolist() == [0, 3, 6]


def test_a_prompt_is_as_long_as_its_tokens_without_the_last_special_one(path):
    tokenizer = Tokenizer(path, max_seq_length=8, settings=TokenizerSettings("bert", named=BERT_TOKENS))
    assert [tokenizer.prompt_length(prompt) for prompt in ("hello", "hello world ", "query: ")] == [2, 3, 3]


@pytest.mark.parametrize("side", ["left", "right"])
def test_texts_are_cut_on_the_side_that_the_files_say(path, side):
    settings = TokenizerSettings(truncation_side=side)
    cut = Tokenizer(path, max_seq_length=4, settings=settings)
    tokens = cut.encode(["hello world hello hello"])
    assert tokens.truncated == 1
    assert tokens.ids.tolist() == [101, *([7592, 7592] if side == "left" else [7592, 2088]), 102]
    assert cut.count(["hello world hello hello", "hello"]).tolist() == [6, 3]


def test_truncation_that_tokenizer_json_says_is_on_the_left_stays_there(path, tmp_path):
    saved = json.loads(path.read_text("utf-8"))
    saved["truncation"]["direction"] = "Left"
    lefty = tmp_path / "tokenizer.json"
    lefty.write_text(json.dumps(saved), "utf-8")
    ids = {
        kind: Tokenizer(lefty, max_seq_length=3, settings=TokenizerSettings(kind, named=BERT_TOKENS))
        .encode(["hello world"])
        .ids.tolist()
        for kind in ("as_saved", "bert")
    }
    assert ids == {"as_saved": [101, 2088, 102], "bert": [101, 2088, 102]}


def test_a_class_needs_its_kind_of_vocabulary(path):
    with pytest.raises(ModelLoadError, match="holds a WordPiece model where .* class needs BPE"):
        Tokenizer(path, max_seq_length=8, settings=TokenizerSettings("qwen2"))


def test_a_class_needs_its_special_tokens(path):
    settings = TokenizerSettings("bert", named={**BERT_TOKENS, "sep_token": Token("")})
    with pytest.raises(ModelLoadError, match="the tokenizer has no token ''"):
        Tokenizer(path, max_seq_length=8, settings=settings)


@pytest.mark.parametrize("member", [False, True])
def test_lowering_twice_is_left_out(path, tmp_path, member):
    lower = {"type": "Lowercase"}
    saved = json.loads(path.read_text("utf-8"))
    saved["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}, lower]} if member else lower
    cased = tmp_path / "tokenizer.json"
    cased.write_text(json.dumps(saved), "utf-8")
    built = build_tokenizer(cased, TokenizerSettings(lowercase=True))
    assert json.loads(built.to_str())["normalizer"] == saved["normalizer"]


def test_special_tokens_in_a_text_may_be_split(path):
    split = Tokenizer(path, max_seq_length=9, settings=TokenizerSettings(split_special_tokens=True))
    assert split.encode(["[SEP]"]).ids.tolist() == [101, 1031, 19802, 1033, 102]


@pytest.mark.parametrize("name", ["AlbertTokenizerFast", "DebertaV2Tokenizer", "HerbertTokenizerFast", "T5Tokenizer"])
def test_a_class_with_rules_that_are_not_known_is_refused(tmp_path, name):
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"tokenizer_class": name}), "utf-8")
    with pytest.raises(ModelLoadError, match=f"{name}.*PreTrainedTokenizerFast"):
        read_tokenizer_settings({config.name: config}, {"model_type": "bert"}, lowercase=False)


@pytest.mark.parametrize(("kind", "at"), [("xlm_roberta", 1), ("camembert", 0)])
def test_pieces_whose_unknown_one_the_class_would_move_are_refused(tmp_path, kind, at):
    pieces = [(piece, 0.0) for piece in ("a", "b", "c", "<unk>", "<s>", "</s>")]
    path = tmp_path / "tokenizer.json"
    named = {"unk_token": Token("<unk>"), "bos_token": Token("<s>"), "eos_token": Token("</s>")}
    settings = TokenizerSettings(kind, named=named)
    Tokenizers(Unigram(pieces, unk_id=3)).save(str(path))
    build_tokenizer(path, settings)
    Tokenizers(Unigram(pieces, unk_id=at)).save(str(path))
    with pytest.raises(ModelLoadError, match=rf"unknown piece at \[{at}\], and its class at 3"):
        build_tokenizer(path, settings)
