"""Qwen3 (Yang et al. 2025, arXiv:2505.09388) without its head, with weights named as in transformers' Qwen3Model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures.config import ConfigReader
from ortembed.prepare.architectures.rotary import read_layer_types, read_theta
from ortembed.prepare.parts import Attention, Dense, Embeddings, FeedForward, Layer, Norm, Rotary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.prepare.blocks import Blocks

PREFIXES = ("model.",)


@dataclass(frozen=True)
class Qwen3Shape:
    """The entries of config.json that shape the graph."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    key_value_heads: int
    head_width: int
    inner_width: int
    positions: int
    theta: float
    epsilon: float
    activation: str
    attention_bias: bool


def read_config(config: Mapping[str, Any]) -> Qwen3Shape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported."""
    reader = ConfigReader(config)
    reader.refuse_own_code()
    reader.require({"is_causal": True, "use_bidirectional_attention": False})
    layers, heads = reader.integer("num_hidden_layers"), reader.integer("num_attention_heads")
    _require_full_attention(reader, layers)
    key_value_heads = reader.integer("num_key_value_heads", default=heads)
    if heads % key_value_heads:
        raise ModelLoadError(
            f"config.json: num_attention_heads {heads} is no multiple of num_key_value_heads {key_value_heads}"
        )
    return Qwen3Shape(
        vocab_size=reader.integer("vocab_size"),
        width=reader.integer("hidden_size"),
        layers=layers,
        heads=heads,
        key_value_heads=key_value_heads,
        head_width=_head_width(reader),
        inner_width=reader.integer("intermediate_size"),
        positions=reader.integer("max_position_embeddings"),
        theta=read_theta(reader, "rope_theta", default=10_000.0),
        epsilon=reader.number("rms_norm_eps", default=1e-6),
        activation=reader.activation("hidden_act", default="silu"),
        attention_bias=reader.flag("attention_bias", default=False),
    )


def _head_width(reader: ConfigReader) -> int:
    width = reader.integer("head_dim", default=128)
    if width % 16:
        raise ModelLoadError(
            f"config.json: head_dim is {width}, no multiple of 16 as the runtime's operator needs it"
        )
    return width


def _require_full_attention(reader: ConfigReader, layers: int) -> None:
    """Refuse sliding windows, which are on from layer max_window_layers unless layer_types says which layers."""
    windows = reader.flag("use_sliding_window", default=False)
    first = reader.integer("max_window_layers", default=28) if windows else layers
    otherwise = ["sliding_attention" if index >= first else "full_attention" for index in range(layers)]
    if "sliding_attention" in read_layer_types(reader, otherwise):
        switch = "use_sliding_window" if reader.get("layer_types") is None else "layer_types"
        raise ModelLoadError(f"config.json: {switch} asks for sliding_attention, which the exporter for qwen3 lacks")


def build(shape: Qwen3Shape, blocks: Blocks) -> None:
    """Add embeddings and layers."""
    hidden = blocks.embed(Embeddings(word=blocks.weights.get("embed_tokens.weight", (shape.vocab_size, shape.width))))
    for index in range(shape.layers):
        hidden = blocks.layer(hidden, _layer(shape, blocks, f"layers.{index}."))
    blocks.finish(blocks.norm(hidden, _norm(shape, "norm")), shape.width)


def _layer(shape: Qwen3Shape, blocks: Blocks, prefix: str) -> Layer:
    inner, name = shape.heads * shape.head_width, f"{prefix}self_attn."
    return Layer(
        _attention(shape, blocks, name),
        attention_output=blocks.dense(f"{name}o_proj", inner, shape.width, bias=shape.attention_bias),
        feed_forward=_feed_forward(shape, blocks, f"{prefix}mlp."),
        attention_norm=_norm(shape, f"{prefix}input_layernorm"),
        output_norm=_norm(shape, f"{prefix}post_attention_layernorm"),
        norms_first=True,
    )


def _norm(shape: Qwen3Shape, name: str) -> Norm:
    return Norm(name, shape.width, shape.epsilon, bias=False, is_rms=True)


def _attention(shape: Qwen3Shape, blocks: Blocks, name: str) -> Attention:
    width, bias = shape.width, shape.attention_bias
    inner, shared = shape.heads * shape.head_width, shape.key_value_heads * shape.head_width
    query_scale, key_scale = (
        blocks.weights.get(f"{name}{part}_norm.weight", (shape.head_width,)) for part in ("q", "k")
    )
    return Attention(
        name,
        query=blocks.projection(f"{name}q_proj", width, inner, bias=bias),
        key=blocks.projection(f"{name}k_proj", width, shared, bias=bias),
        value=blocks.projection(f"{name}v_proj", width, shared, bias=bias),
        heads=shape.heads,
        key_value_heads=shape.key_value_heads,
        head_width=shape.head_width,
        rotary=Rotary(shape.theta, shape.positions),
        head_norm=(query_scale, key_scale, shape.epsilon),
        causal=True,
    )


def _feed_forward(shape: Qwen3Shape, blocks: Blocks, name: str) -> FeedForward:
    size = (shape.width, shape.inner_width)
    activated, plain = (blocks.projection(f"{name}{part}_proj", *size, bias=False) for part in ("gate", "up"))
    return FeedForward(
        name,
        shape.activation,
        inner=Dense(f"{name}activated", activated),
        outer=blocks.dense(f"{name}down_proj", shape.inner_width, shape.width, bias=False),
        plain=Dense(f"{name}plain", plain),
    )
