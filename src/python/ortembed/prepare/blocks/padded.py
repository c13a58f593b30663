"""What the forms for padded batches share: a layer as its steps, dense layers, norms, activations.

A form (a subclass) decides on operators for embeddings and attention. Hidden states are float32 [batch, sequence,
width] throughout.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from ortembed.prepare.blocks.base import Blocks

if TYPE_CHECKING:
    from ortembed.prepare.graph import GraphBuilder
    from ortembed.prepare.parts import (
        Attention,
        Dense,
        FeedForward,
        Floats,
        Layer,
        Norm,
        Projection,
        RelativeBias,
    )
    from ortembed.weights import Weights

# Added to the score of a token that must not be seen: after softmax nothing is left of it, and float16 holds it.
HIDDEN = -10000.0


class PaddedBlocks(Blocks):
    """A layer's steps, one after the other. The first of the graph's inputs has [batch, sequence, ...]."""

    def __init__(self, graph: GraphBuilder, weights: Weights) -> None:
        """Add to a graph, reading from a model's weights."""
        super().__init__(graph, weights)
        self._length = ""
        self._biases: dict[str, str] = {}

    @abstractmethod
    def attend(self, hidden: str, attention: Attention) -> str:
        """Add self-attention up to the concatenated heads."""

    @abstractmethod
    def rms_norm(self, name: str, value: str, scale: Floats, epsilon: float) -> str:
        """Add RMSNorm over the last axis."""

    @abstractmethod
    def gelu(self, name: str, value: str, bias: Floats | None) -> str:
        """Add a bias, where there is one, and the exact GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

    def output_shape(self, width: int) -> list[str | int]:
        """Padded."""
        return ["batch", "sequence", width]

    def layer(self, hidden: str, layer: Layer) -> str:
        """Add attention and feed-forward, each with its residual, and its norm before or after."""
        name, norm = f"{layer.attention.name}residual", layer.attention_norm
        if layer.norms_first:
            hidden = self._sum(name, hidden, self._attended(self._normed(hidden, norm), layer))
        else:
            hidden = self._normed(self._sum(name, self._attended(hidden, layer), hidden), norm)
        part, norm = layer.feed_forward, layer.output_norm
        name = f"{part.name}residual"
        if layer.norms_first:
            return self._sum(name, hidden, self._fed(self._normed(hidden, norm), part))
        return self._normed(self._sum(name, self._fed(hidden, part), hidden), norm)

    def _attended(self, value: str, layer: Layer) -> str:
        return self.multiply(self.attend(value, layer.attention), layer.attention_output)

    def _fed(self, value: str, part: FeedForward) -> str:
        active = self._activated(value, part.inner, part.activation)
        if part.plain:
            active = self.graph.node("Mul", [active, self.multiply(value, part.plain)], f"{part.name}gated")
        return self.multiply(active, part.outer)

    def _normed(self, value: str, norm: Norm | None) -> str:
        return self.norm(value, norm) if norm else value

    def _sum(self, name: str, left: str, right: str) -> str:
        return self.graph.node("Add", [left, right], name)

    def norm(self, value: str, norm: Norm) -> str:
        """Add a norm."""
        if norm.is_rms:
            scale = self.weights.get(f"{norm.name}.weight", (norm.width,))
            return self.rms_norm(norm.name, value, scale, norm.epsilon)
        return self.layer_norm(norm.name, value, norm.width, norm.epsilon, bias=norm.bias)

    def multiply(self, value: str, dense: Dense) -> str:
        """Apply a dense layer."""
        return self.project(dense.name, value, dense.projection)

    def project(self, name: str, value: str, projection: Projection) -> str:
        """Multiply, and add the bias where there is one."""
        product = self.product(name, value, projection)
        if projection.bias is None:
            return product
        bias = self.graph.weight(f"{name}.bias", projection.bias)
        return self.graph.node("Add", [product, bias], f"{name}.dense")

    def product(self, name: str, value: str, projection: Projection) -> str:
        """Multiply only."""
        return self.graph.node(
            "MatMul", [value, self.graph.weight(f"{name}.weight", projection.weight)], f"{name}.product"
        )

    def _activated(self, value: str, dense: Dense, activation: str) -> str:
        name, projection = dense.name, dense.projection
        if activation == "gelu":  # which takes up the bias
            return self.gelu(name, self.product(name, value, projection), projection.bias)
        return self.activation(activation, name, self.project(name, value, projection))

    def layer_norm(self, name: str, value: str, width: int, epsilon: float, *, bias: bool = True) -> str:
        """Add LayerNorm over the last axis."""
        inputs = [value, *self.norm_weights(name, width, bias=bias)]
        return self.graph.node("LayerNormalization", inputs, f"{name}.output", epsilon=epsilon)

    def norm_weights(self, name: str, width: int, *, bias: bool = True) -> list[str]:
        """Add a LayerNorm's scale and bias; one saved without a bias has zeros, which CoreML wants to see."""
        scale = self.graph.weight(f"{name}.weight", self.weights.get(f"{name}.weight", (width,)))
        shift = self.weights.get(f"{name}.bias", (width,)) if bias else np.zeros(width, np.float32)
        return [scale, self.graph.weight(f"{name}.bias", shift)]

    def activation(self, kind: str, name: str, value: str) -> str:
        """Add an activation: gelu, gelu_tanh, relu or silu."""
        if kind == "gelu":
            return self.gelu(name, value, None)
        if kind == "gelu_tanh":
            return self.graph.node("Gelu", [value], f"{name}.gelu", approximate="tanh")
        if kind == "relu":
            return self.graph.node("Relu", [value], f"{name}.relu")
        gate = self.graph.node("Sigmoid", [value], f"{name}.sigmoid")
        return self.graph.node("Mul", [value, gate], f"{name}.silu")

    def window_bias(self, reach: int) -> str:
        """Give a bias [1, 1, sequence, sequence] under which a token sees only those at most ``reach`` away."""
        return self._distance_bias(f"window_{reach}", "Abs", reach)

    def causal_bias(self) -> str:
        """Give a bias [1, 1, sequence, sequence] under which a token sees only itself and those before it."""
        return self._distance_bias("causal", "Identity", 0)

    def relative_bias(self, bias: RelativeBias) -> str:
        """Give a bias [1, heads, sequence, sequence]: the table looked up at each pair's bucket."""
        graph, name = self.graph, bias.name
        if name in self._biases:
            return self._biases[name]
        length = self._sequence_length()
        ends = graph.node("Concat", [length, length], f"{name}.ends", axis=0)
        whole = graph.weight(f"{name}.buckets", bias.buckets.astype(np.int32))
        part = graph.node("Slice", [whole, graph.integers(0, 0), ends], f"{name}.part")
        looked_up = graph.node("Gather", [graph.weight(f"{name}.weight", bias.table), part], f"{name}.looked_up")
        turned = graph.node("Transpose", [looked_up], f"{name}.turned", perm=[2, 0, 1])
        self._biases[name] = graph.node("Unsqueeze", [turned, graph.integers(0)], f"{name}.bias")
        return self._biases[name]

    def _sequence_length(self) -> str:
        """Give the sequence length as a value, int64 [1]."""
        if not self._length:
            self._length = self.graph.node("Shape", [next(iter(self.inputs))], "sequence_length", start=1, end=2)
        return self._length

    def _pairs_length(self, name: str) -> str:
        """Give the length that a bias for pairs of tokens has, int64 scalar."""
        return self.graph.node("Squeeze", [self._sequence_length()], f"{name}.length")

    def _distance_bias(self, name: str, operator: str, limit: int) -> str:
        """Give 0 where operator(j - i) <= limit for query i and key j, else HIDDEN."""
        graph = self.graph
        if name in self._biases:
            return self._biases[name]
        # In int32: for long texts this is the largest value beside the scores. Range itself counts in int64, since
        # with fixed dimensions the runtime knows the length as int64 whatever it is cast to.
        scalar = self._pairs_length(name)
        zero, one = (graph.weight(f"int64_{n}", np.array(n, np.int64)) for n in (0, 1))
        most = graph.weight(f"int32_{limit}", np.array(limit, np.int32))
        numbers = graph.node("Range", [zero, scalar, one], f"{name}.numbers")
        row = graph.node("Cast", [numbers], f"{name}.positions", to=TensorProto.INT32)
        column = graph.node("Unsqueeze", [row, graph.integers(1)], f"{name}.column")
        ahead = graph.node(operator, [graph.node("Sub", [row, column], f"{name}.ahead")], f"{name}.distance")
        outside = graph.node("Greater", [ahead, most], f"{name}.outside")
        chosen = graph.node("Where", [outside, graph.number(HIDDEN), graph.number(0.0)], f"{name}.chosen")
        self._biases[name] = graph.node("Unsqueeze", [chosen, graph.integers(0, 1)], f"{name}.bias")
        return self._biases[name]
