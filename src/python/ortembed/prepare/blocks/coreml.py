"""The form of a graph that CoreML can hold whole: plain ONNX operators, constant reshapes, no ids.

Inputs hidden [batch, sequence, width] and mask [batch, 1, 1, sequence], float32: the embedded tokens, which the
engine looks up itself, and what is added to the attention scores, 0 for tokens and a large negative for padding. What
depends on the sequence length alone folds into constants once batch and sequence are fixed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from ortembed.prepare.blocks.padded import PaddedBlocks
from ortembed.prepare.parts import Projection
from ortembed.prepared_model import EMBEDDINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ortembed.prepare.parts import Attention, Embeddings, Floats, Rotary


class CoreMlBlocks(PaddedBlocks):
    """Plain operators; the tables of the embeddings go to files beside the graph, for the engine's EmbeddingTable."""

    _width = 0

    @property
    def inputs(self) -> dict[str, tuple[int, list[str | int]]]:
        """Hidden and mask."""
        return {
            "hidden": (TensorProto.FLOAT, ["batch", "sequence", self._width]),
            "mask": (TensorProto.FLOAT, ["batch", 1, 1, "sequence"]),
        }

    def embed(self, embeddings: Embeddings) -> str:
        """Write the tables; the looked up and normalized rows are the graph's input."""
        self._width = embeddings.word.shape[1]
        tables = {"word": embeddings.word, "position": embeddings.position}
        if embeddings.norm:
            tables["scale"] = self.weights.get(f"{embeddings.norm}.weight", (self._width,))
            if embeddings.norm_bias:
                tables["bias"] = self.weights.get(f"{embeddings.norm}.bias", (self._width,))
        for name, table in tables.items():
            if table is not None:
                np.save(self.graph.folder / f"{EMBEDDINGS}.{name}.npy", table, allow_pickle=False)
        rest = {"epsilon": embeddings.epsilon, "padding_id": embeddings.padding_id}
        (self.graph.folder / f"{EMBEDDINGS}.json").write_text(json.dumps(rest), "utf-8")
        return "hidden"

    def attend(self, hidden: str, attention: Attention) -> str:
        """Spell attention out; the scores' scale is multiplied into the queries' weights."""
        graph, name = self.graph, attention.name
        scaled, head_norm = _with_scale(attention)
        query = self._heads(f"{name}query", hidden, scaled, attention.heads, attention.head_width)
        key = self._heads(f"{name}key", hidden, attention.key, attention.key_value_heads, attention.head_width)
        value = self._heads(f"{name}value", hidden, attention.value, attention.key_value_heads, attention.head_width)
        if head_norm:
            query_scale, key_scale, epsilon = head_norm
            query = self.rms_norm(f"{name}query_norm", query, query_scale, epsilon)
            key = self.rms_norm(f"{name}key_norm", key, key_scale, epsilon)
        if attention.rotary:
            query = self._rotate(f"{name}query", query, attention.rotary, attention.head_width)
            key = self._rotate(f"{name}key", key, attention.rotary, attention.head_width)
        if attention.heads != attention.key_value_heads:
            key = self._repeat_heads(f"{name}key", key, attention)
            value = self._repeat_heads(f"{name}value", value, attention)
        turned = graph.node("Transpose", [key], f"{name}key.turned", perm=[0, 1, 3, 2])
        scores = graph.node("MatMul", [query, turned], f"{name}scores")
        for index, bias in enumerate(self._score_biases(attention)):
            scores = graph.node("Add", [scores, bias], f"{name}scores_{index}")
        weights = graph.node("Softmax", [scores], f"{name}weights", axis=-1)
        context = graph.node("MatMul", [weights, value], f"{name}context_heads")
        merged = graph.node("Transpose", [context], f"{name}context_turned", perm=[0, 2, 1, 3])
        shape = graph.integers(0, 0, attention.heads * attention.head_width)
        return graph.node("Reshape", [merged, shape], f"{name}context")

    def _score_biases(self, attention: Attention) -> list[str]:
        biases = ["mask"]
        if attention.bias:
            biases.append(self.relative_bias(attention.bias))
        if attention.reach is not None:
            biases.append(self.window_bias(attention.reach))
        return [*biases, self.causal_bias()] if attention.causal else biases

    def _heads(self, name: str, hidden: str, projection: Projection, heads: int, head_width: int) -> str:
        """Project, and give [batch, heads, sequence, head_width]."""
        graph = self.graph
        value = self.project(name, hidden, projection)
        split = graph.node("Reshape", [value, graph.integers(0, 0, heads, head_width)], f"{name}.split")
        return graph.node("Transpose", [split], f"{name}.heads", perm=[0, 2, 1, 3])

    def _rotate(self, name: str, value: str, rotary: Rotary, head_width: int) -> str:
        graph = self.graph
        names = (f"rotary_{rotary.theta}.{part}" for part in ("cos", "sin"))
        cosines, sines = map(self._positions, names, rotary.tables(head_width))
        first, second = graph.nodes("Split", [value], [f"{name}.first", f"{name}.second"], axis=-1, num_outputs=2)
        negated = graph.node("Mul", [second, graph.number(-1.0)], f"{name}.negated")
        rotated = graph.node("Concat", [negated, first], f"{name}.swapped", axis=-1)
        left = graph.node("Mul", [value, cosines], f"{name}.cos")
        right = graph.node("Mul", [rotated, sines], f"{name}.sin")
        return graph.node("Add", [left, right], f"{name}.rotated")

    def _positions(self, name: str, table: Floats) -> str:
        """Give the table's first rows, as many as the sequence is long, each half of a head's width repeated."""
        if name not in self._biases:
            whole = self.graph.weight(name, np.concatenate([table, table], axis=1))
            ends = self._sequence_length()
            inputs = [whole, self.graph.integers(0), ends, self.graph.integers(0)]
            self._biases[name] = self.graph.node("Slice", inputs, f"{name}.part")
        return self._biases[name]

    def _repeat_heads(self, name: str, value: str, attention: Attention) -> str:
        """Give each query head a copy of the key or value head that it shares."""
        graph = self.graph
        times = attention.heads // attention.key_value_heads
        singles: Sequence[str] = [value]
        if attention.key_value_heads > 1:  # CoreML splits into at least 2
            names = [f"{name}.head_{i}" for i in range(attention.key_value_heads)]
            singles = graph.nodes("Split", [value], names, axis=1, num_outputs=attention.key_value_heads)
        return graph.node("Concat", [n for n in singles for _ in range(times)], f"{name}.repeated", axis=1)

    def gelu(self, name: str, value: str, bias: Floats | None) -> str:
        """Add, then ONNX's own Gelu."""
        if bias is not None:
            value = self.graph.node("Add", [value, self.graph.weight(f"{name}.bias", bias)], f"{name}.dense")
        return self.graph.node("Gelu", [value], f"{name}.gelu")

    def rms_norm(self, name: str, value: str, scale: Floats, epsilon: float) -> str:
        """Spell it out."""
        graph = self.graph
        square = graph.node("Mul", [value, value], f"{name}.square")
        mean = graph.node("ReduceMean", [square, graph.integers(-1)], f"{name}.mean", keepdims=1)
        root = graph.node(
            "Sqrt", [graph.node("Add", [mean, graph.number(epsilon)], f"{name}.shifted")], f"{name}.root"
        )
        unit = graph.node("Div", [value, root], f"{name}.unit")
        return graph.node("Mul", [unit, graph.weight(f"{name}.weight", scale)], f"{name}.output")


def _with_scale(attention: Attention) -> tuple[Projection, tuple[Floats, Floats, float] | None]:
    """Multiply 1 / sqrt(head_width) into the last weights that the queries pass: the head norm's, or their own."""
    factor = np.float32(attention.head_width**-0.5)
    if attention.head_norm:
        query_scale, key_scale, epsilon = attention.head_norm
        return attention.query, (query_scale * factor, key_scale, epsilon)
    bias = attention.query.bias
    scaled = Projection(attention.query.weight * factor, None if bias is None else bias * factor)
    return scaled, None
