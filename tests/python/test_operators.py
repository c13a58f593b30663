"""The operators Embed, Layer and Norm in a session: what they give, against float64, text by text."""

from __future__ import annotations

import numpy as np
import pytest

from tests.python import packed_graphs as graphs
from tests.python.packed_reference import embed_reference, layer_reference, normed
from tests.python.packed_sessions import open_session

RANDOM = np.random.default_rng(11)
OFFSETS = np.array([0, 3, 3, 14, 15])  # the second text is empty
TOKENS = int(OFFSETS[-1])
IDS = RANDOM.integers(0, graphs.VOCABULARY, TOKENS)
HIDDEN = RANDOM.standard_normal((TOKENS, graphs.WIDTH)).astype(np.float32)
# Of the largest difference to the largest value: what rounding of the weights' and activations' type leaves.
TOLERANCE = {"bfloat16": 0.02, "int8": 0.03}


def difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("padding_id", [-1, 1])
@pytest.mark.parametrize("left_out", [(), ("norm_bias",), ("norm_weight", "norm_bias"), ("position",)], ids="+".join)
def test_embed_looks_up_adds_and_norms(tmp_path, dtype, padding_id, left_out):
    weights = {name: array for name, array in graphs.embed_weights(dtype).items() if name not in left_out}
    attributes = {"padding_id": padding_id} if padding_id >= 0 else {}
    path = graphs.save_one(tmp_path / "model.onnx", "Embed", weights, **attributes)
    ids = np.where(RANDOM.random(TOKENS) < 0.3, 1, IDS)
    found = open_session(path).run_with({"ids": ids, "offsets": OFFSETS})
    np.testing.assert_allclose(found, embed_reference(ids, OFFSETS, weights, padding_id), rtol=2e-5, atol=2e-5)


def test_the_epsilon_of_embed_is_the_nodes(tmp_path):
    weights = graphs.embed_weights()
    path = graphs.save_one(tmp_path / "model.onnx", "Embed", weights, epsilon=2.0)
    found = open_session(path).run_with({"ids": IDS, "offsets": OFFSETS})
    np.testing.assert_allclose(found, embed_reference(IDS, OFFSETS, weights, epsilon=2.0), rtol=2e-5, atol=2e-5)


CASES = {
    "bert": ({}, {}, ()),
    "no biases": ({}, {}, tuple(f"{linear}_bias" for linear in graphs.LINEARS)),
    "no biases of norms": ({}, {}, ("attention_norm_bias", "output_norm_bias")),
    "no norms": (
        {},
        {},
        tuple(f"{norm}_norm_{part}" for norm in ("attention", "output") for part in ("weight", "bias")),
    ),
    "tanh": ({"activation": "gelu_tanh"}, {}, ()),
    "relu": ({"activation": "relu"}, {}, ()),
    "gated silu": ({"activation": "silu", "gated": 1}, {}, ()),
    "norms first": ({"norms_first": 1, "gated": 1}, {}, ()),
    "norms first, but for the first": ({"norms_first": 1}, {}, ("attention_norm_weight", "attention_norm_bias")),
    "relative bias": ({}, graphs.relative_bias(15), ()),
    "rotary": ({}, graphs.rotary(), ()),
    "rotary within reach": ({"reach": 2}, graphs.rotary(), ()),
    "reach 0": ({"reach": 0}, {}, ()),
    "epsilon": ({"epsilon": 1.0}, {}, ()),
}


def case_weights(case, dtype):
    attributes, more, left_out = CASES[case]
    weights = graphs.random_weights(3, dtype, gated=attributes.get("gated", 0) == 1) | more
    return attributes, {name: array for name, array in weights.items() if name not in left_out}


@pytest.mark.parametrize("dtype", ["int8", "bfloat16"])
@pytest.mark.parametrize("case", CASES)
def test_layer_is_that_of_each_text_by_itself(tmp_path, case, dtype):
    attributes, weights = case_weights(case, dtype)
    path = graphs.save_one(tmp_path / "model.onnx", "Layer", weights, **graphs.ATTRIBUTES | attributes)
    found = open_session(path).run_with({"hidden": HIDDEN, "offsets": OFFSETS})
    expected = layer_reference(HIDDEN, OFFSETS, weights, **attributes)
    assert difference(found, expected) < TOLERANCE[dtype]
    for other_attributes, other_weights in lacking_one(attributes, weights):  # nearer to the whole than to these
        without = layer_reference(HIDDEN, OFFSETS, other_weights, **other_attributes)
        assert difference(found, without) > 1.2 * difference(found, expected)


def lacking_one(attributes, weights):
    """The case without one of its attributes or optional inputs."""
    for name in attributes:
        if name != "gated" and attributes[name] != "gelu_tanh":
            yield {key: value for key, value in attributes.items() if key != name}, weights
    for name in weights:
        if name.endswith(("_bias", "_scale")):
            yield attributes, {key: array for key, array in weights.items() if key != name}
    if "cosines" in weights:
        yield attributes, {key: array for key, array in weights.items() if key not in ("cosines", "sines")}


def test_the_two_forms_of_gelu_are_told_apart(tmp_path):
    weights = graphs.random_weights(3, "bfloat16")
    found = [
        open_session(
            graphs.save_one(tmp_path / name, "Layer", weights, **graphs.ATTRIBUTES | {"activation": name})
        ).run_with({"hidden": HIDDEN, "offsets": OFFSETS})
        for name in ("gelu", "gelu_tanh")
    ]
    assert 0 < np.abs(found[0] - found[1]).max() < 0.05


@pytest.mark.parametrize("has_bias", [True, False])
def test_norm_is_a_layer_norm(tmp_path, has_bias):
    weights = {"weight": RANDOM.uniform(0.5, 2, graphs.WIDTH).astype(np.float32)}
    if has_bias:
        weights["bias"] = RANDOM.standard_normal(graphs.WIDTH).astype(np.float32)
    path = graphs.save_one(tmp_path / "model.onnx", "Norm", weights, epsilon=0.25)
    found = open_session(path).run_with({"hidden": HIDDEN})
    expected = normed(HIDDEN.astype(np.float64), weights["weight"], weights.get("bias"), 0.25)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
