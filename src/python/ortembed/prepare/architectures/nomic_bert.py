"""NomicBERT (Nussbaum et al. 2024, arXiv:2402.01613), with weights named as nomic-ai or transformers name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures.config import ConfigReader
from ortembed.prepare.architectures.rotary import read_theta
from ortembed.prepare.parts import Attention, Dense, Embeddings, FeedForward, Layer, Norm, Rotary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.prepare.blocks import Blocks
    from ortembed.prepare.parts import Projection

PREFIXES = ("bert.", "nomic_bert.")

# Mixture of experts first, since its models differ in more than that. The length-dependent frequencies that
# rotary_scaling_factor asks for would make a text's vector depend on the longest one beside it.
_SUPPORTED = {
    "num_experts": 0,
    "activation_function": "swiglu",
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": None,
    "rotary_head_dim": False,
    "prenorm": False,
    "parallel_block": False,
    "norm_mlp": False,
    "use_rms_norm": False,
    "causal": False,
    "qkv_proj_bias": False,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
}
# What nomic-ai's own form has to say, since what it leaves out means something else than _SUPPORTED there.
_SAID_BY_NOMIC = (
    "activation_function",
    "rotary_emb_fraction",
    "rotary_emb_base",
    "layer_norm_epsilon",
    "qkv_proj_bias",
    "mlp_fc1_bias",
    "mlp_fc2_bias",
)


@dataclass(frozen=True)
class NomicBertShape:
    """The entries of config.json that shape the graph."""

    vocab_size: int
    width: int
    layers: int
    heads: int
    head_width: int
    inner_width: int
    positions: int
    token_types: int
    theta: float
    epsilon: float
    activation: str


def read_config(config: Mapping[str, Any]) -> NomicBertShape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported."""
    reader = ConfigReader(config)
    reader.refuse_own_code(known="modeling_hf_nomic_bert.NomicBertModel")
    reader.require(_SUPPORTED)
    if reader.get("hidden_size") is None:
        missing = [key for key in _SAID_BY_NOMIC if reader.get(key) is None]
        if missing:
            raise ModelLoadError(f"config.json has neither hidden_size nor {', '.join(missing)}")
    width = reader.integer("hidden_size", "n_embd")
    heads = reader.integer("num_attention_heads", "n_head")
    vocab_size = reader.integer("vocab_size")
    return NomicBertShape(
        vocab_size=vocab_size + -vocab_size % reader.integer("pad_vocab_size_multiple", default=1),
        width=width,
        layers=reader.integer("num_hidden_layers", "n_layer"),
        heads=heads,
        head_width=reader.integer("head_dim", default=reader.heads(width, heads)),
        inner_width=reader.integer("intermediate_size", "n_inner"),
        # The published files have both: how long training texts were, and how long texts may be.
        positions=max(
            reader.integer("max_position_embeddings", "n_positions"),
            reader.integer("n_positions", "max_position_embeddings"),
        ),
        token_types=reader.integer("type_vocab_size", default=2),
        theta=read_theta(reader, "rope_theta", "rotary_emb_base", default=1000.0),
        epsilon=reader.number("layer_norm_eps", "layer_norm_epsilon", default=1e-12),
        activation=reader.activation("hidden_act", default="silu"),
    )


@dataclass(frozen=True)
class _Names:
    """How a checkpoint names the parts that the two forms name differently."""

    embedding_norm: str
    layer: str
    output: str
    attention_norm: str
    inner_norm: str
    gate: str
    up: str
    down: str


_NOMIC = _Names("emb_ln", "encoder.layers.{}.", "attn.out_proj", "norm1", "norm2", "mlp.fc12", "mlp.fc11", "mlp.fc2")
_TRANSFORMERS = _Names(
    "embeddings.LayerNorm",
    "layers.{}.",
    "self_attn.o_proj",
    "post_attention_layernorm",
    "post_mlp_layernorm",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def build(shape: NomicBertShape, blocks: Blocks) -> None:
    """Add embeddings and layers. A single text is all token type 0, which is added to the words here."""
    weights = blocks.weights
    names = _NOMIC if "emb_ln.weight" in weights else _TRANSFORMERS
    word = weights.get("embeddings.word_embeddings.weight", (shape.vocab_size, shape.width))
    token_type = weights.get("embeddings.token_type_embeddings.weight", (shape.token_types, shape.width))
    hidden = blocks.embed(Embeddings(word=word + token_type[0], norm=names.embedding_norm, epsilon=shape.epsilon))
    for index in range(shape.layers):
        hidden = blocks.layer(hidden, _layer(shape, blocks, names, names.layer.format(index)))
    blocks.finish(hidden, shape.width)


def _layer(shape: NomicBertShape, blocks: Blocks, names: _Names, prefix: str) -> Layer:
    width, inner = shape.width, shape.heads * shape.head_width
    return Layer(
        _attention(shape, blocks, names, prefix, inner),
        attention_output=blocks.dense(f"{prefix}{names.output}", inner, width, bias=False),
        feed_forward=_feed_forward(shape, blocks, names, prefix),
        attention_norm=Norm(f"{prefix}{names.attention_norm}", width, shape.epsilon),
        output_norm=Norm(f"{prefix}{names.inner_norm}", width, shape.epsilon),
    )


def _attention(shape: NomicBertShape, blocks: Blocks, names: _Names, prefix: str, inner: int) -> Attention:
    query, key, value = _projections(blocks, names, prefix, shape.width, inner)
    return Attention(
        f"{prefix}attn.",
        query,
        key,
        value,
        heads=shape.heads,
        key_value_heads=shape.heads,
        head_width=shape.head_width,
        rotary=Rotary(shape.theta, shape.positions),
    )


def _projections(blocks: Blocks, names: _Names, prefix: str, width: int, inner: int) -> list[Projection]:
    if names is _NOMIC:
        return blocks.packed_projections(f"{prefix}attn.Wqkv", width, inner, 3, bias=False)
    own = f"{prefix}self_attn."
    return [blocks.projection(f"{own}{part}_proj", width, inner, bias=False) for part in ("q", "k", "v")]


def _feed_forward(shape: NomicBertShape, blocks: Blocks, names: _Names, prefix: str) -> FeedForward:
    width, inner = shape.width, shape.inner_width
    activated, plain = (
        blocks.projection(f"{prefix}{name}", width, inner, bias=False) for name in (names.gate, names.up)
    )
    return FeedForward(
        f"{prefix}mlp.",
        shape.activation,
        inner=Dense(f"{prefix}mlp.activated", activated),
        outer=blocks.dense(f"{prefix}{names.down}", inner, width, bias=False),
        plain=Dense(f"{prefix}mlp.plain", plain),
    )
