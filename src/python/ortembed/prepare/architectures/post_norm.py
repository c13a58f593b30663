"""The encoder that BERT and its relatives share: a residual and a LayerNorm close each sublayer.

They differ in what config.json and the weights call the parts, in positions, and in biases of the scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ortembed.prepare.parts import Attention, Embeddings, FeedForward, Layer, Norm

if TYPE_CHECKING:
    from ortembed.prepare.blocks import Blocks
    from ortembed.prepare.parts import RelativeBias


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


def build(shape: Shape, blocks: Blocks, names: LayerNames, bias: RelativeBias | None = None) -> None:
    """Add embeddings and layers; a bias is added to all layers' attention scores."""
    hidden = blocks.embed(_embeddings(shape, blocks))
    for index in range(shape.layers):
        hidden = blocks.layer(hidden, _layer(shape, blocks, names, names.layer.format(index), bias))
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


def _layer(shape: Shape, blocks: Blocks, names: LayerNames, prefix: str, bias: RelativeBias | None) -> Layer:
    width, inner = shape.width, shape.inner_width
    query, key, value = (
        blocks.projection(prefix + part, width, width) for part in (names.query, names.key, names.value)
    )
    return Layer(
        Attention(f"{prefix}attention.", query, key, value, shape.heads, shape.heads, shape.head_width, bias=bias),
        attention_output=blocks.dense(prefix + names.attention_output, width, width),
        feed_forward=FeedForward(
            f"{prefix}feed_forward.",
            shape.activation,
            inner=blocks.dense(prefix + names.inner, width, inner),
            outer=blocks.dense(prefix + names.output, inner, width),
        ),
        attention_norm=Norm(prefix + names.attention_norm, width, shape.epsilon),
        output_norm=Norm(prefix + names.output_norm, width, shape.epsilon),
    )
