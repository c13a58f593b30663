"""The nodes of a quantized linear layer: integer product, bias, the channels that stay float, attention around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from onnx import helper

from ortembed.prepare.graph import MICROSOFT
from ortembed.prepare.int8.rounding import RoundedWeight

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from ortembed.prepare.graph import GraphBuilder

    Floats = npt.NDArray[np.float32]

_MASK, _ATTENTION_BIAS = 3, 5  # inputs of Attention


@dataclass(frozen=True)
class Layer:
    """What a quantized layer consists of.

    Attributes:
        input: Name of the float input; its codes, scale and zero point have names that begin with it.
        output: Name of what it gives.
        weight: The rounded matrix.
        bias: float32 [outputs], or None.
        outliers: Channels that are multiplied in float.
        outlier_rows: Their rows of the float matrix.
    """

    input: str
    output: str
    weight: RoundedWeight
    bias: Floats | None
    outliers: npt.NDArray[np.int64]
    outlier_rows: Floats

    def columns(self, part: slice, output: str) -> Layer:
        """Give some of the outputs as a layer."""
        weight = RoundedWeight(self.weight.values[:, part], self.weight.scales[part])
        bias = None if self.bias is None else self.bias[part]
        return Layer(self.input, output, weight, bias, self.outliers, self.outlier_rows[:, part])


def codes(name: str) -> tuple[str, str, str]:
    """Give the names of a value's codes, scale and zero point."""
    return f"{name}.uint8", f"{name}.scale", f"{name}.zero"


def product(layer: Layer, builder: GraphBuilder) -> list[onnx.NodeProto]:
    """Multiply codes, give float with the bias, and add the float channels' part."""
    quantized, scale, zero = codes(layer.input)
    weight, weight_scales, weight_zeros, bias = _weights(layer, builder)
    output = layer.output if not len(layer.outliers) else f"{layer.output}.inner"
    inputs = [quantized, weight, scale, weight_scales, zero, weight_zeros, *bias]
    nodes = [helper.make_node("MatMulIntegerToFloat", inputs, [output], name=output, domain=MICROSOFT)]
    if len(layer.outliers):
        indices = builder.weight(f"{layer.output}.outliers", layer.outliers)
        rows = builder.weight(f"{layer.output}.outlier_rows", layer.outlier_rows)
        taken, multiplied = f"{layer.output}.taken", f"{layer.output}.multiplied"
        nodes += [
            helper.make_node("Gather", [layer.input, indices], [taken], name=taken, axis=-1),
            helper.make_node("MatMul", [taken, rows], [multiplied], name=multiplied),
            helper.make_node("Add", [output, multiplied], [layer.output], name=layer.output),
        ]
    return nodes


def packed_attention(layer: Layer, node: onnx.NodeProto, builder: GraphBuilder) -> list[onnx.NodeProto]:
    """Project to queries, keys and values, and attend: one operator, where it can all that is asked."""
    mask, bias = (_input(node, index) for index in (_MASK, _ATTENTION_BIAS))
    if bias:
        return _attention_apart(layer, node, [mask, bias], builder)
    quantized, scale, zero = codes(layer.input)
    weight, weight_scales, weight_zeros, projection_bias = _weights(layer, builder)
    inputs = [quantized, weight, *projection_bias, scale, weight_scales, mask, zero, weight_zeros]
    attention = helper.make_node("QAttention", inputs, [layer.output], name=layer.output, domain=MICROSOFT)
    attention.attribute.extend(node.attribute)
    return [attention]


def _attention_apart(
    layer: Layer, node: onnx.NodeProto, masks: list[str], builder: GraphBuilder
) -> list[onnx.NodeProto]:
    width = layer.weight.values.shape[1] // 3
    parts = [
        layer.columns(slice(start, start + width), f"{layer.output}.{name}")
        for start, name in ((0, "query"), (width, "key"), (2 * width, "value"))
    ]
    inputs = [*(part.output for part in parts), "", *masks]
    attention = helper.make_node("MultiHeadAttention", inputs, [layer.output], name=layer.output, domain=MICROSOFT)
    attention.attribute.extend(node.attribute)
    return [*(node for part in parts for node in product(part, builder)), attention]


def _weights(layer: Layer, builder: GraphBuilder) -> tuple[str, str, str, list[str]]:
    """Give the names of the rounded matrix, its scales and zero points, and the bias where there is one."""
    name, weight = layer.output, layer.weight
    return (
        builder.weight(f"{name}.weight", weight.values),
        builder.weight(f"{name}.weight_scales", weight.scales),
        builder.weight(f"{name}.weight_zeros", np.zeros(len(weight.scales), np.int8)),
        [] if layer.bias is None else [builder.weight(f"{name}.bias", layer.bias)],
    )


def _input(node: onnx.NodeProto, index: int) -> str:
    return node.input[index] if index < len(node.input) else ""
