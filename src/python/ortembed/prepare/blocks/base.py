"""What every form of a graph shares: dense layers, norms, activations.

An architecture names its parts and their order; a form (a subclass) decides on operators for embeddings and
attention. Hidden states are float32 [batch, sequence, width] throughout.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from ortembed.prepare.parts import Projection

if TYPE_CHECKING:
    import numpy.typing as npt

    from ortembed.prepare.graph import GraphBuilder
    from ortembed.prepare.parts import Attention, Embeddings, Floats
    from ortembed.weights import Weights

OUTPUT = "last_hidden_state"
# Added to the score of a token that must not be seen: after softmax nothing is left of it, and float16 holds it.
HIDDEN = -10000.0


class Blocks(ABC):
    """Adds the parts of an encoder to a graph. Names of values are those of the weights they come from."""

    def __init__(self, graph: GraphBuilder, weights: Weights) -> None:
        """Add to a graph, reading from a model's weights."""
        self.graph = graph
        self.weights = weights
        self._length = ""
        self._biases: dict[str, str] = {}

    @abstractmethod
    def embed(self, embeddings: Embeddings) -> str:
        """Turn the graph's inputs into the first hidden states; call this first."""

    @abstractmethod
    def attention(self, name: str, hidden: str, attention: Attention) -> str:
        """Add self-attention up to the concatenated heads; the output projection is the caller's."""

    @abstractmethod
    def rms_norm(self, name: str, value: str, scale: Floats, epsilon: float) -> str:
        """Add RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467) over the last axis."""

    @abstractmethod
    def gelu(self, name: str, value: str, bias: Floats | None) -> str:
        """Add a bias, where there is one, and the exact GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

    @property
    @abstractmethod
    def inputs(self) -> dict[str, tuple[int, list[str | int]]]:
        """The graph's inputs: element type and shape by name; the first has [batch, sequence, ...]."""

    def finish(self, hidden: str, width: int) -> None:
        """Write the graph, with these hidden states as its output last_hidden_state."""
        self.graph.node("Identity", [hidden], OUTPUT)
        inputs = [helper.make_tensor_value_info(name, *rest) for name, rest in self.inputs.items()]
        shape: list[str | int] = ["batch", "sequence", width]
        self.graph.finish(inputs, helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape))

    def projection(self, name: str, inputs: int, outputs: int, *, bias: bool = True) -> Projection:
        """Read a dense layer's weights, saved as torch's Linear saves them."""
        weight = self.weights.get(f"{name}.weight", (outputs, inputs)).T
        return Projection(weight, self.weights.get(f"{name}.bias", (outputs,)) if bias else None)

    def packed_projections(
        self, name: str, inputs: int, outputs: int, parts: int, *, bias: bool = True
    ) -> list[Projection]:
        """Read dense layers of equal size that were saved as one, one after the other."""
        packed = self.projection(name, inputs, parts * outputs, bias=bias)
        weights = np.split(packed.weight, parts, axis=1)
        biases = [None] * parts if packed.bias is None else np.split(packed.bias, parts)
        return [Projection(*part) for part in zip(weights, biases, strict=True)]

    def dense(self, name: str, value: str, projection: Projection) -> str:
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

    def linear(self, name: str, value: str, inputs: int, outputs: int, *, bias: bool = True) -> str:
        """Read a dense layer and apply it."""
        return self.dense(name, value, self.projection(name, inputs, outputs, bias=bias))

    def feed_forward_in(self, name: str, hidden: str, size: tuple[int, int], activation: str) -> str:
        """Add a feed-forward's first half, of size (inputs, outputs): dense and activation."""
        return self._activated(name, hidden, self.projection(name, *size), activation)

    def gated(self, prefix: str, hidden: str, activated: Projection, plain: Projection, activation: str) -> str:
        """Add a gated feed-forward's first half (Shazeer 2020, arXiv:2002.05202): activation(dense) * dense."""
        gate = self._activated(f"{prefix}activated", hidden, activated, activation)
        return self.graph.node("Mul", [gate, self.dense(f"{prefix}plain", hidden, plain)], f"{prefix}gated")

    def _activated(self, name: str, hidden: str, projection: Projection, activation: str) -> str:
        if activation == "gelu":  # which takes up the bias
            return self.gelu(name, self.product(name, hidden, projection), projection.bias)
        return self.activation(activation, name, self.dense(name, hidden, projection))

    def add(self, name: str, left: str, right: str) -> str:
        """Add two values, such as a residual."""
        return self.graph.node("Add", [left, right], name)

    def layer_norm(self, name: str, value: str, width: int, epsilon: float, *, bias: bool = True) -> str:
        """Add LayerNorm (Ba et al. 2016, arXiv:1607.06450) over the last axis."""
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

    def relative_bias(self, name: str, table: Floats, buckets: npt.NDArray[np.int64]) -> str:
        """Give a bias [1, heads, sequence, sequence]: table [buckets, heads] looked up at buckets[i, j]."""
        graph = self.graph
        length = self._sequence_length()
        ends = graph.node("Concat", [length, length], f"{name}.ends", axis=0)
        whole = graph.weight(f"{name}.buckets", buckets.astype(np.int32))
        part = graph.node("Slice", [whole, graph.integers(0, 0), ends], f"{name}.part")
        looked_up = graph.node("Gather", [graph.weight(f"{name}.weight", table), part], f"{name}.looked_up")
        turned = graph.node("Transpose", [looked_up], f"{name}.turned", perm=[2, 0, 1])
        return graph.node("Unsqueeze", [turned, graph.integers(0)], f"{name}.bias")

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
