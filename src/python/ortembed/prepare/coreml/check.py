"""Tells whether ONNX Runtime's CoreML provider takes a graph whole, without a Mac: every node against the table."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto, helper, numpy_helper

from ortembed.errors import ModelLoadError
from ortembed.prepare.coreml.operators import OPSETS, Node, Value, refusal
from ortembed.prepare.worker import run_worker

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 20  # findings in a message
_CONTENT_BYTES = 1024  # constants up to this size may be shapes, axes or sizes
_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class CoreMlReport:
    """What a graph that passed consists of once its dimensions are fixed: how many nodes of each operator."""

    operators: dict[str, int]


def check(graph: Path, shapes: Sequence[tuple[int, int]]) -> list[CoreMlReport]:
    """Fix the dimensions, fold as the runtime does before the provider chooses nodes, and look at every node.

    Args:
        graph: A graph in the CoreML form, see export; files are put beside it for the time of the check.
        shapes: (texts, tokens) of the batches that it will run.

    Returns:
        A report for each shape.

    Raises:
        ModelLoadError: A node would be left to the CPU; the message names each with its operator and the reason.
    """
    # Beside the graph: as large as its weights, and gone with the folder where the process is killed.
    with tempfile.TemporaryDirectory(prefix="check-", dir=graph.parent) as name:
        outputs = [str(Path(name, f"folded-{index}.onnx")) for index in range(len(shapes))]
        request = {
            "graph": str(graph.absolute()),
            "outputs": outputs,
            "dimensions": [{"batch": batch, "sequence": sequence} for batch, sequence in shapes],
        }
        run_worker("ortembed.prepare.coreml.fold", request, Path(name), _LIMIT_SECONDS)
        models = [onnx.load(output, load_external_data=False) for output in outputs]
    return [_report(graph, model, shape) for model, shape in zip(models, shapes, strict=True)]


def _report(graph: Path, model: onnx.ModelProto, shape: tuple[int, int]) -> CoreMlReport:
    model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    findings = [*_graph_findings(model), *_node_findings(model.graph)]
    if findings:
        more = f"\n  and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
        raise ModelLoadError(
            f"{graph}: CoreML cannot hold this graph whole at batch {shape[0]} and sequence {shape[1]}:\n  "
            + "\n  ".join(findings[:_SHOWN])
            + more
        )
    return CoreMlReport(dict(Counter(node.op_type for node in model.graph.node)))


def _graph_findings(model: onnx.ModelProto) -> list[str]:
    findings = [
        f"opset {opset.version}: CoreML's provider is used with {OPSETS.start} to {OPSETS.stop - 1}"
        for opset in model.opset_import
        if opset.domain in ("", "ai.onnx") and opset.version not in OPSETS
    ]
    for info in (*model.graph.input, *model.graph.output):
        dtype = info.type.tensor_type.elem_type
        if dtype != TensorProto.FLOAT:
            findings.append(f"{info.name}: element type {TensorProto.DataType.Name(dtype)}, not FLOAT")
    return findings


def _node_findings(graph: onnx.GraphProto) -> list[str]:
    values = _values(graph)
    findings = []
    for node in graph.node:
        unknown = {name: Value(name, 0, None) for name in (*node.input, *node.output) if name not in values}
        known = {**values, **unknown}
        if node.domain not in ("", "ai.onnx"):
            reason: str | None = f"is of {node.domain}; CoreML's provider has ONNX's own operators only"
        else:
            reason = refusal(
                Node(
                    operator=node.op_type,
                    inputs=[known[name] if name else None for name in node.input],
                    outputs=[known[name] for name in node.output if name],
                    attributes={a.name: helper.get_attribute_value(a) for a in node.attribute},
                )
            )
        if reason:
            findings.append(f"{node.op_type} {node.output[0]}: {reason}")
    return findings


def _values(graph: onnx.GraphProto) -> dict[str, Value]:
    values = {info.name: _value(info) for info in (*graph.value_info, *graph.input, *graph.output)}
    for tensor in graph.initializer:
        inside = tensor.data_location != TensorProto.EXTERNAL and len(tensor.raw_data) <= _CONTENT_BYTES
        content = numpy_helper.to_array(tensor) if inside else None
        values[tensor.name] = Value(
            tensor.name, tensor.data_type, tuple(tensor.dims), is_constant=True, content=content
        )
    return values


def _value(info: onnx.ValueInfoProto) -> Value:
    tensor = info.type.tensor_type
    fixed = tensor.HasField("shape") and all(d.HasField("dim_value") for d in tensor.shape.dim)
    return Value(info.name, tensor.elem_type, tuple(d.dim_value for d in tensor.shape.dim) if fixed else None)
