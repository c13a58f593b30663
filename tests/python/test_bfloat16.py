"""Weights as bfloat16: each float32 to the nearest, as the library that numpy's types come from rounds it."""

import ml_dtypes
import numpy as np
from onnx import TensorProto

from ortembed.prepare.graph import GraphBuilder
from ortembed.prepare.packed.bfloat16 import bfloat16_bits, bfloat16_floats

HALF = 2.0**-8  # between 1 and its next neighbour in bfloat16


def test_ties_go_to_the_even_neighbour():
    values = np.array([[1 + HALF, 1 + 3 * HALF, 1 + HALF * 1.001, -1 - HALF, 0.0, -0.0]], np.float32)
    expected = [[1, 1 + 4 * HALF, 1 + 2 * HALF, -1, 0, 0]]
    np.testing.assert_array_equal(bfloat16_floats(bfloat16_bits(values)), expected)


def test_random_values_round_as_elsewhere():
    random = np.random.default_rng(0)
    sizes = 10.0 ** random.integers(-37, 38, (5000, 1))
    values = (random.standard_normal((5000, 7)) * sizes).astype(np.float32)
    values = np.concatenate([values, np.full((1, 7), 1e-40, np.float32)])  # a denormal
    expected = values.astype(ml_dtypes.bfloat16).view(np.uint16)
    np.testing.assert_array_equal(bfloat16_bits(values), expected)
    np.testing.assert_array_equal(bfloat16_bits(values.T), expected.T)


def test_a_graph_says_what_the_bits_are(tmp_path):
    with GraphBuilder(tmp_path) as graph:
        for name, rows in (("inside", 2), ("beside", 9000)):
            graph.weight(name, np.ones((rows, 3), np.uint16), TensorProto.BFLOAT16)
        inside, beside = graph.weights
    assert {inside.data_type, beside.data_type} == {TensorProto.BFLOAT16}
    assert inside.raw_data == b"\1\0" * 6
    assert beside.data_location == TensorProto.EXTERNAL
    assert (tmp_path / "model.onnx.data").stat().st_size == 9000 * 3 * 2
