"""ModernBERT (Warner et al. 2024, arXiv:2412.13663), with weights named as in transformers' ModernBertModel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortembed.prepare.architectures.config import ConfigReader
from ortembed.prepare.architectures.rotary import read_layer_types, read_thetas
from ortembed.prepare.parts import Attention, Embeddings, Rotary

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
        prefix = f"layers.{index}."
        normed = _norm(shape, blocks, f"{prefix}attn_norm", hidden) if index else hidden  # the first has none
        attended = _attention(shape, blocks, f"{prefix}attn.", normed, kind)
        hidden = blocks.add(f"{prefix}attn.residual", hidden, attended)
        fed = _feed_forward(shape, blocks, f"{prefix}mlp.", _norm(shape, blocks, f"{prefix}mlp_norm", hidden))
        hidden = blocks.add(f"{prefix}mlp.residual", hidden, fed)
    blocks.finish(_norm(shape, blocks, "final_norm", hidden), shape.width)


def _norm(shape: ModernBertShape, blocks: Blocks, name: str, value: str) -> str:
    return blocks.layer_norm(name, value, shape.width, shape.epsilon, bias=shape.norm_bias)


def _attention(shape: ModernBertShape, blocks: Blocks, prefix: str, hidden: str, kind: str) -> str:
    width, bias = shape.width, shape.attention_bias
    query, key, value = blocks.packed_projections(f"{prefix}Wqkv", width, width, 3, bias=bias)
    attention = Attention(
        query,
        key,
        value,
        heads=shape.heads,
        key_value_heads=shape.heads,
        head_width=shape.head_width,
        reach=shape.reach if kind == "sliding_attention" else None,
        rotary=Rotary(shape.thetas[kind], shape.positions),
    )
    context = blocks.attention(prefix, hidden, attention)
    return blocks.linear(f"{prefix}Wo", context, width, width, bias=bias)


def _feed_forward(shape: ModernBertShape, blocks: Blocks, prefix: str, hidden: str) -> str:
    width, inner, bias = shape.width, shape.inner_width, shape.inner_bias
    activated, plain = blocks.packed_projections(f"{prefix}Wi", width, inner, 2, bias=bias)
    product = blocks.gated(prefix, hidden, activated, plain, shape.activation)
    return blocks.linear(f"{prefix}Wo", product, inner, width, bias=bias)
