"""Packed graphs as their files say them, run by the operators' definition in float64: apart from kernels."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.python.packed_graphs import INPUTS
from tests.python.packed_reference import embed_reference, layer_reference, normed


class PackedReference:
    """A graph. Weights are taken for what they stand for; activations are not rounded."""

    def __init__(self, path):
        self.model = onnx.load(path)
        self.weights = {tensor.name: tensor_values(tensor) for tensor in self.model.graph.initializer}

    def __call__(self, ids, offsets):
        """Give the hidden states [tokens, width] of ids, int64 [tokens], with the texts at offsets."""
        hidden = None
        for node in self.model.graph.node:
            if node.domain != "ortembed":
                assert node.op_type == "Identity"
                continue
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            names = zip(INPUTS[node.op_type], node.input, strict=False)
            weights = {name: self.weights[value] for name, value in names if value in self.weights}
            if node.op_type == "Embed":
                hidden = embed_reference(ids, offsets, weights, **attributes)
            elif node.op_type == "Layer":
                activation = attributes.pop("activation").decode()
                hidden = layer_reference(hidden, offsets, weights, activation=activation, **attributes)
            else:
                hidden = normed(hidden, weights["weight"], weights.get("bias"), attributes["epsilon"])
        return hidden


def tensor_values(tensor):
    """Give an initializer as float64, bfloat16 too; int8 codes as what they are; indices as int64."""
    if tensor.data_type != TensorProto.BFLOAT16:
        values = numpy_helper.to_array(tensor)
        return values if tensor.data_type == TensorProto.INT64 else values.astype(np.float64)
    bits = np.frombuffer(tensor.raw_data, np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32).reshape(tensor.dims).astype(np.float64)
