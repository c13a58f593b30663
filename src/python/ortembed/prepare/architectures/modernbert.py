"""ModernBERT (Warner et al. 2024, arXiv:2412.13663), with weights named as in transformers' ModernBertModel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortembed.prepare.architectures.config import ConfigReader
from ortembed.prepare.architectures.rotary import read_layer_types, read_thetas
from ortembed.prepare.parts import Attention, Dense, Embeddings, FeedForward, Layer, Norm, Rotary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ortembed.prepare.blocks import Blocks

PREFIXES = ("model.",)


@dataclass(frozen=True)
class ModernBertShape:
    """The entries of config.json that shape the graph."""

    vocab_size: int
    width: int
    heads: int
    head_width: int
    inner_width: int
    positions: int
    reach: int  # how far a token sees in a layer of sliding attention
    layer_types: Sequence[str]
    thetas: Mapping[str, float]  # the base of the rotary frequencies by type of layer
    epsilon: float
    activation: str
    norm_bias: bool
    attention_bias: bool
    inner_bias: bool


def read_config(config: Mapping[str, Any]) -> ModernBertShape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported."""
    reader = ConfigReader(config)
    reader.refuse_own_code()
    reader.require({"is_causal": False, "is_decoder": False})
    reach = reader.integer("local_attention", default=128) // 2
    reader.require({"sliding_window": reach})  # transformers lets it count in place of local_attention
    width, heads = reader.integer("hidden_size"), reader.integer("num_attention_heads")
    return ModernBertShape(
        vocab_size=reader.integer("vocab_size"),
        width=width,
        heads=heads,
        head_width=reader.heads(width, heads),
        inner_width=reader.integer("intermediate_size"),
        positions=reader.integer("max_position_embeddings"),
        reach=reach,
        layer_types=_layer_types(reader),
        thetas=_thetas(reader, config),
        epsilon=reader.number("norm_eps", default=1e-5),
        activation=reader.activation("hidden_activation", default="gelu"),
        norm_bias=reader.flag("norm_bias", default=False),
        attention_bias=reader.flag("attention_bias", default=False),
        inner_bias=reader.flag("mlp_bias", default=False),
    )


def _layer_types(reader: ConfigReader) -> list[str]:
    every = reader.integer("global_attn_every_n_layers", default=3)
    layers = range(reader.integer("num_hidden_layers"))
    return read_layer_types(reader, ["sliding_attention" if index % every else "full_attention" for index in layers])


def _thetas(reader: ConfigReader, config: Mapping[str, Any]) -> dict[str, float]:
    full = reader.number("global_rope_theta", default=160_000.0)
    # Files of transformers' first ModernBERT say null where local layers are as the others.
    sliding = reader.number("local_rope_theta", default=full if "local_rope_theta" in config else 10_000.0)
    return read_thetas(reader, {"full_attention": full, "sliding_attention": sliding})


def build(shape: ModernBertShape, blocks: Blocks) -> None:
    """Add embeddings and layers."""
    name = "embeddings.tok_embeddings.weight"
    hidden = blocks.embed(
        Embeddings(
            word=blocks.weights.get(name, (shape.vocab_size, shape.width)),
            norm="embeddings.norm",
            norm_bias=shape.norm_bias,
            epsilon=shape.epsilon,
        )
    )
    for index, kind in enumerate(shape.layer_types):
        hidden = blocks.layer(hidden, _layer(shape, blocks, index, kind))
    blocks.finish(blocks.norm(hidden, _norm(shape, "final_norm")), shape.width)


def _layer(shape: ModernBertShape, blocks: Blocks, index: int, kind: str) -> Layer:
    prefix, width = f"layers.{index}.", shape.width
    return Layer(
        _attention(shape, blocks, f"{prefix}attn.", kind),
        attention_output=blocks.dense(f"{prefix}attn.Wo", width, width, bias=shape.attention_bias),
        feed_forward=_feed_forward(shape, blocks, f"{prefix}mlp."),
        attention_norm=_norm(shape, f"{prefix}attn_norm") if index else None,  # the first has none
        output_norm=_norm(shape, f"{prefix}mlp_norm"),
        norms_first=True,
    )


def _norm(shape: ModernBertShape, name: str) -> Norm:
    return Norm(name, shape.width, shape.epsilon, bias=shape.norm_bias)


def _attention(shape: ModernBertShape, blocks: Blocks, name: str, kind: str) -> Attention:
    width = shape.width
    query, key, value = blocks.packed_projections(f"{name}Wqkv", width, width, 3, bias=shape.attention_bias)
    return Attention(
        name,
        query,
        key,
        value,
        heads=shape.heads,
        key_value_heads=shape.heads,
        head_width=shape.head_width,
        reach=shape.reach if kind == "sliding_attention" else None,
        rotary=Rotary(shape.thetas[kind], shape.positions),
    )


def _feed_forward(shape: ModernBertShape, blocks: Blocks, name: str) -> FeedForward:
    width, inner, bias = shape.width, shape.inner_width, shape.inner_bias
    activated, plain = blocks.packed_projections(f"{name}Wi", width, inner, 2, bias=bias)
    return FeedForward(
        name,
        shape.activation,
        inner=Dense(f"{name}activated", activated),
        outer=blocks.dense(f"{name}Wo", inner, width, bias=bias),
        plain=Dense(f"{name}plain", plain),
    )
