"""MPNet (Song et al. 2020, arXiv:2004.09297): BERT's layers with one relative position bias for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures import post_norm
from ortembed.prepare.architectures.config import ConfigReader
from ortembed.prepare.parts import RelativeBias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from ortembed.prepare.blocks import Blocks

PREFIXES = ("mpnet.",)

_PADDING_ID = 1  # for positions, whatever config.json says
_BUCKETS = 32
_MOST_POSITIONS = 4096  # published models have 514; the buckets take memory by the square
_NAMES = post_norm.LayerNames(
    layer="encoder.layer.{}.",
    query="attention.attn.q",
    key="attention.attn.k",
    value="attention.attn.v",
    attention_output="attention.attn.o",
    attention_norm="attention.LayerNorm",
    inner="intermediate.dense",
    output="output.dense",
    output_norm="output.LayerNorm",
)


def read_config(config: Mapping[str, Any]) -> post_norm.Shape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported."""
    reader = ConfigReader(config)
    # The published implementation has these values whatever config.json says.
    reader.require({"relative_attention_num_buckets": _BUCKETS, "pad_token_id": _PADDING_ID})
    reader.refuse_own_code()
    width, heads = reader.integer("hidden_size"), reader.integer("num_attention_heads")
    positions = reader.integer("max_position_embeddings", most=_MOST_POSITIONS)
    if positions <= _PADDING_ID + 1:
        raise ModelLoadError(f"config.json: max_position_embeddings is {positions}, of which no token gets one")
    return post_norm.Shape(
        vocab_size=reader.integer("vocab_size"),
        width=width,
        layers=reader.integer("num_hidden_layers"),
        heads=heads,
        head_width=reader.heads(width, heads),
        inner_width=reader.integer("intermediate_size"),
        positions=positions,
        epsilon=reader.number("layer_norm_eps", default=1e-12),
        activation=reader.activation("hidden_act", default="gelu"),
        padding_id=_PADDING_ID,
    )


def build(shape: post_norm.Shape, blocks: Blocks) -> None:
    """Add the whole encoder."""
    name = "encoder.relative_attention_bias"
    table = blocks.weights.get(f"{name}.weight", (_BUCKETS, shape.heads))
    post_norm.build(shape, blocks, _NAMES, RelativeBias(name, table, relative_buckets(shape.positions)))


def relative_buckets(length: int) -> npt.NDArray[np.int64]:
    """Give the bucket of key j seen from query i, int64 [length, length], as T5 counts them in both directions.

    Half of the buckets are for keys behind the query, half for those ahead. Of each half the first 8 are for
    distances up to 7; from there on every second bucket doubles the distance, and the last takes all from 91 on.
    """
    distance = np.arange(length)
    # floor(2 log2(d / 8)) = floor(log2(d * d)) - 6, without the rounding of a logarithm: frexp gives exponents.
    doublings = np.frexp((distance * distance).astype(np.float64))[1] - 1 - 6
    half = np.where(distance < 8, distance, np.minimum(8 + doublings, 15))  # noqa: PLR2004 - the formula's own
    relative = distance[None, :] - distance[:, None]
    buckets: npt.NDArray[np.int64] = half[np.abs(relative)] + np.where(relative > 0, _BUCKETS // 2, 0)
    return buckets
