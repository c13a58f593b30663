"""The encoder that BERT and its relatives share: a residual and a LayerNorm close each sublayer.

They differ in what config.json and the weights call the parts, in positions, and in biases of the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ortembed.prepare.parts import Attention, Embeddings

if TYPE_CHECKING:
    from ortembed.prepare.blocks import Blocks


@dataclass(frozen=True)
class Shape:
    """The entries of config.json that shape the graph; token_types and padding_id are None where there are none."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    head_width: int
    inner_width: int
    positions: int
    epsilon: float
    activation: str
    token_types: int | None = None
    padding_id: int | None = None  # RoBERTa's positions, see Embeddings


@dataclass(frozen=True)
class LayerNames:
    """What the weights of one layer are called, after the layer's own prefix."""

    layer: str  # the prefix, with {} for its number
    query: str
    key: str
    value: str
    attention_output: str
    attention_norm: str
    inner: str
    output: str
    output_norm: str


def build(shape: Shape, blocks: Blocks, names: LayerNames, bias: str | None = None) -> None:
    """Add embeddings and layers; a bias is added to all layers' attention scores."""
    hidden = blocks.embed(_embeddings(shape, blocks))
    for index in range(shape.layers):
        hidden = _layer(shape, blocks, names, names.layer.format(index), hidden, bias)
    blocks.finish(hidden, shape.width)


def _embeddings(shape: Shape, blocks: Blocks) -> Embeddings:
    """Read the tables. A single text is all token type 0, which is added to the positions here."""
    weights, prefix = blocks.weights, "embeddings."
    word = weights.get(f"{prefix}word_embeddings.weight", (shape.vocab_size, shape.width))
    position = weights.get(f"{prefix}position_embeddings.weight", (shape.positions, shape.width))
    if shape.padding_id is not None:  # positions are counted from there; the rows before it are not used
        position = position[shape.padding_id :]
    if shape.token_types is not None:
        types = weights.get(f"{prefix}token_type_embeddings.weight", (shape.token_types, shape.width))
        position = position + types[0]
    return Embeddings(
        word=word,
        position=position,
        norm=f"{prefix}LayerNorm",
        epsilon=shape.epsilon,
        padding_id=shape.padding_id,
    )


def _layer(shape: Shape, blocks: Blocks, names: LayerNames, prefix: str, hidden: str, bias: str | None) -> str:
    width, inner = shape.width, shape.inner_width
    query, key, value = (
        blocks.projection(prefix + part, width, width) for part in (names.query, names.key, names.value)
    )
    attention = Attention(query, key, value, shape.heads, shape.heads, shape.head_width, bias=bias)
    context = blocks.attention(f"{prefix}attention.", hidden, attention)
    attended = blocks.linear(prefix + names.attention_output, context, width, width)
    attended = _close(shape, blocks, prefix + names.attention_norm, attended, hidden)
    active = blocks.feed_forward_in(prefix + names.inner, attended, (width, inner), shape.activation)
    fed = blocks.linear(prefix + names.output, active, inner, width)
    return _close(shape, blocks, prefix + names.output_norm, fed, attended)


def _close(shape: Shape, blocks: Blocks, norm: str, value: str, residual: str) -> str:
    total = blocks.add(f"{norm}.residual", value, residual)
    return blocks.layer_norm(norm, total, shape.width, shape.epsilon)
