"""Embedding tables as int8 rows with a scale each, looked up and made float again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto, helper

from ortembed.prepare.graph import MICROSOFT
from ortembed.prepare.int8.rounding import round_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from ortembed.prepare.graph import GraphBuilder
    from ortembed.prepare.int8.float_graph import FloatGraph

_FEWEST_ROWS = 1024  # smaller tables, such as positions', gain little
_SHAPE_WITH_ENDS = 15  # the opset in which Shape can give one dimension
_IDS, _TYPES, _WORD, _POSITION, _TYPE, _SCALE, _BIAS, _MASK, _POSITIONS = range(9)  # of EmbedLayerNormalization


def round_lookup(source: FloatGraph, node: onnx.NodeProto, builder: GraphBuilder) -> list[onnx.NodeProto] | None:
    """Give the nodes that replace a lookup in a large float32 table; None for any other node."""
    if node.op_type == "Gather" and _is_large(source, node.input[0]) and _axis(node) == 0:
        return _rows(source, node.input[0], node.input[1], node.output[0], builder)
    fused = (node.domain, node.op_type) == (MICROSOFT, "EmbedLayerNormalization")
    if fused and _is_large(source, node.input[_WORD]) and source.opset >= _SHAPE_WITH_ENDS and not _sum(node):
        return _fused_lookup(source, node, builder)
    return None


def _fused_lookup(source: FloatGraph, node: onnx.NodeProto, builder: GraphBuilder) -> list[onnx.NodeProto]:
    inputs = [*node.input, *[""] * (_POSITIONS + 1 - len(node.input))]
    name, ids = node.output[0], inputs[_IDS]
    total = f"{name}.words"
    nodes = _rows(source, inputs[_WORD], ids, total, builder)
    parts = [(inputs[_POSITION], inputs[_POSITIONS], "positions"), (inputs[_TYPE], inputs[_TYPES], "types")]
    for table, indices, part in parts:
        if indices:
            nodes.append(_node("Gather", [table, indices], f"{name}.{part}"))
        elif part == "positions":
            zero = builder.integers(0)
            nodes.append(_node("Shape", [ids], f"{name}.length", start=1, end=2))
            nodes.append(_node("Slice", [table, zero, f"{name}.length", zero], f"{name}.{part}"))
        else:
            continue
        nodes.append(_node("Add", [total, f"{name}.{part}"], f"{name}.with_{part}"))
        total = f"{name}.with_{part}"
    epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-12)
    nodes.append(_node("LayerNormalization", [total, inputs[_SCALE], inputs[_BIAS]], name, epsilon=epsilon))
    if len(node.output) > 1 and node.output[1]:
        nodes.append(_node("ReduceSum", [inputs[_MASK], builder.integers(1)], node.output[1], keepdims=0))
    return nodes


def _rows(source: FloatGraph, table: str, ids: str, output: str, builder: GraphBuilder) -> list[onnx.NodeProto]:
    values, scales = round_rows(source.floats(table))
    looked_up = [builder.weight(f"{table}.int8", values), builder.weight(f"{table}.scales", scales)]
    return [
        _node("Gather", [looked_up[0], ids], f"{output}.int8"),
        _node("Gather", [looked_up[1], ids], f"{output}.scales"),
        _node("Cast", [f"{output}.int8"], f"{output}.float", to=TensorProto.FLOAT),
        _node("Mul", [f"{output}.float", f"{output}.scales"], output),
    ]


def _node(operator: str, inputs: Sequence[str], output: str, **attributes: float) -> onnx.NodeProto:
    node = helper.make_node(operator, inputs, [output], name=output)
    node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
    return node


def _is_large(source: FloatGraph, name: str) -> bool:
    return source.is_constant(name, 2) and source.constants[name].dims[0] >= _FEWEST_ROWS


def _axis(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)


def _sum(node: onnx.NodeProto) -> bool:
    """Whether a node gives the sum of the embeddings too, which only this one operator does."""
    return len(node.output) > 2 and bool(node.output[2])  # noqa: PLR2004 - the third output
