"""Nodes of Layer that cannot be: each is an error that names the node and what is wrong with it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.python import packed_graphs as graphs
from tests.python.packed_sessions import check_refused, save_node

LAYER = graphs.random_weights(0, "int8")
BFLOAT16 = graphs.random_weights(0, "bfloat16")
FLOATS = np.ones(graphs.WIDTH, np.float32)


def columns(array, count):
    return np.ascontiguousarray(array[:, :count])


LAYER_INPUTS = {
    "scale missing": ({"inner_scale": None}, "input 15 (inner_scale) is missing for weights of int8"),
    "weight missing": ({"outer": None}, "input 20 (outer) is missing"),
    "first weight missing": ({"query_key_value": None}, "input 2 (query_key_value) is missing"),
    "weight of floats": (
        {"inner": LAYER["inner"].astype(np.float32)},
        "input 14 (inner) is float32 [12, 20], not int8 or bfloat16 in 2 dimensions of at least 1",
    ),
    "weight of uint8": ({"inner": LAYER["inner"].astype(np.uint8)}, "input 14 (inner) is uint8 [12, 20], not int8"),
    "weight of float64": (
        {"inner": LAYER["inner"].astype(np.float64)},
        "input 14 (inner) is of ONNX's type 11 [12, 20]",
    ),
    "weight of three dimensions": ({"inner": LAYER["inner"][None]}, "input 14 (inner) is int8 [1, 12, 20]"),
    "no columns": ({"inner": columns(LAYER["inner"], 0)}, "input 14 (inner) is int8 [12, 0]"),
    "no rows": ({"query_key_value": LAYER["query_key_value"][:0]}, "input 2 (query_key_value) is int8 [0, 36]"),
    "columns for fewer heads": (
        {"query_key_value": columns(LAYER["query_key_value"], 24)},
        "input 2 (query_key_value) is int8 [12, 24], not int8 [12, 36]",
    ),
    "attention of another width": (
        {"attention_output": LAYER["attention_output"][:9]},
        "input 8 (attention_output) is int8 [9, 12], not int8 [12, 12]",
    ),
    "outer of other inputs": ({"outer": LAYER["outer"][:10]}, "input 20 (outer) is int8 [10, 12], not int8 [20, 12]"),
    "inner of other inputs": ({"inner": LAYER["inner"][:5]}, "input 14 (inner) is int8 [5, 20], not int8 [12, 20]"),
    "scale of another length": (
        {"inner_scale": LAYER["inner_scale"][:7]},
        "input 15 (inner_scale) is float32 [7], not float32 [20]",
    ),
    "scale of two dimensions": (
        {"inner_scale": LAYER["inner_scale"][None]},
        "input 15 (inner_scale) is float32 [1, 20]",
    ),
    "bias of another type": (
        {"outer_bias": LAYER["outer_bias"].astype(np.float16)},
        "input 22 (outer_bias) is float16 [12], not float32 [12]",
    ),
    "input scale of the outputs": (
        {"outer_input_scale": FLOATS},
        "input 23 (outer_input_scale) is float32 [12], not float32 [20]",
    ),
    "norm of another width": (
        {"output_norm_weight": FLOATS[:4]},
        "input 28 (output_norm_weight) is float32 [4], not float32 [12]",
    ),
    "bias of no norm": (
        {"attention_norm_weight": None},
        "input 27 (attention_norm_bias) is given without its weight",
    ),
    "relative bias of an even width": (
        {"relative_bias": np.ones((2, 8), np.float32)},
        "input 30 (relative_bias) has no column for distance 0 in its middle",
    ),
    "relative bias of other heads": (
        graphs.relative_bias(4, heads=3),
        "input 30 (relative_bias) is float32 [3, 9], not float32 [2, 9]",
    ),
    "float channels without weight": (
        {"inner_float_weight": None},
        "input 19 (inner_float_weight) is missing beside the channels",
    ),
    "float weight without channels": (
        {"inner_float_channels": None},
        "input 18 (inner_float_channels) is missing beside their weight",
    ),
    "float weight of another size": (
        {"inner_float_channels": np.array([1, 2]), "inner_float_weight": np.ones((1, 20), np.float32)},
        "input 19 (inner_float_weight) is float32 [1, 20], not float32 [2, 20]",
    ),
    "float channels of int32": (
        {"inner_float_channels": np.array([1], np.int32), "inner_float_weight": np.ones((1, 20), np.float32)},
        "input 18 (inner_float_channels) is int32 [1], not int64",
    ),
    "float channel beyond the inputs": (
        {"inner_float_channels": np.array([12]), "inner_float_weight": np.ones((1, 20), np.float32)},
        "input 14 (inner) cannot be packed: float channel 12 is none of the layer's 12 inputs",
    ),
    "negative float channel": (
        {"inner_float_channels": np.array([-1]), "inner_float_weight": np.ones((1, 20), np.float32)},
        "input 14 (inner) cannot be packed: float channel -1 is none of the layer's 12 inputs",
    ),
    "cosines alone": ({"cosines": graphs.rotary()["cosines"]}, "input 32 (sines) is missing beside the cosines"),
    "sines alone": ({"sines": graphs.rotary()["sines"]}, "input 31 (cosines) is missing"),
    "cosines of another width": (
        graphs.rotary(head_width=8),
        "input 31 (cosines) is float32 [16, 4], not float32 [16, 3]",
    ),
    "sines of fewer positions": (
        graphs.rotary() | {"sines": graphs.rotary(5)["sines"]},
        "input 32 (sines) is float32 [5, 3], not float32 [16, 3]",
    ),
    "offsets missing": ({"offsets": None}, "input 1 (offsets) is missing"),
}


@pytest.mark.parametrize("case", LAYER_INPUTS)
def test_a_layer_whose_inputs_do_not_fit_is_refused(tmp_path, case):
    changes, complaint = LAYER_INPUTS[case]
    path = save_node(tmp_path / "model.onnx", "Layer", LAYER | changes, **graphs.ATTRIBUTES)
    check_refused(path, "Layer", complaint)


@pytest.mark.parametrize("part", ["scale", "input_scale"])
def test_bfloat16_takes_no_scales(tmp_path, part):
    weights = BFLOAT16 | {f"inner_{part}": LAYER[f"inner_{part}"]}
    path = save_node(tmp_path / "model.onnx", "Layer", weights, **graphs.ATTRIBUTES)
    check_refused(path, "Layer", f"(inner_{part}) is for weights of int8 alone")


LAYER_ATTRIBUTES = {
    **{f"no {name}": ({name: None}, f"attribute {name} is missing") for name in graphs.ATTRIBUTES},
    "heads of another type": ({"heads": 2.0}, "attribute heads is not an integer"),
    "reach as text": ({"reach": "all"}, "attribute reach is not an integer"),
    "activation as a number": ({"activation": 1}, "attribute activation is not a text"),
    "epsilon as an integer": ({"epsilon": 1}, "attribute epsilon is not a float"),
    "no heads": ({"heads": 0}, "attribute heads is 0, not from 1 to 65536"),
    "negative heads": ({"heads": -2}, "attribute heads is -2"),
    "heads that overflow": ({"heads": 2**62}, f"attribute heads is {2**62}"),
    "head width that overflows": ({"head_width": 2**62}, f"attribute head_width is {2**62}"),
    "other heads": ({"heads": 3}, "input 2 (query_key_value) is int8 [12, 36], not int8 [12, 54]"),
    "unknown activation": ({"activation": "swish"}, "swish"),
    "empty activation": ({"activation": ""}, "activation"),
    "gated neither": ({"gated": 2}, "attribute gated is 2, not from 0 to 1"),
    "gated without halves": ({"gated": 1}, "input 20 (outer) is int8 [20, 12], not int8 [10, 12]"),
    "reach below all": ({"reach": -2}, "attribute reach is -2, not from -1"),
    "epsilon below 0": ({"epsilon": -1.0}, "attribute epsilon is not a number from 0"),
    "epsilon not a number": ({"epsilon": float("nan")}, "attribute epsilon is not a number from 0"),
}


@pytest.mark.parametrize("case", LAYER_ATTRIBUTES)
def test_a_layer_whose_attributes_do_not_fit_is_refused(tmp_path, case):
    changes, complaint = LAYER_ATTRIBUTES[case]
    path = save_node(tmp_path / "model.onnx", "Layer", LAYER, **graphs.ATTRIBUTES | changes)
    check_refused(path, "Layer", complaint)


def test_a_gated_layer_of_odd_columns_is_refused(tmp_path):
    weights = LAYER | {name: LAYER[name][..., :19] for name in ("inner", "inner_scale", "inner_bias")}
    path = save_node(tmp_path / "model.onnx", "Layer", weights, **graphs.ATTRIBUTES | {"gated": 1})
    check_refused(path, "Layer", "input 14 (inner) has no even number of columns to be gated")


def test_rotary_tables_for_an_odd_head_width_are_refused(tmp_path):
    weights = LAYER | graphs.rotary(head_width=2)
    path = save_node(tmp_path / "model.onnx", "Layer", weights, **graphs.ATTRIBUTES | {"heads": 4, "head_width": 3})
    check_refused(path, "Layer", "input 31 (cosines) is given for heads of an odd width")


def test_inputs_that_are_too_long_for_exact_sums_are_refused(tmp_path):
    inputs = 1 << 20  # their products' sum leaves 32 bits, whatever the instruction set
    weights = LAYER | {"outer": np.ones((inputs, 12), np.int8), "outer_input_scale": np.ones(inputs, np.float32)}
    weights = {name: array for name, array in weights.items() if not name.startswith("inner_float")}
    weights["inner"] = np.ones((12, inputs), np.int8)
    weights |= {f"inner_{part}": np.ones(inputs, np.float32) for part in ("scale", "bias")}
    path = save_node(tmp_path / "model.onnx", "Layer", weights, **graphs.ATTRIBUTES)
    check_refused(path, "Layer", f"input 20 (outer) cannot be packed: a linear layer has {inputs} inputs")
