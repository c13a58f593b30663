"""A float32 graph to be quantized: its nodes, its constants one by one, and the linear layers in it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, numpy_helper

from ortembed.errors import ModelLoadError
from ortembed.prepare.graph import MICROSOFT

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

_BIAS_AND_GELU = "BiasGelu"
_PAST, _PAST_LENGTH = 4, 6  # inputs of Attention
_PACKED_ATTRIBUTES = {"num_heads", "unidirectional", "mask_filter_value", "scale"}  # what QAttention has too


@dataclass(frozen=True)
class Linear:
    """A product with a constant matrix, and the bias that follows.

    Attributes:
        node: Index of the MatMul or Attention.
        weight: Name of the matrix, [inputs, outputs].
        bias: Name of the vector, or empty.
        output: Name of the value after the bias.
        follower: Index of the node that adds the bias (Add or BiasGelu) and goes, or None.
    """

    node: int
    weight: str
    bias: str
    output: str
    follower: int | None


class FloatGraph:
    """An ONNX graph whose weights are read when they are asked for."""

    def __init__(self, path: Path) -> None:
        """Read the graph without its weights.

        Raises:
            ModelLoadError: The file is not ONNX.
        """
        try:
            self.model = onnx.load(path, load_external_data=False)
        except (OSError, DecodeError) as error:
            raise ModelLoadError(f"cannot read {path}: {error}") from error
        self._folder = path.parent
        self.nodes = list(self.model.graph.node)
        self.constants = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self.producers = {name: index for index, node in enumerate(self.nodes) for name in node.output}
        self.consumers: dict[str, list[int]] = defaultdict(list)
        for index, node in enumerate(self.nodes):
            for name in inputs_of(node):
                self.consumers[name].append(index)
        for value in self.model.graph.output:
            self.consumers[value.name].append(len(self.nodes))  # the graph's end uses it too

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators."""
        return next((o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")), 1)

    def array(self, name: str) -> npt.NDArray[np.generic]:
        """Read a constant; the graph does not keep it."""
        tensor = TensorProto()
        tensor.CopyFrom(self.constants[name])
        try:
            return numpy_helper.to_array(tensor, str(self._folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as error:
            raise ModelLoadError(f"cannot read tensor {name} of {self._folder}: {error}") from error

    def floats(self, name: str) -> npt.NDArray[np.float32]:
        """Read a float32 constant."""
        return self.array(name).astype(np.float32, copy=False)

    def is_constant(self, name: str, dimensions: int) -> bool:
        """Whether a value is a float32 constant with so many dimensions."""
        tensor = self.constants.get(name)
        return tensor is not None and len(tensor.dims) == dimensions and tensor.data_type == TensorProto.FLOAT

    def linears(self) -> dict[str, list[Linear]]:
        """Find the layers that can be quantized, by the name of their input."""
        groups: dict[str, list[Linear]] = defaultdict(list)
        for index, node in enumerate(self.nodes):
            if node.op_type == "MatMul" and self.is_constant(node.input[1], 2):
                groups[node.input[0]].append(self._product(index))
            elif _is_packed_attention(node) and all(map(self.is_constant, node.input[1:3], (2, 1))):
                weight, bias = node.input[1:3]
                groups[node.input[0]].append(Linear(index, weight, bias, node.output[0], None))
        return groups

    def _product(self, index: int) -> Linear:
        weight, output = self.nodes[index].input[1], self.nodes[index].output[0]
        users = self.consumers[output]
        if len(users) == 1 and users[0] < len(self.nodes):
            follower = self.nodes[users[0]]
            biases = [name for name in follower.input if self.is_constant(name, 1)]
            width = self.constants[weight].dims[1]
            if biases and self.constants[biases[0]].dims[0] == width:
                if follower.op_type == "Add":
                    return Linear(index, weight, biases[0], follower.output[0], users[0])
                if follower.op_type == _BIAS_AND_GELU:
                    return Linear(index, weight, biases[0], output, users[0])
        return Linear(index, weight, "", output, None)


def inputs_of(node: onnx.NodeProto) -> list[str]:
    """Give the names of the values that a node uses, those in the branches of an If among them."""
    branches = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return [*node.input, *(name for branch in branches for inner in branch.node for name in inputs_of(inner))]


def _is_packed_attention(node: onnx.NodeProto) -> bool:
    """Whether a node is an Attention that projects and attends, with no past and one output."""
    return (
        (node.domain, node.op_type) == (MICROSOFT, "Attention")
        and len([name for name in node.output if name]) == 1
        and {attribute.name for attribute in node.attribute} <= _PACKED_ATTRIBUTES
        and not any(node.input[index] for index in (_PAST, _PAST_LENGTH) if index < len(node.input))
    )
