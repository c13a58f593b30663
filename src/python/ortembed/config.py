"""A model's settings, read from its own files: sequence length, pooling, normalization, prompts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MODULES = "modules.json"

# The values of config.json's model_type that ortembed makes a graph for from safetensors.
EXPORTED_MODEL_TYPES = ("bert",)

# The keys of a pooling config's older form, and the mode that each switches on.
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# Keys of sentence_bert_config.json that would change the vectors and that ortembed does not read.
_UNSUPPORTED_SENTENCE_KEYS = (
    "document_length",
    "processing_kwargs",
    "processor_kwargs",
    "query_length",
    "tokenizer_args",
)
_INT32_MAX = 2**31 - 1
_SIMILARITIES = ("cosine", "dot")


@dataclass(frozen=True)
class ModelSettings:
    """What a model's files say about turning ids into vectors."""

    model_type: str
    vocab_size: int
    max_positions: int  # the longest sequence that the weights allow
    max_seq_length: int  # the longest that the model was made for
    lowercase: bool = False
    pooling: str = "mean"
    normalize: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None
    similarity: str = "cosine"

    def to_json(self) -> str:
        """Give the settings as JSON text, for a file that from_json reads."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> ModelSettings:
        """Read what to_json gave."""
        return ModelSettings(**json.loads(text))


def read_json(path: Path) -> Any:  # noqa: ANN401 - the shape is the caller's to check
    """Read a JSON file; ModelLoadError names it when it is not JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error


def pooling_config_name(modules: Any) -> str | None:  # noqa: ANN401
    """Give the repository path of the Pooling module's config, of a parsed modules.json."""
    for module in _checked_modules(modules):
        if _module_kind(module) == "Pooling":
            return str(PurePosixPath(str(module.get("path", "")), "config.json"))
    return None


def read_settings(files: Mapping[str, Path]) -> ModelSettings:
    """Read the settings from a model's files, given by their paths in its repository.

    The forms are those of sentence-transformers, older and newer. What is absent gets the default that
    sentence-transformers uses: mean pooling, no normalization, no prompts.

    Raises:
        ModelLoadError: A file is not readable, or asks for something that ortembed does not do.
    """
    config = _read_object(files, "config.json")
    sentence = _read_object(files, "sentence_bert_config.json")
    _refuse(files, "sentence_bert_config.json", dict.fromkeys(_UNSUPPORTED_SENTENCE_KEYS))
    _refuse(files, "tokenizer_config.json", {"truncation_side": "right"})
    pipeline = _read_object(files, "config_sentence_transformers.json")
    pooling, normalize = _read_pipeline(files)
    max_positions = _integer(config, "max_position_embeddings", files)
    return ModelSettings(
        model_type=str(config.get("model_type")),
        vocab_size=_integer(config, "vocab_size", files),
        max_positions=max_positions,
        max_seq_length=_max_seq_length(files, sentence, max_positions),
        lowercase=bool(sentence.get("do_lower_case", False)),
        pooling=pooling,
        normalize=normalize,
        prompts=_prompts(pipeline),
        default_prompt_name=pipeline.get("default_prompt_name"),
        similarity=_similarity(pipeline),
    )


def _read_object(files: Mapping[str, Path], name: str) -> dict[str, Any]:
    if name not in files:
        return {}
    value = read_json(files[name])
    if not isinstance(value, dict):
        raise ModelLoadError(f"{files[name]} is not a JSON object")
    return value


def _refuse(files: Mapping[str, Path], name: str, supported: dict[str, str | None]) -> None:
    """Raise ModelLoadError where a setting has a value other than nothing or the one that is supported."""
    config = _read_object(files, name)
    for key, value in supported.items():
        if config.get(key) and config[key] != value:
            raise ModelLoadError(f"{files[name]}: {key} {config[key]!r} is not supported")


def _integer(config: dict[str, Any], key: str, files: Mapping[str, Path]) -> int:
    value = config.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _INT32_MAX:
        raise ModelLoadError(f"{files['config.json']}: {key} is {value!r}, not an integer from 1 to {_INT32_MAX}")
    return value


def _max_seq_length(files: Mapping[str, Path], sentence: dict[str, Any], max_positions: int) -> int:
    explicit = sentence.get("max_seq_length")
    if explicit is None:
        explicit = _read_object(files, "tokenizer_config.json").get("model_max_length") or max_positions
    if not isinstance(explicit, (int, float)) or isinstance(explicit, bool) or not explicit >= 1:  # NaN is not
        raise ModelLoadError(f"max_seq_length is {explicit!r}, not a positive integer")
    return int(min(explicit, max_positions))


def _checked_modules(modules: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    if not isinstance(modules, list) or not all(isinstance(m, dict) and "type" in m for m in modules):
        raise ModelLoadError(f"{MODULES} is not a list of modules with a type each")
    return modules


def _module_kind(module: dict[str, Any]) -> str:
    """Give the class name: sentence_transformers.models.Pooling, and the longer newer path, are both Pooling."""
    path = str(module["type"])
    if not path.startswith("sentence_transformers."):
        raise ModelLoadError(f"{MODULES} names {path!r}; code from a model repository is never run")
    return path.rsplit(".", 1)[-1]


def _read_pipeline(files: Mapping[str, Path]) -> tuple[str, bool]:
    """Give the pooling mode, and whether a Normalize module follows."""
    if MODULES not in files:
        return "mean", False
    modules = _checked_modules(read_json(files[MODULES]))
    kinds = [_module_kind(module) for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelLoadError(
            f"{files[MODULES]} chains {', '.join(kinds)}; ortembed does Transformer, Pooling and, "
            "optionally, Normalize"
        )
    if modules[0].get("path"):
        raise ModelLoadError(
            f"{files[MODULES]} puts the Transformer in {modules[0]['path']!r}; it must be at the top"
        )
    name = pooling_config_name(modules)
    if name is None or name not in files:
        raise ModelLoadError(f"{files[MODULES]} asks for {name}, which is missing")
    return _pooling_mode(files[name]), kinds[-1] == "Normalize"


def _pooling_mode(path: Path) -> str:
    config = read_json(path)
    if not isinstance(config, dict):
        raise ModelLoadError(f"{path} is not a JSON object")
    if config.get("include_prompt") is False:
        raise ModelLoadError(f"{path}: pooling without the prompt's tokens (include_prompt) is not supported")
    modes = config.get("pooling_mode") or [m for flag, m in _POOLING_FLAGS.items() if config.get(flag)]
    if isinstance(modes, str):
        modes = [modes]
    if not isinstance(modes, list) or not all(isinstance(mode, str) for mode in modes):
        raise ModelLoadError(f"{path}: pooling_mode is {modes!r}, neither a name nor a list of names")
    if len(modes) > 1:
        raise ModelLoadError(f"{path}: concatenated pooling ({' + '.join(modes)}) is not supported")
    mode = modes[0].lower() if modes else "mean"
    if mode not in _POOLING_FLAGS.values():
        raise ModelLoadError(f"{path}: unknown pooling mode {mode!r}")
    return str(mode)


def _prompts(pipeline: dict[str, Any]) -> dict[str, str]:
    """Give the prompts by name; as in sentence-transformers, one that is null is empty."""
    prompts = pipeline.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(p, str | None) for p in prompts.values()):
        raise ModelLoadError(f"prompts is {prompts!r}, not an object of texts")
    default = pipeline.get("default_prompt_name")
    if default is not None and (not isinstance(default, str) or default not in prompts):
        raise ModelLoadError(f"default_prompt_name is {default!r}; there are only {sorted(prompts)}")
    return {name: prompt or "" for name, prompt in prompts.items()}


def _similarity(pipeline: dict[str, Any]) -> str:
    name = pipeline.get("similarity_fn_name") or "cosine"
    if name not in _SIMILARITIES:
        raise ModelLoadError(f"similarity_fn_name is {name!r}; ortembed does {' and '.join(_SIMILARITIES)}")
    return str(name)
