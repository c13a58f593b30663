"""Small tokenizers of each class, each with files beside tokenizer.json that transformers lets override it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

TEXTS = [
    "",
    "Cat sat",
    "CAT  sat\ton the mat.",
    "Café cafe\u0301 ÉTÉ",
    "漢字 cat漢",
    "cat [MASK] sat<mask> <s> </s>[SEP]",
    "<new> cat<new>sat <End> <end>",
    "unknown ¤ words",
    "catsat " * 20,
    "  cat  sat  ",
    " \n",
    "cat\r\nsat <mask> <s>NOTUSED",
]
WORDS = [
    "cat",
    "Cat",
    "##sat",
    "sat",
    "on",
    "the",
    "mat",
    ".",
    "café",
    "cafe",
    "Cafe",
    "ete",
    "été",
    "漢",
    "字",
    "mask",
]


@dataclass(frozen=True)
class Case:
    """One model's files."""

    tokenizer: Tokenizer
    model_type: str
    tokenizer_config: dict[str, Any] | None = None
    other_files: dict[str, Any] = field(default_factory=dict)
    lowercase: bool = False  # the Transformer module's do_lower_case


def wordpiece(cls: str = "[CLS]", sep: str = "[SEP]", *, lowercase: bool = True, added: bool = True) -> Tokenizer:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<s>", "</s>", "<pad>", "<mask>", "[unk2]"]
    letters = sorted({c for word in WORDS for c in word if c != "#"} | set("CATESdefnukw"))
    pieces = [*specials, *WORDS, *letters, *(f"##{letter}" for letter in letters)]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token=specials[1]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ids = [(token, tokenizer.token_to_id(token)) for token in (cls, sep)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{cls} $A {sep}", special_tokens=ids)
    if added:
        tokenizer.add_special_tokens(["[PAD]", "[UNK]", cls, sep, "[MASK]"])
    return tokenizer


def word_level() -> Tokenizer:
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token=pieces[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def byte_level(specials: list[str], *, lowercase: bool = False) -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("c", "a"), ("ca", "t"), ("Ġ", "s"), ("Ġs", "at"), ("a", "t"), ("Ġ", "cat"), ("C", "at"), ("Ã", "©")]
    pieces = [*specials, *letters, *("".join(pair) for pair in merges)]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.normalizer = normalizers.Lowercase() if lowercase else None
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.add_special_tokens(specials)
    return tokenizer


def roberta() -> Tokenizer:
    tokenizer = byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], lowercase=True)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def qwen2() -> Tokenizer:
    tokenizer = byte_level(["<|endoftext|>", "<|im_start|>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    return tokenizer


def unigram() -> Tokenizer:
    pieces = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "▁cat",
        "cat",
        "▁",
        "sat",
        "▁sat",
        "▁on",
        "▁the",
        "▁mat",
        ".",
        "<mask>",
    ]
    letters = sorted(set("catsonhemftiwkdruéÉ漢字CATESMKnwg<>[]/"))
    vocab = [(piece, -1.0 - i / 10) for i, piece in enumerate([*pieces, *letters])]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return tokenizer


def truncated(tokenizer: Tokenizer, direction: str) -> Tokenizer:
    tokenizer.enable_truncation(128, direction=direction)
    tokenizer.enable_padding(length=64)
    return tokenizer


def optioned(tokenizer: Tokenizer) -> Tokenizer:
    """Set the options of a BPE model that classes built over its vocabulary do not take over."""
    tokenizer.model.ignore_merges = True
    tokenizer.model.byte_fallback = True
    return tokenizer


def added(tokenizer: Tokenizer, *tokens: AddedToken) -> Tokenizer:
    tokenizer.add_tokens(list(tokens))
    return tokenizer


def decoder(*tokens: tuple[int, str], **flags: bool) -> dict[str, Any]:
    return {str(i): {"content": content, "special": True, **flags} for i, content in tokens}


BERT_DECODER = decoder((0, "[PAD]"), (1, "[UNK]"), (2, "[CLS]"), (3, "[SEP]"), (4, "[MASK]"))
BERT = {"tokenizer_class": "BertTokenizer", "model_max_length": 16, "pad_token": "[PAD]"}
CASED = {**BERT, "do_lower_case": False}
SAVED = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 16, "pad_token": "[PAD]"}

CASES = {
    "bert-alone": Case(wordpiece(lowercase=False), "bert"),
    "bert-lower": Case(wordpiece(lowercase=False), "bert", {**BERT, "do_lower_case": True}),
    "bert-cased": Case(wordpiece(), "bert", CASED),
    "bert-accents-kept": Case(wordpiece(), "bert", {**BERT, "strip_accents": False}),
    "bert-accents-stripped": Case(wordpiece(), "bert", {**BERT, "do_lower_case": False, "strip_accents": True}),
    "bert-chinese-whole": Case(wordpiece(), "bert", {**BERT, "tokenize_chinese_chars": False}),
    "bert-fast-name": Case(wordpiece(), "bert", {**CASED, "tokenizer_class": "BertTokenizerFast"}),
    "bert-other-specials": Case(wordpiece(), "bert", {**BERT, "cls_token": "<s>", "sep_token": "</s>"}),
    "bert-token-objects": Case(
        wordpiece(), "bert", {**BERT, "cls_token": {"__type": "AddedToken", "content": "<s>", "lstrip": False}}
    ),
    "bert-unk": Case(wordpiece(), "bert", {**BERT, "unk_token": "[unk2]"}),
    "bert-special-map": Case(
        wordpiece(), "bert", BERT, {"special_tokens_map.json": {"cls_token": "<s>", "sep_token": {"content": "</s>"}}}
    ),
    "bert-special-map-idle": Case(
        wordpiece(),
        "bert",
        {**BERT, "added_tokens_decoder": BERT_DECODER},
        {"special_tokens_map.json": {"cls_token": "<s>"}},
    ),
    "bert-decoder-flags": Case(
        wordpiece(),
        "bert",
        {**BERT, "added_tokens_decoder": {**BERT_DECODER, **decoder((10, "cat"), lstrip=True, single_word=True)}},
    ),
    "bert-decoder-lacks": Case(
        added(wordpiece(), AddedToken("catsat", normalized=False)),
        "bert",
        {**BERT, "added_tokens_decoder": BERT_DECODER},
    ),
    "bert-added-file": Case(wordpiece(), "bert", BERT, {"added_tokens.json": {"mask": 25, "cat": 10}}),
    "bert-extra": Case(wordpiece(), "bert", {**BERT, "additional_special_tokens": ["cat"], "my_token": "mat"}),
    "bert-extra-map": Case(
        wordpiece(), "bert", BERT, {"special_tokens_map.json": {"additional_special_tokens": ["mat", "sat"]}}
    ),
    "bert-without-added": Case(wordpiece(added=False), "bert", BERT),
    "bert-split-specials": Case(wordpiece(), "bert", {**BERT, "split_special_tokens": True}),
    "bert-truncate-left": Case(wordpiece(), "bert", {**BERT, "truncation_side": "left"}),
    "bert-truncate-left-saved": Case(truncated(wordpiece(), "left"), "bert", BERT),
    "bert-truncate-right-over-left": Case(
        truncated(wordpiece(), "left"), "bert", {**BERT, "truncation_side": "right"}
    ),
    "bert-module-lowers": Case(wordpiece(lowercase=False), "bert", {**BERT, "do_lower_case": False}, lowercase=True),
    "bert-add-bos": Case(wordpiece(), "bert", {**BERT, "add_bos_token": True, "add_eos_token": True}),
    "bert-max-len": Case(wordpiece(), "bert", {"tokenizer_class": "BertTokenizer", "max_len": 9}),
    "bert-saved": Case(wordpiece(lowercase=False), "bert", {**SAVED, "do_lower_case": True}),
    "bert-saved-decoder": Case(
        wordpiece(),
        "bert",
        {**SAVED, "added_tokens_decoder": {**BERT_DECODER, **decoder((10, "cat"), rstrip=True, normalized=False)}},
    ),
    "bert-saved-names": Case(
        wordpiece(added=False), "bert", {**SAVED, "cls_token": "[CLS]", "mask_token": "[MASK]", "eos_token": "</s>"}
    ),
    "bert-saved-add-eos": Case(
        wordpiece(), "bert", {**SAVED, "add_eos_token": True, "eos_token": "</s>", "bos_token": "<s>"}
    ),
    "bert-saved-lower": Case(wordpiece(lowercase=False), "bert", SAVED, lowercase=True),
    "bert-word-level": Case(word_level(), "bert"),
    "bert-unknown-class": Case(wordpiece(lowercase=False), "bert", {**BERT, "tokenizer_class": "NoSuchTokenizer"}),
    "bert-class-in-config": Case(
        wordpiece(lowercase=False),
        "bert",
        {"pad_token": "[PAD]"},
        {"config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}},
    ),
    "distilbert": Case(wordpiece(), "distilbert", {"tokenizer_class": "DistilBertTokenizer", "do_lower_case": False}),
    "distilbert-alone": Case(wordpiece(lowercase=False), "distilbert"),
    "mpnet": Case(wordpiece("<s>", "</s>"), "mpnet", {"tokenizer_class": "MPNetTokenizer", "model_max_length": 16}),
    "mpnet-bert-class": Case(wordpiece("<s>", "</s>"), "mpnet", {**BERT, "do_lower_case": False}),
    "mpnet-without-added": Case(wordpiece("<s>", "</s>", added=False), "mpnet", {"model_max_length": 16}),
    "nomic": Case(wordpiece(lowercase=False), "nomic_bert", BERT),
    "modernbert": Case(byte_level(["[CLS]", "[SEP]", "[PAD]"]), "modernbert", SAVED),
    "modernbert-other-class": Case(wordpiece(lowercase=False), "modernbert", BERT),
    "roberta": Case(roberta(), "roberta", {"tokenizer_class": "RobertaTokenizer", "model_max_length": 16}),
    "roberta-alone": Case(roberta(), "roberta"),
    "roberta-prefix": Case(roberta(), "roberta", {"add_prefix_space": True, "model_max_length": 16}),
    "roberta-lower": Case(roberta(), "roberta", {"do_lower_case": True, "model_max_length": 16}, lowercase=True),
    "roberta-mask": Case(
        roberta(), "roberta", {"mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True}}
    ),
    "xlm-roberta": Case(unigram(), "xlm-roberta", {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 16}),
    "xlm-roberta-alone": Case(unigram(), "xlm-roberta"),
    "xlm-roberta-no-prefix": Case(unigram(), "xlm-roberta", {"add_prefix_space": False}),
    "xlm-roberta-saved": Case(unigram(), "xlm-roberta", {**SAVED, "pad_token": "<pad>"}),
    "bert-xlm-roberta": Case(unigram(), "bert", {"tokenizer_class": "XLMRobertaTokenizerFast"}),
    "camembert": Case(unigram(), "camembert", {"tokenizer_class": "CamembertTokenizer", "model_max_length": 16}),
    "camembert-alone": Case(unigram(), "camembert"),
    "camembert-extra": Case(
        unigram(), "camembert", {"add_prefix_space": False, "additional_special_tokens": ["cat", "<new>"]}
    ),
    "camembert-saved": Case(unigram(), "camembert", {**SAVED, "pad_token": "<pad>"}),
    "bert-electra": Case(wordpiece(), "bert", {**CASED, "tokenizer_class": "ElectraTokenizerFast"}),
    "roberta-longformer": Case(roberta(), "roberta", {"tokenizer_class": "LongformerTokenizerFast"}),
    "roberta-options": Case(
        optioned(roberta()), "roberta", {"tokenizer_class": "RobertaTokenizer", "model_max_length": 16}
    ),
    "qwen3-options": Case(optioned(qwen2()), "qwen3", {"tokenizer_class": "Qwen2Tokenizer"}),
    "qwen3": Case(qwen2(), "qwen3", {"tokenizer_class": "Qwen2Tokenizer", "model_max_length": 16}),
    "qwen3-alone": Case(qwen2(), "qwen3"),
    "qwen3-add-bos": Case(
        qwen2(), "qwen3", {"add_bos_token": True, "bos_token": "<|im_start|>", "add_eos_token": False}
    ),
    "qwen3-extra": Case(
        qwen2(), "qwen3", {"additional_special_tokens": ["<|im_start|>", "cat"], "padding_side": "left"}
    ),
}
