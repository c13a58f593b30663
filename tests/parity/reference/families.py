"""The small models of each family that the exporters are compared on: one entry here is one row of tests.

Imported by the tests, which have no torch, and by the script in the reference environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A model with random weights.

    Attributes:
        config: Entries of config.json, for the rest of which transformers' defaults hold.
        task: The class that saves it: "Model" for the bare encoder, "ForMaskedLM" for one inside a larger model.
        dtype: What the weights are saved as.
        shard_size: The largest safetensors file, as transformers writes it.
        removed: Entries taken out of the saved config.json.
        longest: Tokens of the longest text.
        padding_sides: The sides on which transformers pads the batches.
    """

    config: dict[str, Any]
    task: str = "Model"
    dtype: str = "float32"
    shard_size: str = "5GB"
    removed: tuple[str, ...] = ()
    longest: int = 64
    padding_sides: tuple[str, ...] = ("right",)


def bert_like(width: int, heads: int, layers: int, inner: int, **more: object) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_attention_heads": heads, "num_hidden_layers": layers}
    return {"vocab_size": 97, "max_position_embeddings": 64, **sizes, "intermediate_size": inner, **more}


def distilbert(width: int, heads: int, layers: int, inner: int, **more: object) -> dict[str, Any]:
    sizes = {"dim": width, "n_heads": heads, "n_layers": layers, "hidden_dim": inner}
    return {"vocab_size": 97, "max_position_embeddings": 64, **sizes, **more}


# By model_type. Positions of RoBERTa and MPNet begin after the padding id, so their longest text is shorter.
FAMILIES: dict[str, list[Case]] = {
    "bert": [
        Case(bert_like(32, 4, 3, 64)),
        Case(bert_like(48, 3, 2, 40, hidden_act="gelu_new", layer_norm_eps=1e-5, type_vocab_size=1)),
        Case(bert_like(24, 1, 1, 96, hidden_act="relu", max_position_embeddings=200), longest=200),
        Case(bert_like(20, 5, 2, 30, hidden_act="silu"), task="ForMaskedLM", dtype="float16"),
        Case(bert_like(64, 4, 2, 64), dtype="bfloat16", shard_size="30KB"),
        Case(bert_like(16, 2, 2, 32), removed=("layer_norm_eps", "hidden_act", "type_vocab_size")),
    ],
}
