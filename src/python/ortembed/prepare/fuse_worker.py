"""The worker that fuses a graph with onnxruntime.transformers, and compares the fused graph with the original one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper

from ortembed.prepare.graph import GRAPH_NAME, MICROSOFT, WEIGHTS_NAME
from ortembed.prepare.onnx_file import load_graph, save_graph
from ortembed.prepare.worker import serve

if TYPE_CHECKING:
    import numpy.typing as npt

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_ATTENTION = ("Attention", "MultiHeadAttention")
_QUANTIZED = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearMatMul"}
_LOWER_FLOATS = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
_TOLERANCE = 1e-4  # of the fused graph's values, over the original's largest
_PROBE_LENGTHS = ([1], [7], [33, 12, 5])  # tokens of each text, batch by batch
_FEW_IDS = 32  # which any vocabulary has


def main() -> None:
    """Answer the request of fuse."""
    serve(_answer)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    folder = Path(request["folder"])
    try:
        model = load_graph(Path(request["graph"]), request["external"])
    except (OSError, ValueError, DecodeError) as error:
        return {"refused": f"cannot read this ONNX graph: {error}"}
    if refused := _fixed_input(model.graph):
        return {"refused": refused}
    _cast_outputs(model.graph)
    reason = _reason_to_keep(model)
    save_graph(model, folder)
    report = {"fused": False, "reason": reason, "operators": _fused_operators(model.graph), "difference": None}
    del model  # as large as its weights
    if reason or not request["fuse"]:
        return report
    try:
        return {**report, **_fuse_and_compare(folder, request)}
    except Exception as error:  # noqa: BLE001 - whatever the optimizer meets, the original graph is there
        return {**report, "reason": f"the runtime's optimizer failed on this graph: {type(error).__name__}: {error}"}


def _fixed_input(graph: onnx.GraphProto) -> str | None:
    for info in graph.input:
        dimensions = info.type.tensor_type.shape.dim
        if info.name in _INPUTS and any(d.HasField("dim_value") for d in dimensions):
            shape = [d.dim_value or d.dim_param or "?" for d in dimensions]
            return f"input {info.name} has the fixed shape {shape}; export the model again with dynamic axes"
    return None


def _cast_outputs(graph: onnx.GraphProto) -> None:
    """Give float16 outputs as float32, which is what the engine reads."""
    for output in graph.output:
        if output.type.tensor_type.elem_type != TensorProto.FLOAT16:
            continue
        inner = f"{output.name}_float16"
        for node in graph.node:
            node.input[:] = [inner if name == output.name else name for name in node.input]
            node.output[:] = [inner if name == output.name else name for name in node.output]
        graph.node.append(helper.make_node("Cast", [inner], [output.name], name=inner, to=TensorProto.FLOAT))
        output.type.tensor_type.elem_type = TensorProto.FLOAT


def _reason_to_keep(model: onnx.ModelProto) -> str:
    graph = model.graph
    if others := {node.domain for node in graph.node} - {"", "ai.onnx"}:
        return f"it has operators of {', '.join(sorted(others))} already"
    if quantized := {node.op_type for node in graph.node} & _QUANTIZED:
        return f"it is quantized already ({', '.join(sorted(quantized))})"
    if lower := {tensor.data_type for tensor in graph.initializer} & set(_LOWER_FLOATS):
        return f"it has weights of type {', '.join(TensorProto.DataType.Name(t).lower() for t in sorted(lower))}"
    names = {info.name for info in graph.input} - {tensor.name for tensor in graph.initializer}
    if unknown := names - set(_INPUTS):
        return f"it has inputs that cannot be probed: {', '.join(sorted(unknown))}"
    return ""


def _fused_operators(graph: onnx.GraphProto) -> dict[str, int]:
    return dict(Counter(node.op_type for node in graph.node if node.domain == MICROSOFT))


def _fuse_and_compare(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    work = Path.cwd()
    fused = _optimize(folder / GRAPH_NAME, work / "basic.onnx", request["heads"], request["width"])
    operators = _fused_operators(fused.graph)
    if not any(name in operators for name in _ATTENTION):
        return {"reason": "the runtime's optimizer recognises no attention in it"}
    _drop_unused_domains(fused)
    save_graph(fused, work)
    del fused
    batches = _probes(request["vocab_size"], request["positions"])
    expected = _run(folder / GRAPH_NAME, batches)
    difference = _largest_difference(expected, _run(work / GRAPH_NAME, batches), batches)
    if not difference <= _TOLERANCE:
        reason = f"the fused graph's values differ by {difference:.1e} of the largest; at most {_TOLERANCE:.0e} may"
        return {"reason": reason, "difference": difference if np.isfinite(difference) else None}
    (folder / WEIGHTS_NAME).unlink(missing_ok=True)
    for name in (WEIGHTS_NAME, GRAPH_NAME):
        if (work / name).exists():
            (work / name).replace(folder / name)
    return {"fused": True, "operators": operators, "difference": difference}


def _optimize(graph: Path, basic: Path, heads: int, width: int) -> onnx.ModelProto:
    """Fold constants with the runtime, then fuse. The optimizer's own first step would do so, but wants torch."""
    import onnxruntime  # noqa: PLC0415

    options = _session_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(basic)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", f"{basic.name}.data")
    # ConstantSharing merges scalars that the optimizer looks for one by one.
    disabled = ["ConstantSharing"]
    onnxruntime.InferenceSession(
        str(graph), options, providers=["CPUExecutionProvider"], disabled_optimizers=disabled
    )
    from onnxruntime.transformers.fusion_options import FusionOptions  # noqa: PLC0415
    from onnxruntime.transformers.optimizer import optimize_by_fusion  # noqa: PLC0415

    fusions = FusionOptions("bert")
    fusions.enable_skip_layer_norm = False  # several times slower on CPU than Add and LayerNormalization
    fusions.enable_bias_skip_layer_norm = False
    fusions.enable_shape_inference = False  # which needs sympy
    model: onnx.ModelProto = optimize_by_fusion(onnx.load(basic), "bert", heads, width, fusions).model
    return model


def _session_options() -> Any:  # noqa: ANN401 - the package has no types
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return options


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    """Keep only the operator sets that nodes are of: the runtime writes all it knows, which an older one refuses."""
    kept = [opset for opset in model.opset_import if opset.domain in ("", "ai.onnx", MICROSOFT)]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _probes(vocab_size: int, positions: int) -> list[dict[str, npt.NDArray[np.int64]]]:
    """Make batches of random ids, of several lengths, padded on the right."""
    random = np.random.default_rng(0)
    limit = max(1, positions - 4) if positions else max(map(max, _PROBE_LENGTHS))  # RoBERTa's positions begin at 2
    batches = []
    for wanted in _PROBE_LENGTHS:
        lengths = np.minimum(wanted, limit)
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = random.integers(min(3, vocab_size), vocab_size or _FEW_IDS, mask.shape) * mask
        batches.append(dict(zip(_INPUTS, (ids, mask, np.zeros_like(ids)), strict=True)))
    return batches


def _run(graph: Path, batches: list[dict[str, npt.NDArray[np.int64]]]) -> list[list[npt.NDArray[np.float32]]]:
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(str(graph), _session_options(), providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    names = sorted(value.name for value in session.get_outputs())
    return [session.run(names, {n: v for n, v in batch.items() if n in wanted}) for batch in batches]


def _largest_difference(
    expected: list[list[npt.NDArray[np.float32]]],
    found: list[list[npt.NDArray[np.float32]]],
    batches: list[dict[str, npt.NDArray[np.int64]]],
) -> float:
    """Give the largest difference over the largest value; what stands at padding does not count."""
    largest, difference = 0.0, 0.0
    for left, right, batch in zip(expected, found, batches, strict=True):
        tokens = batch["attention_mask"].astype(bool)
        for one, other in zip(left, right, strict=True):
            at = tokens if one.shape[:2] == tokens.shape else slice(None)
            largest = max(largest, float(np.abs(one[at]).max()))
            difference = max(difference, float(np.abs(one[at] - other[at]).max()))
    return difference / largest if largest else difference
