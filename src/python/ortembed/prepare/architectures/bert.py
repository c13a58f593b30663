"""BERT (Devlin et al. 2018, arXiv:1810.04805), with weights named as transformers' BertModel names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed.prepare.architectures import post_norm
from ortembed.prepare.architectures.config import ConfigReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.prepare.blocks import Blocks

PREFIXES = ("bert.",)

_NAMES = post_norm.LayerNames(
    layer="encoder.layer.{}.",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attention_output="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    inner="intermediate.dense",
    output="output.dense",
    output_norm="output.LayerNorm",
)


def read_config(config: Mapping[str, Any]) -> post_norm.Shape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported."""
    reader = ConfigReader(config)
    reader.require({"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False})
    reader.refuse_own_code()
    width, heads = reader.integer("hidden_size"), reader.integer("num_attention_heads")
    return post_norm.Shape(
        vocab_size=reader.integer("vocab_size"),
        width=width,
        layers=reader.integer("num_hidden_layers"),
        heads=heads,
        head_width=reader.heads(width, heads),
        inner_width=reader.integer("intermediate_size"),
        positions=reader.integer("max_position_embeddings"),
        token_types=reader.integer("type_vocab_size", default=2),
        epsilon=reader.number("layer_norm_eps", default=1e-12),
        activation=reader.activation("hidden_act", default="gelu"),
    )


def build(shape: post_norm.Shape, blocks: Blocks) -> None:
    """Add the whole encoder."""
    post_norm.build(shape, blocks, _NAMES)
