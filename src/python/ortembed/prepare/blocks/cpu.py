"""The form of a graph that runs fastest on CPU: the runtime's own fused operators.

Add and LayerNormalization stay apart, since the fused SkipLayerNormalization is slower on CPU.
Inputs input_ids and attention_mask (1 for tokens, then 0 for padding), int64 [batch, sequence].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from ortembed.prepare.blocks.long_texts import LONG_MODEL, LongTexts
from ortembed.prepare.blocks.padded import PaddedBlocks
from ortembed.prepare.graph import MICROSOFT, QKV

if TYPE_CHECKING:
    from ortembed.prepare.graph import GraphBuilder
    from ortembed.prepare.parts import Attention, Embeddings, Floats, Rotary
    from ortembed.weights import Weights

_EMPTY = ""  # the name of an optional input that is left out


class CpuBlocks(PaddedBlocks):
    """Fused operators; each text's length takes the place of the mask."""

    _lengths = ""  # int32 [batch]
    _mask = ""  # int32 [batch, sequence]
    _positions_held: int = 0  # by the table of positions, 0 where there is none
    _long: LongTexts | None = None
    _whole: tuple[str, str] | None = None

    def __init__(self, graph: GraphBuilder, weights: Weights) -> None:
        """Add to a graph, reading from a model's weights."""
        super().__init__(graph, weights)
        self._rotary: dict[Rotary, list[str]] = {}

    @property
    def inputs(self) -> dict[str, tuple[int, list[str | int]]]:
        """input_ids and attention_mask."""
        return {name: (TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")}

    def embed(self, embeddings: Embeddings) -> str:
        """Look up, add positions, LayerNorm: one operator where all three are there."""
        graph = self.graph
        ids = graph.node("Cast", ["input_ids"], "input_ids_int32", to=TensorProto.INT32)
        self._mask = graph.node("Cast", ["attention_mask"], "attention_mask_int32", to=TensorProto.INT32)
        if embeddings.position is not None and embeddings.norm:
            self._positions_held = len(embeddings.position)
            return self._embed_fused(embeddings, ids, embeddings.position, embeddings.norm)
        self._lengths = graph.node("ReduceSum", [self._mask, graph.integers(1)], "lengths", keepdims=0)
        word = graph.weight("embeddings.word", embeddings.word)
        hidden = graph.node("Gather", [word, ids], "embeddings.looked_up")
        if not embeddings.norm:
            return hidden
        width = embeddings.word.shape[1]
        return self.layer_norm(embeddings.norm, hidden, width, embeddings.epsilon, bias=embeddings.norm_bias)

    def _embed_fused(self, embeddings: Embeddings, ids: str, position: Floats, norm: str) -> str:
        positions = [] if embeddings.padding_id is None else [self._positions(ids, embeddings.padding_id)]
        inputs = [
            ids,
            _EMPTY,  # token types, folded into the positions
            self.graph.weight("embeddings.word", embeddings.word),
            self.graph.weight("embeddings.position_and_type", position),
            _EMPTY,
            *self.norm_weights(norm, embeddings.word.shape[1], bias=embeddings.norm_bias),
            self._mask,
            *positions,
        ]
        hidden, self._lengths = self.graph.nodes(
            "EmbedLayerNormalization",
            inputs,
            ["embeddings.output", "lengths"],
            domain=MICROSOFT,
            epsilon=embeddings.epsilon,
        )
        return hidden

    def _positions(self, ids: str, padding_id: int) -> str:
        """Count the tokens that are not padding, as transformers' create_position_ids_from_input_ids does."""
        graph = self.graph
        padding = graph.weight("padding_id", np.array(padding_id, np.int32))
        is_padding = graph.node("Equal", [ids, padding], "is_padding")
        counts = graph.node("Cast", [graph.node("Not", [is_padding], "is_token")], "token_ones", to=TensorProto.INT32)
        axis = graph.weight("int64_1", np.array(1, np.int64))
        return graph.node("Mul", [graph.node("CumSum", [counts, axis], "token_counts"), counts], "position_ids")

    def attend(self, hidden: str, attention: Attention) -> str:
        """Fuse projections and attention where the operator allows it, else fuse attention alone."""
        plain = not (attention.rotary or attention.head_norm or attention.causal or self._takes_long_texts(attention))
        if plain and attention.heads == attention.key_value_heads and attention.query.bias is not None:
            return self._packed_attention(hidden, attention)
        if attention.causal:
            return self._causal_attention(hidden, attention)
        return self._multi_head_attention(hidden, attention)

    def _packed_attention(self, hidden: str, attention: Attention) -> str:
        name = attention.name
        parts = (attention.query, attention.key, attention.value)
        weight = np.concatenate([part.weight for part in parts], axis=1)
        bias = np.concatenate([part.bias for part in parts if part.bias is not None])
        inputs = [
            hidden,
            self.graph.weight(f"{name}{QKV}.weight", weight),
            self.graph.weight(f"{name}{QKV}.bias", bias),
            self._lengths,
        ]
        if attention.bias:
            inputs += [_EMPTY, self.relative_bias(attention.bias)]
        return self.graph.node("Attention", inputs, f"{name}context", domain=MICROSOFT, num_heads=attention.heads)

    def _multi_head_attention(self, hidden: str, attention: Attention) -> str:
        name = attention.name
        query, key, value = self._heads(hidden, attention)
        if attention.rotary:
            tables = [self.graph.integers(0), *self._rotary_tables(attention.rotary, attention.head_width)]
            query, key = (
                self.graph.node("RotaryEmbedding", [part, *tables], f"{part}.rotated", domain=MICROSOFT)
                for part in (query, key)
            )
        heads = (query, key, value)
        if not self._takes_long_texts(attention):
            return self._masked(f"{name}context", heads, attention)
        if self._long is None:
            self._long = LongTexts(self.graph, self._mask, self._lengths, self._sequence_length())
        if attention.reach is not None:
            self.window_bias(attention.reach)  # outside of what is chosen, so that the layers share it
        return self._long.attend(name, heads, attention, lambda: self._masked(f"{name}masked", heads, attention))

    def _masked(self, output: str, heads: tuple[str, str, str], attention: Attention) -> str:
        inputs = [*heads, _EMPTY, self._lengths]
        if attention.reach is not None:
            inputs.append(self.window_bias(attention.reach))
        elif attention.bias:
            inputs.append(self.relative_bias(attention.bias))
        return self.graph.node("MultiHeadAttention", inputs, output, domain=MICROSOFT, num_heads=attention.heads)

    def _takes_long_texts(self, attention: Attention) -> bool:
        positions = attention.rotary.positions if attention.rotary else self._positions_held
        return positions > LONG_MODEL and not attention.bias

    def _pairs_length(self, name: str) -> str:
        return self._long.pairs_length if self._long else super()._pairs_length(name)

    def _causal_attention(self, hidden: str, attention: Attention) -> str:
        """Rotate, share heads and attend in one operator, faster than apart.

        No text's length matters: padding follows the tokens, and no token sees what follows it.
        """
        name = attention.name
        tables = self._rotary_tables(attention.rotary, attention.head_width) if attention.rotary else []
        inputs = [*self._heads(hidden, attention), _EMPTY, _EMPTY, *self._whole_lengths(), *tables]
        return self.graph.nodes(
            "GroupQueryAttention",
            inputs,
            [f"{name}context", f"{name}keys", f"{name}values"],
            domain=MICROSOFT,
            num_heads=attention.heads,
            kv_num_heads=attention.key_value_heads,
            do_rotary=int(attention.rotary is not None),
        )[0]

    def _heads(self, hidden: str, attention: Attention) -> tuple[str, str, str]:
        """Give queries, keys and values, each [batch, sequence, heads * head_width]."""
        name = attention.name
        query = self.project(f"{name}query", hidden, attention.query)
        key = self.project(f"{name}key", hidden, attention.key)
        if attention.head_norm:
            query_scale, key_scale, epsilon = attention.head_norm
            query = self._head_norm(f"{name}query_norm", query, query_scale, attention.heads, epsilon)
            key = self._head_norm(f"{name}key_norm", key, key_scale, attention.key_value_heads, epsilon)
        return query, key, self.project(f"{name}value", hidden, attention.value)

    def _head_norm(self, name: str, value: str, scale: Floats, heads: int, epsilon: float) -> str:
        graph = self.graph
        split = graph.node("Reshape", [value, graph.integers(0, 0, heads, len(scale))], f"{name}.split")
        normed = self.rms_norm(name, split, scale, epsilon)
        return graph.node("Reshape", [normed, graph.integers(0, 0, heads * len(scale))], f"{name}.joined")

    def _rotary_tables(self, rotary: Rotary, head_width: int) -> list[str]:
        if rotary not in self._rotary:
            tables = zip(("cos", "sin"), rotary.tables(head_width), strict=True)
            self._rotary[rotary] = [
                self.graph.weight(f"rotary_{rotary.theta}.{part}", table) for part, table in tables
            ]
        return self._rotary[rotary]

    def _whole_lengths(self) -> tuple[str, str]:
        """Give each text's last position, int32 [batch], and the sequence length, int32, as if none had padding."""
        graph = self.graph
        if not self._whole:
            length = graph.node("Squeeze", [self._sequence_length()], "length")
            total = graph.node("Cast", [length], "length_int32", to=TensorProto.INT32)
            last = graph.node("Sub", [total, graph.weight("int32_1", np.array(1, np.int32))], "last_position")
            each = graph.node("Shape", ["input_ids"], "batch_size", start=0, end=1)
            self._whole = graph.node("Expand", [last, each], "last_positions"), total
        return self._whole

    def gelu(self, name: str, value: str, bias: Floats | None) -> str:
        """Fuse bias and GELU."""
        if bias is None:
            return self.graph.node("Gelu", [value], f"{name}.gelu", domain=MICROSOFT)
        inputs = [value, self.graph.weight(f"{name}.bias", bias)]
        return self.graph.node("BiasGelu", inputs, f"{name}.gelu", domain=MICROSOFT)

    def rms_norm(self, name: str, value: str, scale: Floats, epsilon: float) -> str:
        """One operator, which the runtime has in ONNX's own domain since before ONNX had it."""
        inputs = [value, self.graph.weight(f"{name}.weight", scale)]
        return self.graph.node("SimplifiedLayerNormalization", inputs, f"{name}.output", axis=-1, epsilon=epsilon)
