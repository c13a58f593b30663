"""Graphs of the operators Embed, Layer and Norm, with small random weights, for tests of the native core."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "ortembed"
OPSETS = [helper.make_opsetid("", 20), helper.make_opsetid(DOMAIN, 1)]
WIDTH, HEADS, HEAD_WIDTH, INNER, VOCABULARY, POSITIONS = 12, 2, 6, 20, 30, 16
ATTENDED = HEADS * HEAD_WIDTH
EMBED = ("ids", "offsets", "word", "word_scale", "position", "norm_weight", "norm_bias")
LINEARS = ("query_key_value", "attention_output", "inner", "outer")
PARTS = ("", "_scale", "_bias", "_input_scale", "_float_channels", "_float_weight")
LAYER = (
    "hidden",
    "offsets",
    *(linear + part for linear in LINEARS for part in PARTS),
    *(f"{norm}_norm_{part}" for norm in ("attention", "output") for part in ("weight", "bias")),
    "relative_bias",
    "cosines",
    "sines",
)
NORM = ("hidden", "weight", "bias")
INPUTS = {"Embed": EMBED, "Layer": LAYER, "Norm": NORM}
RUN_INPUTS = {  # what a graph takes in each run
    "ids": (TensorProto.INT64, ["tokens"]),
    "offsets": (TensorProto.INT64, ["texts_and_one"]),
    "hidden": (TensorProto.FLOAT, ["tokens", WIDTH]),
}
ATTRIBUTES: dict[str, Any] = {
    "heads": HEADS,
    "head_width": HEAD_WIDTH,
    "activation": "gelu",
    "gated": 0,
    "norms_first": 0,
    "reach": -1,
    "epsilon": 1e-5,
}

Weights = dict[str, np.ndarray]


def random_weights(seed: int, dtype: str, *, gated: bool = False, width: int = WIDTH, inner: int = INNER) -> Weights:
    """All that a Layer may have but relative bias and rotary tables, by the names of its inputs."""
    rng = np.random.default_rng(seed)
    shapes = {
        "query_key_value": (width, 3 * ATTENDED),
        "attention_output": (ATTENDED, width),
        "inner": (width, inner * (1 + gated)),
        "outer": (inner, width),
    }
    weights: Weights = {}
    for name, shape in shapes.items():
        matrix = rng.standard_normal(shape) / 3
        if dtype == "int8":
            weights[name] = np.clip(np.rint(matrix * 100), -127, 127).astype(np.int8)
            weights[f"{name}_scale"] = rng.uniform(0.8, 1.2, shape[1]).astype(np.float32) / 100
            weights[f"{name}_input_scale"] = rng.uniform(0.5, 2, shape[0]).astype(np.float32)
            channels = rng.choice(shape[0], 2, replace=False)
            weights[f"{name}_float_channels"] = channels
            weights[f"{name}_float_weight"] = rng.standard_normal((2, shape[1])).astype(np.float32) / 3
            weights[name][channels] = 0
            weights[f"{name}_input_scale"][channels] = 0
        else:
            weights[name] = matrix.astype(ml_dtypes.bfloat16)
        weights[f"{name}_bias"] = rng.standard_normal(shape[1]).astype(np.float32)
    for norm in ("attention_norm", "output_norm"):
        weights[f"{norm}_weight"] = rng.uniform(0.5, 1.5, width).astype(np.float32)
        weights[f"{norm}_bias"] = rng.standard_normal(width).astype(np.float32)
    return weights


def relative_bias(most_distance: int, heads: int = HEADS) -> Weights:
    table = np.random.default_rng(1).standard_normal((heads, 2 * most_distance + 1)) * 2
    return {"relative_bias": table.astype(np.float32)}


def rotary(positions: int = POSITIONS, head_width: int = HEAD_WIDTH) -> Weights:
    angles = np.arange(positions)[:, None] * 10.0 ** -np.linspace(0, 2, head_width // 2)
    return {"cosines": np.cos(angles).astype(np.float32), "sines": np.sin(angles).astype(np.float32)}


def embed_weights(dtype: str = "float32") -> Weights:
    rng = np.random.default_rng(2)
    weights = {
        "word": rng.standard_normal((VOCABULARY, WIDTH)).astype(np.float32),
        "position": rng.standard_normal((POSITIONS, WIDTH)).astype(np.float32),
        "norm_weight": rng.uniform(0.5, 1.5, WIDTH).astype(np.float32),
        "norm_bias": rng.standard_normal(WIDTH).astype(np.float32),
    }
    if dtype == "int8":
        weights["word"] = rng.integers(-127, 128, (VOCABULARY, WIDTH)).astype(np.int8)
        weights["word_scale"] = rng.uniform(0.01, 0.03, VOCABULARY).astype(np.float32)
    elif dtype == "bfloat16":
        weights["word"] = weights["word"].astype(ml_dtypes.bfloat16)
    return weights


def node_of(operator: str, given: Weights | dict[str, str], output: str, name: str = "", **attributes: Any):
    """A node whose inputs are those of the run, and those that are given: weights of that name, or other values."""
    names = [
        given[key] if isinstance(given.get(key), str) else key if key in given or key in RUN_INPUTS else ""
        for key in INPUTS[operator]
    ]
    while names and not names[-1]:
        names.pop()
    node = helper.make_node(operator, names, [output], name=name or operator.lower(), domain=DOMAIN)
    known = ((key, value) for key, value in attributes.items() if value is not None)
    node.attribute.extend(helper.make_attribute(key, value) for key, value in known)
    return node


def save_graph(path, nodes, weights: Weights, *, outside: bool = False, width: int = WIDTH, inputs=None):
    """Write a graph to `path`; its weights go to a file beside it where they lie outside."""
    known = RUN_INPUTS | {"hidden": (TensorProto.FLOAT, ["tokens", width])} if inputs is None else inputs
    asked = {name for node in nodes for name in node.input}
    made = {name for node in nodes for name in node.output}
    graph = helper.make_graph(
        nodes,
        "packed",
        [helper.make_tensor_value_info(key, *value) for key, value in known.items() if key in asked - made],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, ["tokens", width])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=9)
    onnx.save(model, path, save_as_external_data=outside, location=f"{path.name}.data", size_threshold=100)
    return path


def save_one(path, operator: str, weights: Weights, **attributes: Any):
    """Write a graph of one node."""
    return save_graph(path, [node_of(operator, weights, "last_hidden_state", **attributes)], weights)
