"""Which architecture makes the graph of which model_type."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures.config import ConfigReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ortembed.prepare.blocks import Blocks

# The file that has each model_type of config.json; imported when it is asked for.
_FILES = {
    "bert": "bert",
    "camembert": "roberta",
    "distilbert": "distilbert",
    "modernbert": "modernbert",
    "mpnet": "mpnet",
    "nomic_bert": "nomic_bert",
    "qwen3": "qwen3",
    "roberta": "roberta",
    "xlm-roberta": "roberta",
}

# Those that ortembed's own operators cannot run, and why.
_NOT_PACKED = {"qwen3": "they have neither qwen3's causal attention nor its shared heads"}


class Architecture(Protocol):
    """What each file of this folder has."""

    PREFIXES: Sequence[str]
    """What weights' names begin with where the encoder was saved inside a larger model, best first."""

    def read_config(self, config: Mapping[str, Any]) -> Any:  # noqa: ANN401 - each architecture's own
        """Check a parsed config.json; ModelLoadError names an entry that is missing or not supported."""

    def build(self, shape: Any, blocks: Blocks) -> None:  # noqa: ANN401
        """Add the whole encoder, whose shape read_config gave, and finish the graph."""


MODEL_TYPES = tuple(_FILES)


def read_architecture(config: object) -> tuple[Architecture, Any]:
    """Give the architecture of a parsed config.json, and the shape that its read_config gives.

    Raises:
        ModelLoadError: There is none for its model_type, or an entry is missing or not supported.
    """
    entries = config if isinstance(config, dict) else {}
    model_type = entries.get("model_type")
    if model_type not in MODEL_TYPES:
        known = ", ".join(sorted(_FILES))
        raise ModelLoadError(f"config.json: model_type is {model_type!r}; there are exporters for {known}")
    # Of any architecture: weights that are not plain numbers, and heads that were cut out of some layers.
    ConfigReader(entries).require({"quantization_config": None, "pruned_heads": {}})
    module: Architecture = import_module(f"ortembed.prepare.architectures.{_FILES[model_type]}")
    return module, module.read_config(entries)


def refusal(config: object) -> str | None:
    """Tell why no architecture here makes the graph of a parsed config.json; None when one does."""
    try:
        read_architecture(config)
    except ModelLoadError as error:
        return str(error)
    return None


def packed_refusal(config: object) -> str | None:
    """Tell why ortembed's own operators cannot run the model of a parsed config.json; None when they can."""
    return refusal(config) or _NOT_PACKED.get(config["model_type"] if isinstance(config, dict) else "")
