"""The tokenizer that transformers makes of a tokenizer.json and the files beside it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

from ortembed.errors import ModelLoadError
from ortembed.tokenizer_settings import AS_SAVED

if TYPE_CHECKING:
    from pathlib import Path

    from ortembed.tokenizer_settings import Token, TokenizerSettings

# The model that each class builds over the vocabulary of tokenizer.json.
_MODELS = {
    "bert": models.WordPiece,
    "camembert": models.Unigram,
    "mpnet": models.WordPiece,
    "qwen2": models.BPE,
    "roberta": models.BPE,
    "xlm_roberta": models.Unigram,
}
_QWEN2_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_WORDPIECE_LONGEST_WORD = 100
_IN_NO_VOCABULARY = "\ufdd0\ufdd1\U000efffe"  # codes that are no characters


def build_tokenizer(path: Path, settings: TokenizerSettings) -> tokenizers.Tokenizer:
    """Build the tokenizer, with padding and truncation as tokenizer.json has them.

    Raises:
        ModelLoadError: The file is not a tokenizer, or not one for its class.
    """
    try:
        saved = tokenizers.Tokenizer.from_file(str(path))
        if settings.kind == AS_SAVED:
            _add_tokens(saved, settings, saved)
            built = saved
        else:
            built = _build(saved, settings, path)
        if settings.lowercase and not _lowers(built.normalizer):
            lower = normalizers.Lowercase()
            built.normalizer = normalizers.Sequence([lower, built.normalizer]) if built.normalizer else lower
    except ModelLoadError:
        raise
    except Exception as error:  # the library raises nothing narrower
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    built.encode_special_tokens = settings.split_special_tokens
    return built


def special_ids(built: tokenizers.Tokenizer, settings: TokenizerSettings) -> frozenset[int]:
    """Give the ids of the special tokens; one that is not in the vocabulary counts as the unknown token."""
    unknown = settings.named.get("unk_token")
    unknown_id = built.token_to_id(unknown.content) if unknown else None
    ids = [built.token_to_id(token.content) for token in (*settings.named.values(), *settings.extra)]
    return frozenset(i for i in (unknown_id if i is None else i for i in ids) if i is not None)


def _build(saved: tokenizers.Tokenizer, settings: TokenizerSettings, path: Path) -> tokenizers.Tokenizer:
    """Build a class's tokenizer over the vocabulary of the one that was saved."""
    model = saved.model
    if not isinstance(model, _MODELS[settings.kind]) and settings.kind in ("bert", "mpnet"):
        model = models.WordPiece(saved.get_vocab(with_added_tokens=False), unk_token="")  # set below
    if not isinstance(model, models.Model) or not isinstance(model, _MODELS[settings.kind]):
        raise ModelLoadError(
            f"{path} holds a {type(model).__name__} model where the model's tokenizer class needs "
            f"{_MODELS[settings.kind].__name__}"
        )
    _set_options(model, settings, path)
    built = tokenizers.Tokenizer(model)  # of the saved vocabulary, not a copy
    if saved.truncation:
        built.enable_truncation(**saved.truncation)
    _SPLITTERS[settings.kind](built, saved, settings)
    _add_tokens(built, settings, saved)
    if settings.kind == "qwen2":
        specials = dict.fromkeys(token.content for token in (*settings.named.values(), *settings.extra))
        built.add_tokens([tokenizers.AddedToken(content, special=True) for content in specials])
    built.post_processor = _post_processor(built, saved, settings)
    built.decoder = _decoder(settings)
    return built


def _set_options(model: models.Model, settings: TokenizerSettings, path: Path) -> None:
    """Give a BPE model the class's own options; refuse a Unigram model whose unknown piece the class moves."""
    if isinstance(model, models.BPE):
        model.dropout = model.unk_token = None
        model.fuse_unk = model.byte_fallback = model.ignore_merges = False
        model.continuing_subword_prefix = model.end_of_word_suffix = ""
    if isinstance(model, models.Unigram):
        unknown = settings.named["unk_token"].content
        expected = 3 if settings.kind == "xlm_roberta" else model.token_to_id(unknown) or 0
        found = [token.id for token in model.tokenize(_IN_NO_VOCABULARY)]
        if expected not in found:
            raise ModelLoadError(f"{path} has its unknown piece at {found}, and its class at {expected}")


def _split_as_bert(built: tokenizers.Tokenizer, _saved: tokenizers.Tokenizer, settings: TokenizerSettings) -> None:
    built.model.unk_token = settings.named["unk_token"].content
    built.model.continuing_subword_prefix = "##"
    built.model.max_input_chars_per_word = _WORDPIECE_LONGEST_WORD
    built.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.tokenize_chinese_chars,
        strip_accents=settings.strip_accents,
        lowercase=settings.do_lower_case,
    )
    built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()


def _split_as_roberta(built: tokenizers.Tokenizer, _saved: tokenizers.Tokenizer, settings: TokenizerSettings) -> None:
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=settings.add_prefix_space)


def _split_as_qwen2(built: tokenizers.Tokenizer, _saved: tokenizers.Tokenizer, settings: TokenizerSettings) -> None:
    built.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(_QWEN2_WORDS), behavior="isolated", invert=False)
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=settings.add_prefix_space, use_regex=False)
    built.pre_tokenizer = pre_tokenizers.Sequence([words, bytes_])


def _split_as_xlm_roberta(
    built: tokenizers.Tokenizer, saved: tokenizers.Tokenizer, settings: TokenizerSettings
) -> None:
    """Of the saved normalizer only the table of characters is kept."""
    if table := next(
        (n["precompiled_charsmap"] for n in _parts(saved.normalizer) if n["type"] == "Precompiled"), None
    ):
        built.normalizer = normalizers.Precompiled(base64.b64decode(table))
    words = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=_scheme(settings))
    built.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), words])


_SPLITTERS = {
    "bert": _split_as_bert,
    "camembert": _split_as_xlm_roberta,
    "mpnet": _split_as_bert,
    "qwen2": _split_as_qwen2,
    "roberta": _split_as_roberta,
    "xlm_roberta": _split_as_xlm_roberta,
}


def _add_tokens(built: tokenizers.Tokenizer, settings: TokenizerSettings, saved: tokenizers.Tokenizer) -> None:
    """Add the tokens that are found as a whole: those by id in order, then special ones that are not among them."""
    if settings.added is None:
        more = {i: _added_token(token) for i, token in settings.more.items()}
        listed = [token for _, token in sorted({**more, **saved.get_added_tokens_decoder()}.items())]
    else:
        listed = [_added_token(token) for token in settings.added.values()]
    known = {token.content for token in (*built.get_added_tokens_decoder().values(), *listed)}
    specials = {token.content: token for token in (*settings.named.values(), *settings.extra)}
    listed += [_added_token(token) for content, token in specials.items() if content not in known]
    built.add_tokens(listed)


def _added_token(token: Token) -> tokenizers.AddedToken:
    return tokenizers.AddedToken(token.content, **token.flags)


def _post_processor(
    built: tokenizers.Tokenizer, saved: tokenizers.Tokenizer, settings: TokenizerSettings
) -> processors.PostProcessor | None:
    if settings.kind == "qwen2":
        kept: processors.PostProcessor | None = saved.post_processor
        return kept
    sentencepiece = settings.kind in ("camembert", "xlm_roberta")
    first, last = ("bos_token", "eos_token") if sentencepiece else ("cls_token", "sep_token")
    tokens = [settings.named[name].content for name in (first, last)]
    ids = [(token, _id(built, token)) for token in tokens]
    return processors.TemplateProcessing(single=f"{tokens[0]}:0 $A:0 {tokens[1]}:0", special_tokens=ids)


def _decoder(settings: TokenizerSettings) -> decoders.Decoder:
    if settings.kind in ("bert", "mpnet"):
        return decoders.WordPiece(prefix="##")
    if settings.kind in ("qwen2", "roberta"):
        return decoders.ByteLevel()
    return decoders.Metaspace(replacement="▁", prepend_scheme=_scheme(settings))


def _scheme(settings: TokenizerSettings) -> str:
    return "always" if settings.add_prefix_space else "never"


def _id(built: tokenizers.Tokenizer, token: str) -> int:
    found = built.token_to_id(token)
    if found is None:
        raise ModelLoadError(f"the tokenizer has no token {token!r}")
    return found


def _parts(normalizer: normalizers.Normalizer | None) -> list[dict[str, Any]]:
    """Give a normalizer's description, of a sequence those of its members."""
    if normalizer is None:
        return []
    state = json.loads(normalizer.__getstate__())
    return list(state["normalizers"]) if state["type"] == "Sequence" else [state]


def _lowers(normalizer: normalizers.Normalizer | None) -> bool:
    """Tell whether a normalizer is, or has as a member, one that does nothing but lower the case."""
    return any(part["type"] == "Lowercase" for part in _parts(normalizer))
