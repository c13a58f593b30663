"""Words that are known: the ids that the tokenizer itself gives, whatever the text and the added tokens."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, models, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as Tokenizers

from ortembed.errors import ModelLoadError
from ortembed.known_words import KnownWords
from ortembed.tokenizer import Tokenizer
from ortembed.tokenizer_settings import TokenizerSettings
from ortembed.whole_rows import cut_ids

LONGEST = 16
WORDS = [
    *("hello", "HELLO", "don't", "[CLS]", "[sep]", "[ma\x00sk]", "<tag>", "<TAG>", "x<tag", "x" * 70, "q7" * 20),
    *("Ün", "e", "é", "e\u0301", "\u0301", "\u3000", "中文", "ж" * 33, "\t", "\x0b", "\x1f", "\x7f"),
]
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
    path = tmp_path_factory.mktemp("words") / "tokenizer.json"
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
    counts = [len(e.ids) + sum(len(rest.ids) - 2 for rest in e.overflowing) for e in wanted]
    assert ours.count(texts).tolist() == counts
    from_the_left = ours.encode(texts, "left")
    rows = [cut_ids(encoding, "right", LONGEST, "left") for encoding in wanted]
    assert from_the_left.ids.tolist() == [id_ for row in rows for id_ in row]


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


def known_words(model_folder, change=lambda tokenizer: None):
    library = Tokenizers.from_file(str(model_folder / "tokenizer.json"))
    library.no_padding()
    library.no_truncation()
    change(library)
    return KnownWords.of(library)


class Asked:
    """A tokenizer that writes down what it is asked for."""

    def __init__(self, inner):
        self.inner = inner
        self.words = []

    def encode(self, words, **options):
        self.words += words
        return self.inner.encode(words, **options)

    def encode_batch_fast(self, words, **options):
        self.words += words
        return self.inner.encode_batch_fast(words, **options)


def test_the_tokenizer_is_asked_once_for_each_word(model_folder):
    words = known_words(model_folder)
    words._model, words._inner = Asked(words._model), Asked(words._inner)
    texts = ["Hello hello, naïve\tWORLD", "world of naïve naïveté"]
    for _ in range(2):
        ids, counts, unread = words.read(texts, LONGEST, "right")
        assert (len(ids), counts.tolist(), unread) == (14, [7, 7], 0)
    assert sorted(words._model.words) == [",", "hello", "of", "world"]
    assert sorted(words._inner.words) == ["naïve", "naïveté"]


@pytest.mark.parametrize("text", ["a [CLS] b", "A [mask]", "x" * 65, "é" * 33, "q7" * 20])
def test_such_texts_are_left_to_the_tokenizer_whole(model_folder, text):
    ids, counts, unread = known_words(model_folder).read(["a", text, "b"], LONGEST, "right")
    assert (len(ids), counts.tolist(), unread) == (6, [3, -1, 3], 1)


def depends_on_the_word_before(tokenizer):
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()


def replaces_words(tokenizer):
    tokenizer.normalizer = normalizers.Sequence([tokenizer.normalizer, normalizers.Replace("hello", "world")])


def knows_no_parts_of_words(tokenizer):
    tokenizer.model = models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]")  # noqa: S106


def finds_a_token_of_two_words(tokenizer):
    tokenizer.add_tokens(["hello world"])


def has_many_added_tokens(tokenizer):
    tokenizer.add_tokens([f"<{number}>" for number in range(300)])


def has_no_place_for_a_text(tokenizer):
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A $A", special_tokens=[("[CLS]", 101)])


@pytest.mark.parametrize(
    "change",
    [
        depends_on_the_word_before,
        replaces_words,
        knows_no_parts_of_words,
        finds_a_token_of_two_words,
        has_many_added_tokens,
        has_no_place_for_a_text,
    ],
)
def test_other_tokenizers_go_their_own_way(model_folder, change):
    assert known_words(model_folder) is not None
    assert known_words(model_folder, change) is None


@pytest.mark.parametrize("single", ["$A", "[SEP] $A", "$A [SEP]", "[CLS] [CLS] $A [SEP] [CLS]"])
def test_special_tokens_may_be_anywhere_around(model_folder, tmp_path, single):
    library = Tokenizers.from_file(str(model_folder / "tokenizer.json"))
    library.no_padding()
    library.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    library.enable_truncation(8)
    path = tmp_path / "tokenizer.json"
    library.save(str(path))
    assert KnownWords.of(library) is not None
    for text in ("", "hello", "a long text that has to be cut somewhere"):
        ours = Tokenizer(path, max_seq_length=8, settings=TokenizerSettings())
        assert ours.encode([text]).ids.tolist() == library.encode(text).ids


def test_a_tokenizer_that_panics_is_refused_when_it_is_asked(model_folder, tmp_path):
    saved = json.loads((model_folder / "tokenizer.json").read_text("utf-8"))
    saved["post_processor"] = {"type": "TemplateProcessing", "single": [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [], "special_tokens": {}}  # fmt: skip
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(saved), "utf-8")
    tokenizer = Tokenizer(path, max_seq_length=LONGEST, settings=TokenizerSettings())
    with pytest.raises(ModelLoadError, match="tokenizer fails"):
        tokenizer.encode(["hello"])


def test_an_id_that_no_vocabulary_has_is_named(model_folder, tmp_path):
    saved = json.loads((model_folder / "tokenizer.json").read_text("utf-8"))
    saved["model"]["vocab"]["hello"] = 2**31
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(saved), "utf-8")
    tokenizer = Tokenizer(path, max_seq_length=LONGEST, settings=TokenizerSettings())
    assert len(tokenizer.encode(["a"]).ids) == 3
    with pytest.raises(ModelLoadError, match="an id that no vocabulary has: 2147483648"):
        tokenizer.encode(["a hello"])


def test_threads_learn_and_read_together(model_folder):
    tokenizer = Tokenizer(model_folder / "tokenizer.json", max_seq_length=256, settings=TokenizerSettings())
    library = Tokenizers.from_file(str(model_folder / "tokenizer.json"))
    library.no_padding()
    texts = [" ".join(f"{word}{(word * 7919 + text) % 3001}" for word in range(40)) for text in range(400)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda start: tokenizer.encode(texts[start::4]), range(4)))
    for start, tokens in enumerate(found):
        wanted = library.encode_batch_fast(texts[start::4])
        assert tokens.ids.tolist() == [id_ for encoding in wanted for id_ in encoding.ids]
