"""The small models of each family that the exporters are compared on: one entry here is one row of tests.

Imported by the tests, which have no torch, and by the script in the reference environment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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
        added: Entries put into it then, such as those of files that older versions wrote.
        longest: Tokens of the longest text.
        padding_sides: The sides on which transformers pads the batches.
        own_names: Whether weights are named as in transformers' modules, where its publishers named them otherwise.
    """

    config: dict[str, Any]
    task: str = "Model"
    dtype: str = "float32"
    shard_size: str = "5GB"
    removed: tuple[str, ...] = ()
    added: dict[str, Any] = field(default_factory=dict)
    longest: int = 64
    padding_sides: tuple[str, ...] = ("right",)
    own_names: bool = False


def bert_like(width: int, heads: int, layers: int, inner: int, **more: object) -> dict[str, Any]:
    sizes = {"hidden_size": width, "num_attention_heads": heads, "num_hidden_layers": layers}
    return {"vocab_size": 97, "max_position_embeddings": 64, **sizes, "intermediate_size": inner, **more}


def roberta(*sizes: int, **more: object) -> dict[str, Any]:
    return bert_like(*sizes, **{"max_position_embeddings": 66, "pad_token_id": 1, "type_vocab_size": 1, **more})


def distilbert(width: int, heads: int, layers: int, inner: int, **more: object) -> dict[str, Any]:
    sizes = {"dim": width, "n_heads": heads, "n_layers": layers, "hidden_dim": inner}
    return {"vocab_size": 97, "max_position_embeddings": 64, **sizes, **more}


def modernbert(width: int, heads: int, layers: int, inner: int, **more: object) -> dict[str, Any]:
    tokens = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0)
    return {**bert_like(width, heads, layers, inner, max_position_embeddings=200), **tokens, **more}


def qwen3(width: int, heads: int, shared: int, layers: int, inner: int, **more: object) -> dict[str, Any]:
    sizes = bert_like(width, heads, layers, inner, max_position_embeddings=200)
    return {**sizes, "num_key_value_heads": shared, "head_dim": 16, **more}


# By model_type. Positions of RoBERTa and MPNet begin after the padding id, so their longest text is shorter.
FAMILIES: dict[str, list[Case]] = {
    "bert": [
        Case(bert_like(32, 4, 3, 64)),
        Case(bert_like(48, 3, 2, 40, hidden_act="gelu_new", layer_norm_eps=1e-2, type_vocab_size=1)),
        Case(bert_like(24, 1, 1, 96, hidden_act="relu", max_position_embeddings=200), longest=200),
        Case(bert_like(20, 5, 2, 30, hidden_act="silu"), task="ForMaskedLM", dtype="float16"),
        Case(bert_like(64, 4, 2, 64), dtype="bfloat16", shard_size="30KB"),
        Case(bert_like(16, 2, 2, 32), removed=("layer_norm_eps", "hidden_act", "type_vocab_size")),
        Case(bert_like(32, 4, 2, 48, max_position_embeddings=1100), longest=1100),
    ],
    "modernbert": [
        Case(modernbert(64, 4, 4, 48, local_attention=16)),
        Case(
            modernbert(48, 3, 2, 64, norm_bias=True, attention_bias=True, mlp_bias=True, hidden_activation="silu"),
            task="ForMaskedLM",
            longest=200,
        ),
        Case(
            modernbert(32, 2, 5, 32, local_attention=7),
            dtype="bfloat16",
            removed=("layer_types", "rope_parameters"),
            added={"global_attn_every_n_layers": 2, "global_rope_theta": 5000.0, "local_rope_theta": 100.0},
        ),
        Case(
            modernbert(32, 2, 2, 40, layer_types=["sliding_attention", "full_attention"], local_attention=4),
            removed=("norm_eps", "norm_bias", "attention_bias", "mlp_bias", "hidden_activation"),
        ),
        Case(modernbert(48, 3, 4, 32, local_attention=128, max_position_embeddings=1100), longest=1100),
        Case(modernbert(32, 2, 3, 32, local_attention=11, max_position_embeddings=1100), longest=1025),
    ],
    "nomic_bert": [
        Case(bert_like(64, 4, 3, 96)),
        Case(
            bert_like(48, 3, 2, 64, head_dim=8, hidden_act="gelu", max_position_embeddings=200),
            longest=200,
            own_names=True,
        ),
        Case(
            bert_like(32, 2, 2, 32, type_vocab_size=1),
            task="ForMaskedLM",
            dtype="float16",
            removed=("rope_parameters", "head_dim", "layer_norm_eps", "hidden_act"),
        ),
        Case(bert_like(32, 4, 1, 40, rope_parameters={"rope_type": "default", "rope_theta": 50.0})),
        Case(bert_like(32, 2, 2, 48, max_position_embeddings=1100), longest=1100),
    ],
    "qwen3": [
        Case(qwen3(64, 4, 2, 3, 96), padding_sides=("right", "left")),
        Case(qwen3(32, 6, 1, 2, 64, head_dim=48, attention_bias=True, hidden_act="gelu"), longest=200),
        Case(
            qwen3(48, 2, 2, 2, 40, tie_word_embeddings=True),
            task="ForCausalLM",
            dtype="bfloat16",
            shard_size="30KB",
            removed=("rope_parameters", "layer_types"),
            added={"rope_theta": 1e6, "rope_scaling": None, "use_sliding_window": True, "max_window_layers": 2},
            padding_sides=("right", "left"),
        ),
    ],
    "roberta": [
        Case(roberta(32, 4, 2, 64, layer_norm_eps=1e-5)),
        Case(roberta(30, 3, 3, 50, hidden_act="gelu_fast", pad_token_id=5, max_position_embeddings=70)),
        Case(roberta(16, 1, 1, 40, pad_token_id=0, max_position_embeddings=131), longest=130),
        Case(roberta(24, 2, 2, 32, type_vocab_size=3), task="ForMaskedLM", removed=("pad_token_id",)),
    ],
    "xlm-roberta": [
        Case(roberta(32, 4, 2, 64, layer_norm_eps=1e-5)),
        Case(roberta(40, 5, 1, 24, hidden_act="relu"), task="ForSequenceClassification", dtype="float16"),
        Case(roberta(16, 2, 3, 24, vocab_size=300), shard_size="20KB"),
        Case(roberta(32, 4, 2, 48, max_position_embeddings=1100), longest=1098),
    ],
    "camembert": [
        Case(roberta(32, 4, 2, 64)),
        Case(roberta(24, 3, 1, 40, hidden_act="gelu_pytorch_tanh"), task="ForMaskedLM", dtype="bfloat16"),
        Case(roberta(16, 2, 2, 24, layer_norm_eps=1e-5, pad_token_id=3, max_position_embeddings=68)),
    ],
    "distilbert": [
        Case(distilbert(32, 4, 2, 64)),
        Case(distilbert(48, 3, 1, 40, activation="relu", max_position_embeddings=150), longest=150),
        Case(distilbert(24, 1, 3, 32, sinusoidal_pos_embds=True), task="ForMaskedLM", dtype="float16"),
        Case(distilbert(16, 2, 2, 20), removed=("activation", "sinusoidal_pos_embds"), shard_size="5KB"),
    ],
    "mpnet": [
        Case(bert_like(32, 4, 3, 64, max_position_embeddings=66)),
        Case(bert_like(24, 2, 1, 40, max_position_embeddings=302, layer_norm_eps=1e-5), longest=300),
        Case(bert_like(20, 5, 2, 24, max_position_embeddings=66, hidden_act="gelu_new"), task="ForMaskedLM"),
        Case(bert_like(16, 1, 2, 24, max_position_embeddings=66), dtype="bfloat16", removed=("pad_token_id",)),
    ],
}
