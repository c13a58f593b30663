"""Nodes of Embed and Norm that cannot be, and weights that are not constant: errors that name node and reason."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.python import packed_graphs as graphs
from tests.python.packed_sessions import check_refused, message_of, save_node

LAYER = graphs.random_weights(0, "int8")
EMBED = graphs.embed_weights("int8")
NORM = {"weight": np.ones(graphs.WIDTH, np.float32)}
FLOATS = np.ones(graphs.WIDTH, np.float32)


EMBED_INPUTS = {
    "no table": ({"word": None}, "input 2 (word) is missing"),
    "scale missing": ({"word_scale": None}, "input 3 (word_scale) is missing for a table of int8"),
    "scale of floats": ({"word": np.ones((30, 12), np.float32)}, "input 3 (word_scale) is for tables of int8 alone"),
    "scale of fewer rows": (
        {"word_scale": EMBED["word_scale"][:3]},
        "input 3 (word_scale) is float32 [3], not float32 [30]",
    ),
    "table of float16": ({"word": np.ones((30, 12), np.float16)}, "input 2 (word) is float16 [30, 12], not float32"),
    "table of one dimension": ({"word": np.ones(30, np.int8)}, "input 2 (word) is int8 [30]"),
    "empty table": ({"word": np.ones((0, 12), np.int8)}, "input 2 (word) is int8 [0, 12]"),
    "positions of another width": (
        {"position": np.ones((16, 5), np.float32)},
        "input 4 (position) is float32 [16, 5], not float32 [16, 12]",
    ),
    "positions of bfloat16": (
        {"position": np.ones((16, 12), ml_dtypes.bfloat16)},
        "input 4 (position) is bfloat16 [16, 12], not float32",
    ),
    "norm of another width": ({"norm_weight": FLOATS[:1]}, "input 5 (norm_weight) is float32 [1], not float32 [12]"),
    "bias of no norm": ({"norm_weight": None}, "input 6 (norm_bias) is given without its weight"),
    "no ids": ({"ids": None}, "input 0 (ids) is missing"),
}


@pytest.mark.parametrize("case", EMBED_INPUTS)
def test_an_embed_whose_inputs_do_not_fit_is_refused(tmp_path, case):
    changes, complaint = EMBED_INPUTS[case]
    check_refused(save_node(tmp_path / "model.onnx", "Embed", EMBED | changes), "Embed", complaint)


@pytest.mark.parametrize(
    ("attributes", "complaint"),
    [
        ({"epsilon": 1}, "attribute epsilon is not a float"),
        ({"epsilon": -0.5}, "attribute epsilon is not a number from 0"),
        ({"padding_id": 1.0}, "attribute padding_id is not an integer"),
        ({"padding_id": -2}, "attribute padding_id is -2, not from -1"),
        ({"padding_id": [1]}, "attribute padding_id is not an integer"),
        ({"padding_id": [1.0]}, "attribute padding_id is not an integer"),
        ({"padding_id": "1"}, "attribute padding_id is not an integer"),
        ({"padding_id": numpy_helper.from_array(np.array(1))}, "attribute padding_id is not an integer"),
        ({"epsilon": [0.5]}, "attribute epsilon is not a float"),
    ],
)
def test_an_embed_whose_attributes_do_not_fit_is_refused(tmp_path, attributes, complaint):
    check_refused(save_node(tmp_path / "model.onnx", "Embed", EMBED, **attributes), "Embed", complaint)


NORM_CASES = {
    "no weight": ({"weight": None, "bias": FLOATS}, 1.0, "input 1 (weight) is missing"),
    "weight of a matrix": (
        {"weight": FLOATS[None]},
        1.0,
        "input 1 (weight) is float32 [1, 12], not float32 in 1 dimension",
    ),
    "bias of another width": ({"bias": FLOATS[:5]}, 1.0, "input 2 (bias) is float32 [5], not float32 [12]"),
    "no epsilon": ({}, None, "attribute epsilon is missing"),
}


@pytest.mark.parametrize("case", NORM_CASES)
def test_a_norm_that_does_not_fit_is_refused(tmp_path, case):
    changes, epsilon, complaint = NORM_CASES[case]
    path = save_node(tmp_path / "model.onnx", "Norm", NORM | changes, epsilon=epsilon)
    check_refused(path, "Norm", complaint)


@pytest.mark.parametrize("operator", ["Embed", "Layer", "Norm"])
def test_what_a_run_gives_has_its_type_in_the_graph(tmp_path, operator):
    weights, attributes = {
        "Embed": (EMBED, {}),
        "Layer": (LAYER, graphs.ATTRIBUTES),
        "Norm": (NORM, {"epsilon": 1.0}),
    }[operator]
    first = graphs.INPUTS[operator][0]
    of_floats = operator != "Embed"
    inputs = graphs.RUN_INPUTS | {first: (TensorProto.INT64 if of_floats else TensorProto.FLOAT, ["tokens", 12])}
    node = graphs.node_of(operator, weights, "y", "the.node", **attributes)
    graphs.save_graph(tmp_path / "model.onnx", [node], weights, inputs=inputs)
    types = ("int64", "float32") if of_floats else ("float32", "int64")
    check_refused(tmp_path / "model.onnx", operator, f"input 0 ({first}) is {types[0]}, not {types[1]}")


@pytest.mark.parametrize("name", ["outer", "inner_scale", "query_key_value_bias", "output_norm_weight"])
@pytest.mark.parametrize("how", ["computed", "an input", "an initializer that an input may replace"])
def test_a_weight_that_is_not_constant_is_refused(tmp_path, name, how):
    weights = dict(LAYER)
    element = helper.np_dtype_to_tensor_dtype(weights[name].dtype)
    inputs = dict(graphs.RUN_INPUTS)
    nodes = [graphs.node_of("Layer", weights, "y", "the.node", **graphs.ATTRIBUTES)]
    if how == "computed":
        nodes[0].input[list(nodes[0].input).index(name)] = "computed"
        nodes.insert(0, helper.make_node("ReduceMin", ["offsets"], ["zero"], keepdims=0))
        nodes.insert(1, helper.make_node("Cast", ["zero"], ["cast"], to=element))
        nodes.insert(2, helper.make_node("Add", [name, "cast"], ["computed"]))
    else:
        inputs[name] = (element, list(weights[name].shape))
    if how == "an input":
        del weights[name]
    graphs.save_graph(tmp_path / "model.onnx", nodes, weights, inputs=inputs)
    place = graphs.LAYER.index(name)
    check_refused(tmp_path / "model.onnx", "Layer", f"input {place} ({name}) is not constant")


def test_an_operator_that_there_is_not_is_refused_by_the_runtime(tmp_path):
    node = helper.make_node("NoSuch", ["hidden"], ["y"], name="the.node", domain=graphs.DOMAIN)
    assert "NoSuch" in message_of(graphs.save_graph(tmp_path / "model.onnx", [node], {}))


def test_a_node_without_a_name_is_refused_by_its_operator(tmp_path):
    node = graphs.node_of("Norm", {}, "y", epsilon=1.0)
    node.name = ""
    message = message_of(graphs.save_graph(tmp_path / "model.onnx", [node], {}))
    assert "operator Norm: input 1 (weight) is missing" in message


def test_more_inputs_than_there_are_is_refused_by_the_runtime(tmp_path):
    node = graphs.node_of("Norm", NORM | {"bias": FLOATS}, "y", "the.node", epsilon=1.0)
    node.input.append("bias")
    message = message_of(graphs.save_graph(tmp_path / "model.onnx", [node], NORM | {"bias": FLOATS}))
    assert "the.node" in message
    assert "input size 4" in message
