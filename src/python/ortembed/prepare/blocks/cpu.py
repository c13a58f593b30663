"""The form of a graph that runs fastest on CPU: the runtime's own fused operators.

Add and LayerNormalization stay apart, since the fused SkipLayerNormalization is slower on CPU.
Inputs input_ids and attention_mask (1 for tokens, then 0 for padding), int64 [batch, sequence].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from ortembed.prepare.blocks.base import Blocks
from ortembed.prepare.graph import MICROSOFT

if TYPE_CHECKING:
    from ortembed.prepare.blocks.base import Attention, Embeddings, Floats, Rotary

_EMPTY = ""  # the name of an optional input that is left out


class CpuBlocks(Blocks):
    """Fused operators; each text's length takes the place of the mask."""

    _lengths = ""  # int32 [batch]

    @property
    def inputs(self) -> dict[str, tuple[int, list[str | int]]]:
        """input_ids and attention_mask."""
        return {name: (TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")}

    def embed(self, embeddings: Embeddings) -> str:
        """Look up, add positions, LayerNorm: one operator where all three are there."""
        graph = self.graph
        ids = graph.node("Cast", ["input_ids"], "input_ids_int32", to=TensorProto.INT32)
        mask = graph.node("Cast", ["attention_mask"], "attention_mask_int32", to=TensorProto.INT32)
        if embeddings.position is not None and embeddings.norm:
            return self._embed_fused(embeddings, ids, mask, embeddings.position, embeddings.norm)
        self._lengths = graph.node("ReduceSum", [mask, graph.integers(1)], "lengths", keepdims=0)
        word = graph.weight("embeddings.word", embeddings.word)
        hidden = graph.node("Gather", [word, ids], "embeddings.looked_up")
        if not embeddings.norm:
            return hidden
        width = embeddings.word.shape[1]
        return self.layer_norm(embeddings.norm, hidden, width, embeddings.epsilon, bias=embeddings.norm_bias)

    def _embed_fused(self, embeddings: Embeddings, ids: str, mask: str, position: Floats, norm: str) -> str:
        positions = [] if embeddings.padding_id is None else [self._positions(ids, embeddings.padding_id)]
        inputs = [
            ids,
            _EMPTY,  # token types, folded into the positions
            self.graph.weight("embeddings.word", embeddings.word),
            self.graph.weight("embeddings.position_and_type", position),
            _EMPTY,
            *self.norm_weights(norm, embeddings.word.shape[1], bias=embeddings.norm_bias),
            mask,
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

    def attention(self, name: str, hidden: str, attention: Attention) -> str:
        """Fuse projections and attention where the operator allows it, else fuse attention alone."""
        plain = not (attention.rotary or attention.head_norm or attention.causal)
        if plain and attention.heads == attention.key_value_heads and attention.query.bias is not None:
            return self._packed_attention(name, hidden, attention)
        return self._multi_head_attention(name, hidden, attention)

    def _packed_attention(self, name: str, hidden: str, attention: Attention) -> str:
        parts = (attention.query, attention.key, attention.value)
        weight = np.concatenate([part.weight for part in parts], axis=1)
        bias = np.concatenate([part.bias for part in parts if part.bias is not None])
        inputs = [
            hidden,
            self.graph.weight(f"{name}qkv.weight", weight),
            self.graph.weight(f"{name}qkv.bias", bias),
            self._lengths,
        ]
        if attention.bias:
            inputs += [_EMPTY, attention.bias]
        return self.graph.node("Attention", inputs, f"{name}context", domain=MICROSOFT, num_heads=attention.heads)

    def _multi_head_attention(self, name: str, hidden: str, attention: Attention) -> str:
        query, key, value = (
            self.dense(f"{name}{part}", hidden, projection)
            for part, projection in (("query", attention.query), ("key", attention.key), ("value", attention.value))
        )
        if attention.head_norm:
            query_scale, key_scale, epsilon = attention.head_norm
            query = self._head_norm(f"{name}query_norm", query, query_scale, attention.heads, epsilon)
            key = self._head_norm(f"{name}key_norm", key, key_scale, attention.key_value_heads, epsilon)
        if attention.rotary:
            query = self._rotate(f"{name}query", query, attention.rotary, attention.head_width)
            key = self._rotate(f"{name}key", key, attention.rotary, attention.head_width)
        if attention.heads != attention.key_value_heads:
            key = self._repeat_heads(f"{name}key", key, attention)
            value = self._repeat_heads(f"{name}value", value, attention)
        inputs = [query, key, value, _EMPTY, self._lengths, *([attention.bias] if attention.bias else [])]
        return self.graph.node(
            "MultiHeadAttention",
            inputs,
            f"{name}context",
            domain=MICROSOFT,
            num_heads=attention.heads,
            unidirectional=int(attention.causal),
        )

    def _head_norm(self, name: str, value: str, scale: Floats, heads: int, epsilon: float) -> str:
        graph = self.graph
        split = graph.node("Reshape", [value, graph.integers(0, 0, heads, len(scale))], f"{name}.split")
        normed = self.rms_norm(name, split, scale, epsilon)
        return graph.node("Reshape", [normed, graph.integers(0, 0, heads * len(scale))], f"{name}.joined")

    def _rotate(self, name: str, value: str, rotary: Rotary, head_width: int) -> str:
        cosines, sines = rotary.tables(head_width)
        tables = [
            self.graph.weight(f"rotary_{rotary.theta}.cos", cosines),
            self.graph.weight(f"rotary_{rotary.theta}.sin", sines),
        ]
        inputs = [value, self.graph.integers(0), *tables]
        return self.graph.node("RotaryEmbedding", inputs, f"{name}.rotated", domain=MICROSOFT)

    def _repeat_heads(self, name: str, value: str, attention: Attention) -> str:
        """Give each query head a copy of the key or value head that it shares."""
        graph, heads, width = self.graph, attention.key_value_heads, attention.head_width
        times = attention.heads // heads
        split = graph.node("Reshape", [value, graph.integers(0, 0, heads, 1, width)], f"{name}.heads")
        copies = graph.node("Concat", [split] * times, f"{name}.copies", axis=3)
        return graph.node("Reshape", [copies, graph.integers(0, 0, attention.heads * width)], f"{name}.repeated")

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
