"""DistilBERT (Sanh et al. 2019, arXiv:1910.01108): BERT without token types, under names of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed.prepare.architectures import post_norm
from ortembed.prepare.architectures.config import ConfigReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.prepare.blocks import Blocks

PREFIXES = ("distilbert.",)

_EPSILON = 1e-12  # no entry of config.json changes it
_NAMES = post_norm.LayerNames(
    layer="transformer.layer.{}.",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    attention_output="attention.out_lin",
    attention_norm="sa_layer_norm",
    inner="ffn.lin1",
    output="ffn.lin2",
    output_norm="output_layer_norm",
)


def read_config(config: Mapping[str, Any]) -> post_norm.Shape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported.

    sinusoidal_pos_embds needs no care: such positions are saved with the weights.
    """
    reader = ConfigReader(config)
    reader.refuse_own_code()
    width, heads = reader.integer("dim"), reader.integer("n_heads")
    return post_norm.Shape(
        vocab_size=reader.integer("vocab_size"),
        width=width,
        layers=reader.integer("n_layers"),
        heads=heads,
        head_width=reader.heads(width, heads, names=("dim", "n_heads")),
        inner_width=reader.integer("hidden_dim"),
        positions=reader.integer("max_position_embeddings"),
        epsilon=_EPSILON,
        activation=reader.activation("activation", default="gelu"),
    )


def build(shape: post_norm.Shape, blocks: Blocks) -> None:
    """Add the whole encoder."""
    post_norm.build(shape, blocks, _NAMES)
