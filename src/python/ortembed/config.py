"""A model's settings, read from its own files: sequence length, pooling, normalization, prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError
from ortembed.json_files import check_flag, check_integer, read_object
from ortembed.modules import MODULES, HeadStep, read_pipeline
from ortembed.similarity import SIMILARITIES
from ortembed.tokenizer_settings import TOKENIZER_FILES, TokenizerSettings, read_tokenizer_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Names of the Transformer module's config, of which the first that a model has counts.
SENTENCE_CONFIG_NAMES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
MODEL_CONFIG = "config_sentence_transformers.json"
_ADAPTER = "adapter_config.json"
_CHAT_TEMPLATE = "chat_template.jinja"
# Further files of the Transformer module that read_settings looks at, each of which a model may lack.
OPTIONAL_FILES = (*TOKENIZER_FILES, _ADAPTER, _CHAT_TEMPLATE)

# What sentence_bert_config.json may say: keys that change no vector, keys with the one value that ortembed does,
# and keys that are read here.
_SENTENCE_IGNORED = {"backend", "model_args", "model_kwargs", "unpad_inputs"}
_SENTENCE_FIXED: dict[str, tuple[Any, ...]] = {
    "config_args": (None, {}),
    "config_kwargs": (None, {}),
    "document_length": (None,),
    "modality_config": (
        None,
        {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        {"text": {"method": "forward", "method_output_name": ["last_hidden_state"]}},
    ),
    "module_output_name": (None, "token_embeddings"),
    "processing_kwargs": (None, {}),
    "query_expansion": (None,),
    "query_length": (None,),
    "tokenizer_name_or_path": (None,),
    "transformer_task": (None, "feature-extraction"),
}
_SENTENCE_READ = {"do_lower_case", "max_seq_length", "processor_kwargs", "tokenizer_args"}
_PROCESSOR_IGNORED = {"padding_side", "trust_remote_code", "use_fast"}

# Architectures whose positions begin after that of the padding token, with the default for its id.
_OFFSET_POSITIONS = {"camembert": 1, "mpnet": 1, "roberta": 1, "xlm-roberta": 1, "xlm-roberta-xl": 1}
PROMPTS_OF_ALL_MODELS = ("query", "document")  # empty where a model has none of its own


@dataclass(frozen=True)
class ModelSettings:
    """What a model's files say about turning ids into vectors."""

    model_type: str
    vocab_size: int
    max_positions: int  # the longest sequence that the weights allow
    max_seq_length: int  # the longest that the model was made for
    pooling: tuple[str, ...] = ("mean",)  # in the order of concatenation
    include_prompt: bool = True  # whether a prompt's tokens are pooled
    head: tuple[HeadStep, ...] = ()  # what comes between pooling and normalization
    normalize: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None
    similarity: str = "cosine"
    truncate_dim: int | None = None  # dimensions that the model's vectors are cut to unless the caller says otherwise
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    matryoshka_dims: tuple[int, ...] = ()  # dimensions that the model was trained to be cut to


def read_settings(files: Mapping[str, Path]) -> ModelSettings:
    """Read the settings from a model's files, given by their paths in its repository.

    Files of a Transformer module in a folder of its own are given by their bare names. The forms are those of
    sentence-transformers, older and newer, and what is absent gets its defaults: mean pooling (the last token of
    a causal language model), no normalization, no prompts. As there, sentence_bert_config.json and
    config_sentence_transformers.json count only beside a modules.json.

    Raises:
        ModelLoadError: A file is not readable, or asks for something that ortembed does not do.
    """
    config = read_object(files, "config.json")
    piped = MODULES in files
    if _ADAPTER in files:
        raise ModelLoadError(f"{files[_ADAPTER]}: adapters are not supported; merge it into the model and save that")
    sentence = _sentence_config(files) if piped else {}
    pipeline = read_pipeline(files)
    model = _model_config(files) if piped else {}
    lowercase = check_flag(sentence.get("do_lower_case", False), "do_lower_case", "sentence_bert_config.json")
    tokenizer = read_tokenizer_settings(files, config, lowercase=lowercase)
    if not piped and (_CHAT_TEMPLATE in files or tokenizer.has_chat_template):
        raise ModelLoadError(
            f"the model has a chat template and no {MODULES}: sentence-transformers would put texts through the "
            f"template, which ortembed does not do; a {MODULES} says how to embed texts as they are"
        )
    max_positions = _max_positions(config, files["config.json"])
    return ModelSettings(
        model_type=str(config.get("model_type")),
        vocab_size=check_integer(config.get("vocab_size"), "vocab_size", files["config.json"]),
        max_positions=max_positions,
        max_seq_length=_max_seq_length(sentence, config, tokenizer.model_max_length, max_positions),
        tokenizer=tokenizer,
        pooling=pipeline.pooling if piped else _default_pooling(config),
        include_prompt=pipeline.include_prompt,
        head=pipeline.head,
        normalize=pipeline.normalize,
        prompts=_prompts(model),
        default_prompt_name=model.get("default_prompt_name"),
        similarity=_similarity(model),
        truncate_dim=_dimension(model.get("truncate_dim"), "truncate_dim"),
        matryoshka_dims=_matryoshka_dims(config),
    )


def _sentence_config(files: Mapping[str, Path]) -> dict[str, Any]:
    """Read the Transformer module's config, refusing what would change vectors and is not done."""
    found = ((name, config) for name in SENTENCE_CONFIG_NAMES if (config := read_object(files, name)))
    name, config = next(found, ("", {}))
    where = files.get(name)
    for key, value in config.items():
        if key in _SENTENCE_FIXED:
            if value not in _SENTENCE_FIXED[key]:
                raise ModelLoadError(f"{where}: {key} {value!r} is not supported")
        elif key not in _SENTENCE_IGNORED | _SENTENCE_READ:
            raise ModelLoadError(f"{where}: {key} is not a setting that ortembed knows")
    return config


def _model_config(files: Mapping[str, Path]) -> dict[str, Any]:
    config = read_object(files, MODEL_CONFIG)
    if (kind := config.get("model_type", "SentenceTransformer")) != "SentenceTransformer":
        raise ModelLoadError(f"{files[MODEL_CONFIG]}: this is a {kind}; ortembed loads SentenceTransformer models")
    return config


def _max_positions(config: dict[str, Any], where: Path) -> int:
    """Give the length of the longest sequence: some architectures leave positions out, some say it in other words."""
    keys = [key for key in ("max_position_embeddings", "n_positions") if key in config] or ["max_position_embeddings"]
    # Nomic's files have both: how long texts were in training, and how long they may be.
    positions = max(check_integer(config.get(key), key, where) for key in keys)
    offset = _OFFSET_POSITIONS.get(str(config.get("model_type")))
    if offset is None:
        return positions
    padding = config.get("pad_token_id") if config.get("pad_token_id") is not None else offset
    if not isinstance(padding, int) or not 0 <= padding < positions - 1:
        raise ModelLoadError(f"{where}: pad_token_id is {padding!r}, which leaves no positions of {positions}")
    return positions - padding - 1


def _max_seq_length(
    sentence: dict[str, Any], config: dict[str, Any], of_tokenizer: float | None, max_positions: int
) -> int:
    processor = sentence.get("processor_kwargs") or sentence.get("tokenizer_args") or {}
    if not isinstance(processor, dict) or processor.keys() - _PROCESSOR_IGNORED - {"model_max_length"}:
        raise ModelLoadError(f"the Transformer's config sets the tokenizer's {processor!r}, which is not supported")
    explicit = processor.get("model_max_length", sentence.get("max_seq_length"))
    if explicit is None:
        explicit = min(of_tokenizer or max_positions, config.get("max_position_embeddings", max_positions))
    if not isinstance(explicit, (int, float)) or isinstance(explicit, bool) or not explicit >= 1:  # NaN is not
        raise ModelLoadError(f"max_seq_length is {explicit!r}, not a positive integer")
    return int(min(explicit, max_positions))


def _default_pooling(config: dict[str, Any]) -> tuple[str, ...]:
    """Give the pooling of a model that has no modules.json."""
    architectures = config.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else ""
    is_causal = str(first).endswith("ForCausalLM") and config.get("is_causal", True)
    return ("lasttoken",) if is_causal else ("mean",)


def _prompts(model: dict[str, Any]) -> dict[str, str]:
    """Give the prompts by name; as in sentence-transformers, one that is null is empty."""
    prompts = model.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(p, str | None) for p in prompts.values()):
        raise ModelLoadError(f"prompts is {prompts!r}, not an object of texts")
    default = model.get("default_prompt_name")
    if default is not None and (not isinstance(default, str) or default not in {*prompts, *PROMPTS_OF_ALL_MODELS}):
        raise ModelLoadError(f"default_prompt_name is {default!r}; there are only {sorted(prompts)}")
    return {name: prompt or "" for name, prompt in prompts.items()}


def _similarity(model: dict[str, Any]) -> str:
    name = model.get("similarity_fn_name") or "cosine"
    if name not in SIMILARITIES:
        raise ModelLoadError(f"similarity_fn_name is {name!r}; ortembed does {', '.join(SIMILARITIES)}")
    return str(name)


def _dimension(value: object, what: str) -> int | None:
    return None if value is None else check_integer(value, what, MODEL_CONFIG)


def _matryoshka_dims(config: dict[str, Any]) -> tuple[int, ...]:
    dims = config.get("matryoshka_dimensions") or ()
    if not isinstance(dims, list | tuple):
        raise ModelLoadError(f"config.json: matryoshka_dimensions is {dims!r}, not a list of dimensions")
    return tuple(check_integer(dim, "matryoshka_dimensions", "config.json") for dim in dims)
