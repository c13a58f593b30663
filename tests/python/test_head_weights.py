"""The weights of the steps after pooling: read from safetensors, checked against what the modules say."""

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from ortembed import ModelLoadError
from ortembed.modules import HeadStep, head_weights

STEP = HeadStep("dense", "2_Dense", 3, 2, bias=True)
NAME = "2_Dense/model.safetensors"
WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3) / 8
BIAS = np.array([0.5, -1.0], np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_weights_of_a_dense_step_are_read(tmp_path, dtype):
    path = tmp_path / "model.safetensors"
    save_file({"linear.weight": WEIGHT.astype(dtype), "linear.bias": BIAS.astype(dtype)}, path)
    weights = head_weights(STEP, {NAME: path})
    assert {name: array.dtype for name, array in weights.items()} == dict.fromkeys(("weight", "bias"), np.float32)
    np.testing.assert_array_equal(weights["weight"], WEIGHT)
    np.testing.assert_array_equal(weights["bias"], BIAS)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    path = tmp_path / "model.safetensors"
    halves = {"linear.weight": (WEIGHT.view(np.uint32) >> 16).astype(np.uint16)}
    path.write_bytes(save(halves).replace(b'"U16"', b'"BF16"').replace(b"}  ", b"} ", 1))
    step = HeadStep("dense", "2_Dense", 3, 2, bias=False)
    assert list(head_weights(step, {NAME: path})) == ["weight"]
    np.testing.assert_array_equal(head_weights(step, {NAME: path})["weight"], WEIGHT)


def test_weights_of_a_layer_norm_are_read(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"norm.weight": BIAS, "norm.bias": -BIAS}, path)
    weights = head_weights(HeadStep("layer_norm", "2_Dense", 2, 2, epsilon=1e-5), {NAME: path})
    assert {name: array.tolist() for name, array in weights.items()} == {"scale": [0.5, -1.0], "bias": [-0.5, 1.0]}


def test_a_normalize_step_has_no_weights():
    assert head_weights(HeadStep("normalize"), {}) == {}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"linear.weight": WEIGHT}, r"has the tensors \['linear.weight'\], not \['linear.bias', 'linear.weight'\]"),
        ({"linear.weight": WEIGHT, "linear.bias": BIAS, "more": BIAS}, "'more'"),
        (
            {"linear.weight": WEIGHT.T.copy(), "linear.bias": BIAS},
            r"linear.weight has shape \[3, 2\] where .* \[2, 3\]",
        ),
        (
            {"linear.weight": WEIGHT, "linear.bias": np.array([np.inf, 0], np.float32)},
            "linear.bias has values that are not",
        ),
        ({"linear.weight": WEIGHT, "linear.bias": BIAS.astype(np.int32)}, "linear.bias has dtype I32"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, tensors, message):
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    with pytest.raises(ModelLoadError, match=message):
        head_weights(STEP, {NAME: path})


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 9, b"\x02\0\0\0\0\0\0\0{}more", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"]
)
def test_a_file_that_is_not_safetensors_is_named(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelLoadError, match="cannot read .*model.safetensors"):
        head_weights(STEP, {NAME: path})


def test_pickles_are_not_read():
    with pytest.raises(ModelLoadError, match="2_Dense/pytorch_model.bin instead: that is a pickle"):
        head_weights(STEP, {"2_Dense/pytorch_model.bin": "never opened"})
