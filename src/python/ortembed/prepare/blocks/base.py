"""What every form of a graph shares: how weights are read, and how the graph is closed.

An architecture describes its parts and their order; a form (a subclass) decides on operators.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from ortembed.prepare.parts import Dense, Projection

if TYPE_CHECKING:
    from ortembed.prepare.graph import GraphBuilder
    from ortembed.prepare.parts import Embeddings, Layer, Norm
    from ortembed.weights import Weights

OUTPUT = "last_hidden_state"


class Blocks(ABC):
    """Adds the parts of an encoder to a graph. Names of values are those of the weights they come from."""

    def __init__(self, graph: GraphBuilder, weights: Weights) -> None:
        """Add to a graph, reading from a model's weights."""
        self.graph = graph
        self.weights = weights

    @abstractmethod
    def embed(self, embeddings: Embeddings) -> str:
        """Turn the graph's inputs into the first hidden states; call this first."""

    @abstractmethod
    def layer(self, hidden: str, layer: Layer) -> str:
        """Add one layer."""

    @abstractmethod
    def norm(self, value: str, norm: Norm) -> str:
        """Add a norm."""

    @property
    @abstractmethod
    def inputs(self) -> dict[str, tuple[int, list[str | int]]]:
        """The graph's inputs: element type and shape by name."""

    @abstractmethod
    def output_shape(self, width: int) -> list[str | int]:
        """Give the shape of hidden states of a width."""

    def finish(self, hidden: str, width: int) -> None:
        """Write the graph, with these hidden states as its output last_hidden_state."""
        self.graph.node("Identity", [hidden], OUTPUT)
        inputs = [helper.make_tensor_value_info(name, *rest) for name, rest in self.inputs.items()]
        output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, self.output_shape(width))
        self.graph.finish(inputs, output)

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

    def dense(self, name: str, inputs: int, outputs: int, *, bias: bool = True) -> Dense:
        """Read a dense layer that keeps the name it was saved under."""
        return Dense(name, self.projection(name, inputs, outputs, bias=bias))
