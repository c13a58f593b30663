"""BERT (Devlin et al. 2018, arXiv:1810.04805), with weights named as transformers' BertModel names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortembed.prepare.architectures.config import ConfigReader
from ortembed.prepare.blocks.base import Attention, Embeddings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.prepare.blocks import Blocks

PREFIXES = ("bert.",)


@dataclass(frozen=True)
class BertShape:
    """The entries of config.json that shape the graph."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    head_width: int
    inner_width: int
    positions: int
    token_types: int
    epsilon: float
    activation: str
    padding_id: int | None = None  # RoBERTa's positions, see Embeddings


def read_config(config: Mapping[str, Any]) -> BertShape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported."""
    reader = ConfigReader(config)
    reader.require({"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False})
    width, heads = reader.integer("hidden_size"), reader.integer("num_attention_heads")
    return BertShape(
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


def build(shape: BertShape, blocks: Blocks) -> None:
    """Add embeddings and layers. A single text is all token type 0, which is added to the positions here."""
    weights, prefix = blocks.weights, "embeddings."
    word = weights.get(f"{prefix}word_embeddings.weight", (shape.vocab_size, shape.width))
    position = weights.get(f"{prefix}position_embeddings.weight", (shape.positions, shape.width))
    token_type = weights.get(f"{prefix}token_type_embeddings.weight", (shape.token_types, shape.width))
    first = 0 if shape.padding_id is None else shape.padding_id
    hidden = blocks.embed(
        Embeddings(
            word=word,
            position=position[first:] + token_type[0],
            norm=f"{prefix}LayerNorm",
            epsilon=shape.epsilon,
            padding_id=shape.padding_id,
        )
    )
    for index in range(shape.layers):
        hidden = _layer(shape, blocks, f"encoder.layer.{index}.", hidden)
    blocks.finish(hidden, shape.width)


def _layer(shape: BertShape, blocks: Blocks, prefix: str, hidden: str) -> str:
    own = f"{prefix}attention.self."
    query, key, value = (
        blocks.projection(f"{own}{part}", shape.width, shape.width) for part in ("query", "key", "value")
    )
    context = blocks.attention(own, hidden, Attention(query, key, value, shape.heads, shape.heads, shape.head_width))
    attended = _close(shape, blocks, f"{prefix}attention.output.", (context, shape.width), hidden)
    name = f"{prefix}intermediate.dense"
    active = blocks.feed_forward_in(name, attended, (shape.width, shape.inner_width), shape.activation)
    return _close(shape, blocks, f"{prefix}output.", (active, shape.inner_width), attended)


def _close(shape: BertShape, blocks: Blocks, prefix: str, inner: tuple[str, int], residual: str) -> str:
    """Close a sublayer, given its value and width: dense, residual, LayerNorm."""
    dense = blocks.linear(f"{prefix}dense", *inner, shape.width)
    total = blocks.add(f"{prefix}residual", dense, residual)
    return blocks.layer_norm(f"{prefix}LayerNorm", total, shape.width, shape.epsilon)
