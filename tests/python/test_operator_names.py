"""Weights of operators that are told apart although their names are alike: of branches, and with newlines in them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from _ortembed_testing import Model, Session, has_nested_graphs
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from ortembed.runtime_library import find_runtime_library
from tests.python import packed_graphs as graphs
from tests.python.packed_reference import layer_reference

HIDDEN = np.random.default_rng(12).standard_normal((5, graphs.WIDTH)).astype(np.float32)
OFFSETS = np.array([0, 2, 5])
LAYERS = [graphs.random_weights(seed, "bfloat16") for seed in (1, 2)]


def check_close(found, expected):
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.02


def layer_graph(weights, name):
    """A graph of one layer over names of the outer graph, with weights of its own."""
    output = helper.make_tensor_value_info(f"{name}.y", TensorProto.FLOAT, ["tokens", graphs.WIDTH])
    tensors = [numpy_helper.from_array(array, key) for key, array in weights.items()]
    node = graphs.node_of("Layer", weights, f"{name}.y", name, **graphs.ATTRIBUTES)
    return helper.make_graph([node], name, [], [output], tensors)


def save_branches(path, *, outside):
    """Two layers that are branches, each with weights of its own under the same names."""
    branches = {f"{name}_branch": layer_graph(LAYERS[i], name) for i, name in enumerate(("then", "else"))}
    nodes = [
        helper.make_node("Cast", ["which"], ["condition"], to=TensorProto.BOOL),
        helper.make_node("If", ["condition"], ["y"], **branches),
    ]
    inputs = graphs.RUN_INPUTS | {"which": (TensorProto.INT64, [])}
    graph = helper.make_graph(
        nodes,
        "branches",
        [helper.make_tensor_value_info(name, *inputs[name]) for name in ("hidden", "offsets", "which")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["tokens", graphs.WIDTH])],
    )
    model = helper.make_model(graph, opset_imports=graphs.OPSETS, ir_version=9)
    onnx.save(model, path, save_as_external_data=outside, location=f"{path.name}.data", size_threshold=100)
    return path


@pytest.mark.parametrize("outside", [True, False])
def test_branches_may_have_weights_of_the_same_names(tmp_path, outside):
    path = save_branches(tmp_path / "model.onnx", outside=outside)
    assert has_nested_graphs(path.read_bytes())
    model = Model(find_runtime_library(), path)
    for session in [Session(model, threads) for threads in (1, 2)]:
        for which, weights in ((1, LAYERS[0]), (0, LAYERS[1])):
            found = session.run_with({"hidden": HIDDEN, "offsets": OFFSETS, "which": np.array(which)})
            check_close(found, layer_reference(HIDDEN, OFFSETS, weights))


def test_names_that_give_the_same_text_end_to_end_are_told_apart(tmp_path):
    given_names = [{key: f"{i}.{key}" for key in layer} for i, layer in enumerate(LAYERS)]
    given_names[0] |= {"inner": "x\n", "inner_bias": "b"}
    given_names[1] |= {"inner": "x", "inner_bias": "\nb", "hidden": "h"}
    weights = {given_names[i][key]: array for i, layer in enumerate(LAYERS) for key, array in layer.items()}
    nodes = [
        graphs.node_of("Layer", names, output, output, **graphs.ATTRIBUTES)
        for names, output in zip(given_names, ("h", "y"), strict=True)
    ]
    path = graphs.save_graph(tmp_path / "model.onnx", nodes, weights)
    model = Model(find_runtime_library(), path)
    found = Session(model, 1).run_with({"hidden": HIDDEN, "offsets": OFFSETS})
    first = layer_reference(HIDDEN, OFFSETS, LAYERS[0])
    check_close(found, layer_reference(first, OFFSETS, LAYERS[1]))
    assert len(model.packed_linears()) == 8


def test_branches_and_functions_are_graphs_beside_the_one():
    graph = layer_graph(LAYERS[0], "layer")
    model = helper.make_model(graph, opset_imports=graphs.OPSETS)
    assert not has_nested_graphs(model.SerializeToString())
    model.functions.append(helper.make_function("local", "f", ["a"], ["a"], [], graphs.OPSETS))
    assert has_nested_graphs(model.SerializeToString())
    del model.functions[:]
    model.graph.node[0].attribute.append(helper.make_attribute("graphs", [graph, graph]))
    assert has_nested_graphs(model.SerializeToString())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_for_graphs_without_harm(data):
    has_nested_graphs(data)
