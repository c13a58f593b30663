"""What a model's files say about its tokenizer beside tokenizer.json: the class, its options and special tokens.

The rules are those of transformers 5. A class that transformers knows is built anew over the vocabulary of
tokenizer.json, with the class's own normalizer and post-processor; any other is taken as tokenizer.json has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ortembed.errors import ModelLoadError
from ortembed.json_files import check_flag, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKENIZER_CONFIG = "tokenizer_config.json"
SPECIAL_TOKENS_MAP = "special_tokens_map.json"
ADDED_TOKENS = "added_tokens.json"
TOKENIZER_FILES = (TOKENIZER_CONFIG, SPECIAL_TOKENS_MAP, ADDED_TOKENS)  # beside tokenizer.json; any may be absent

AS_SAVED = "as_saved"
_CLASSES_OF_KINDS = {
    "bert": re.compile(
        "Bert|ConvBert|DPRContextEncoder|DPRQuestionEncoder|DistilBert|Electra|LayoutLM|Lxmert|MobileBert|SqueezeBert"
    ),
    "camembert": re.compile("Camembert"),
    "mpnet": re.compile("MPNet"),
    "qwen2": re.compile("Qwen2"),
    "roberta": re.compile("Bart|LED|Longformer|Mvp|Roberta"),
    "xlm_roberta": re.compile("XLMRoberta"),
}
# Classes that transformers builds anew too, and ortembed does not: for them, tokenizer.json alone may be wrong.
_NOT_BUILT = re.compile(
    "Albert|Barthez|Bartpho|BertGeneration|BertJapanese|Bertweet|BigBird|BioGpt|Blenderbot|BlenderbotSmall|ByT5|CLIP|"
    "CTRL|Canine|Clvp|CodeGen|CodeLlama|Cohere|Cpm|CpmAnt|DPRReader|Deberta|DebertaV2|Dia|Esm|Esmc|FNet|FSMT|"
    "FastSpeech2Conformer|Flaubert|Funnel|GPT2|GPTNeoX|GPTNeoXJapanese|GPTSw3|Gemma|Herbert|Lasr|LayoutLMv2|"
    "LayoutLMv3|LayoutXLM|Llama|Luke|M2M100|MBart|MBart50|MLuke|Marian|MarkupLM|Mgpstr|MyT5|Nllb|Nougat|OpenAIGPT|"
    "PLBart|Parakeet|Pegasus|Perceiver|Phobert|Pop2Piano|ProphetNet|Qwen3_5|Rag|Reformer|RemBert|RoCBert|RoFormer|"
    "SeamlessM4T|Siglip|Siglip2|Speech2Text|SpeechT5|Splinter|T5|Tapas|Tipsv2|Udop|VideoPrism|Vits|Wav2Vec2CTC|"
    "Wav2Vec2PhonemeCTC|Whisper|XGLM|XLM|XLNet"
)
# The class of a model whose files name none.
_CLASS_OF_MODEL = {
    "albert": "AlbertTokenizer",
    "bert": "BertTokenizer",
    "big_bird": "BigBirdTokenizer",
    "camembert": "CamembertTokenizer",
    "convbert": "BertTokenizer",
    "deberta": "DebertaTokenizer",
    "deberta-v2": "DebertaV2Tokenizer",
    "electra": "BertTokenizer",
    "ernie": "BertTokenizer",
    "longformer": "RobertaTokenizer",
    "mobilebert": "BertTokenizer",
    "mt5": "T5Tokenizer",
    "squeezebert": "BertTokenizer",
    "t5": "T5Tokenizer",
    "distilbert": "BertTokenizer",
    "mpnet": "MPNetTokenizer",
    "nomic_bert": "BertTokenizer",
    "qwen3": "Qwen2Tokenizer",
    "roberta": "RobertaTokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
}
# Models whose tokenizer.json is taken as it is, whatever class their files name.
_AS_SAVED_MODELS = ("modernbert", "xlm-roberta-xl")

_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_ROBERTA = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
}
_DEFAULT_TOKENS: dict[str, dict[str, str]] = {
    AS_SAVED: {},
    "bert": {
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    },
    "camembert": _ROBERTA,
    "mpnet": {**_ROBERTA, "unk_token": "[UNK]"},
    "qwen2": dict.fromkeys(("unk_token", "eos_token", "pad_token"), "<|endoftext|>"),
    "roberta": _ROBERTA,
    "xlm_roberta": _ROBERTA,
}
_ID = re.compile(r"[0-9]{1,9}")
_CAMEMBERT_EXTRA = ("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED")  # special where the files list no others
_TOKEN_FLAGS = ("lstrip", "normalized", "rstrip", "single_word", "special")


@dataclass(frozen=True)
class Token:
    """A token that is found in a text as a whole."""

    content: str
    flags: Mapping[str, bool] = field(default_factory=dict)  # as of tokenizers.AddedToken; what lacks has its default


@dataclass(frozen=True)
class TokenizerSettings:
    """How a tokenizer differs from its tokenizer.json."""

    kind: str = AS_SAVED  # or a key of _CLASSES_OF_KINDS, built anew
    lowercase: bool = False  # lower the case of texts first: the Transformer module's do_lower_case
    do_lower_case: bool = True  # of bert and mpnet, as the next two
    strip_accents: bool | None = None  # None: as do_lower_case
    tokenize_chinese_chars: bool = True
    add_prefix_space: bool = False  # of roberta, xlm_roberta, camembert and qwen2
    split_special_tokens: bool = False
    model_max_length: float | None = None  # tokens; None: no limit is said
    has_chat_template: bool = False
    truncation_side: str | None = None  # None: as tokenizer.json says, else the right
    named: Mapping[str, Token] = field(default_factory=dict)  # "cls_token" and the like
    extra: tuple[Token, ...] = ()  # further special tokens
    added: Mapping[int, Token] | None = None  # tokens by id, in place of tokenizer.json's where it is not None
    more: Mapping[int, Token] = field(default_factory=dict)  # tokens by id, beside tokenizer.json's


def read_tokenizer_settings(
    files: Mapping[str, Path], config: Mapping[str, Any], *, lowercase: bool
) -> TokenizerSettings:
    """Read the settings from a model's files; ``config`` is the parsed config.json.

    Raises:
        ModelLoadError: A file is not readable, or a setting is not of its type.
    """
    written = read_object(files, TOKENIZER_CONFIG)
    where = files.get(TOKENIZER_CONFIG, TOKENIZER_CONFIG)
    kind = _kind(config, written, where)
    side = written.get("truncation_side")
    if side not in (None, "left", "right"):
        raise ModelLoadError(f"{where}: truncation_side is {side!r}, neither left nor right")
    names = written.get("model_input_names")
    if names is not None and "attention_mask" not in (names if isinstance(names, list) else ()):
        raise ModelLoadError(
            f"{where}: model_input_names is {names!r:.80}; without attention_mask padding would be attended to"
        )
    added = _added(written.get("added_tokens_decoder"), where)
    special = {} if added is not None else read_object(files, SPECIAL_TOKENS_MAP)
    named = _named({**written, **special}, kind, where)
    extra = _extra({**written, **special}, kind, where)
    return TokenizerSettings(
        kind,
        lowercase,
        do_lower_case=_flag(written, "do_lower_case", where, default=True),
        strip_accents=_flag(written, "strip_accents", where, default=None),
        tokenize_chinese_chars=_flag(written, "tokenize_chinese_chars", where, default=True),
        add_prefix_space=_flag(written, "add_prefix_space", where, default=kind in ("camembert", "xlm_roberta")),
        split_special_tokens=_flag(written, "split_special_tokens", where, default=False),
        model_max_length=_length(written.get("model_max_length", written.get("max_len")), where),
        has_chat_template=written.get("chat_template") is not None,
        truncation_side=side,
        named=named,
        extra=extra,
        added=added,
        more={} if added is not None else _more(files, {token.content for token in (*named.values(), *extra)}),
    )


_Default = TypeVar("_Default", bool, None)


def _flag(written: Mapping[str, Any], key: str, where: object, *, default: _Default) -> bool | _Default:
    return default if written.get(key) is None else check_flag(written[key], key, where)


def _length(value: object, where: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 1:  # NaN is not
        raise ModelLoadError(f"{where}: model_max_length is {value!r}, not a positive number")
    return value


def _kind(config: Mapping[str, Any], written: Mapping[str, Any], where: object) -> str:
    model_type = str(config.get("model_type"))
    if model_type in _AS_SAVED_MODELS:
        return AS_SAVED
    name = written.get("tokenizer_class") or config.get("tokenizer_class") or _CLASS_OF_MODEL.get(model_type)
    full = str(name).removesuffix("Fast")
    plain = full.removesuffix("Tokenizer") if full.endswith("Tokenizer") else ""
    if _NOT_BUILT.fullmatch(plain):
        raise ModelLoadError(
            f"{where}: tokenizer_class is {name!r}, whose rules ortembed does not have. Where the model was made "
            'with just what tokenizer.json says, set tokenizer_class to "PreTrainedTokenizerFast"'
        )
    return next((kind for kind, names in _CLASSES_OF_KINDS.items() if names.fullmatch(plain)), AS_SAVED)


def _named(written: Mapping[str, Any], kind: str, where: object) -> dict[str, Token]:
    """Give the named special tokens; those that the class has flags of its own for get them."""
    defaults = _DEFAULT_TOKENS[kind]
    values = {key: written[key] if written.get(key) is not None else defaults.get(key) for key in _NAMED}
    tokens = {key: _token(value, f"{where}: {key}") for key, value in values.items() if value is not None}
    if kind == "camembert" and isinstance(values["mask_token"], str):
        tokens["mask_token"] = Token(values["mask_token"], {"lstrip": True, "special": True})
    if kind != "mpnet":
        return tokens
    return {  # this class gives tokens that are plain texts flags of its own
        key: Token(token.content, {"lstrip": key == "mask_token", "normalized": True, "special": True})
        if isinstance(values[key], str)
        else token
        for key, token in tokens.items()
    }


def _extra(written: Mapping[str, Any], kind: str, where: object) -> tuple[Token, ...]:
    """Give the special tokens beyond the named ones, under each of the names that they have had."""
    values = written.get("extra_special_tokens") or written.get("additional_special_tokens") or []
    if not isinstance(values, list | dict):
        raise ModelLoadError(f"{where}: the extra special tokens are {values!r}, not a list")
    listed = [*values.values()] if isinstance(values, dict) else values
    if kind == "camembert" and written.get("additional_special_tokens") is None:
        listed = [*listed, *_CAMEMBERT_EXTRA]
    own = [v for k, v in written.items() if k.endswith("_token") and k not in _NAMED and isinstance(v, str)]
    return tuple(_token(value, f"{where}: extra_special_tokens") for value in [*listed, *own])


def _token(value: object, what: str, *, special: bool = True) -> Token:
    if isinstance(value, str):
        return Token(value, {"special": special})
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        raise ModelLoadError(f"{what} is {value!r}, neither a text nor an object with a content")
    flags = {key: check_flag(value[key], f"{what}.{key}", "tokens") for key in _TOKEN_FLAGS if key in value}
    return Token(value["content"], {**flags, "special": True} if special else flags)


def _added(written: object, where: object) -> dict[int, Token] | None:
    if written is None:
        return None
    if not isinstance(written, dict) or not all(_ID.fullmatch(key) for key in written):
        raise ModelLoadError(f"{where}: added_tokens_decoder is not an object with ids for keys")
    tokens = {
        int(key): _token(value, f"{where}: added_tokens_decoder", special=False) for key, value in written.items()
    }
    return dict(sorted(tokens.items()))


def _more(files: Mapping[str, Path], specials: set[str]) -> dict[int, Token]:
    written = read_object(files, ADDED_TOKENS)
    if not all(isinstance(value, int) and value >= 0 for value in written.values()):
        raise ModelLoadError(f"{files[ADDED_TOKENS]} is not an object of ids")
    return {
        value: Token(content, {"normalized": content not in specials, "special": content in specials})
        for content, value in written.items()
    }
