"""Similarity functions against their definitions, computed value by value."""

import math

import numpy as np
import pytest

from ortembed import InvalidInputError
from ortembed.similarity import SIMILARITIES, similarity

A = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5], [0.0, 0.0, 0.0]], np.float32)
B = np.array([[1.0, 2.0, 3.0], [4.0, -2.0, 1.0]], np.float32)


def norm(vector):
    return max(math.sqrt(sum(x * x for x in vector)), 1e-12)


DEFINITIONS = {
    "cosine": lambda a, b: sum(x * y for x, y in zip(a, b, strict=True)) / (norm(a) * norm(b)),
    "dot": lambda a, b: sum(x * y for x, y in zip(a, b, strict=True)),
    "euclidean": lambda a, b: -math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True))),
    "manhattan": lambda a, b: -sum(abs(x - y) for x, y in zip(a, b, strict=True)),
}


@pytest.mark.parametrize("function", SIMILARITIES)
def test_each_function_is_as_defined(function):
    expected = [[DEFINITIONS[function](a, b) for b in B.tolist()] for a in A.tolist()]
    scores = similarity(function, A, B)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("function", SIMILARITIES)
def test_a_vector_alone_is_one_row(function):
    assert similarity(function, A[0], B).tolist() == similarity(function, A[:1], B).tolist()
    assert similarity(function, A, B[1]).shape == (3, 1)
    assert similarity(function, np.empty((0, 3), np.float32), B).shape == (0, 2)


def test_distances_of_near_vectors_keep_their_digits():
    a = np.full((1, 384), 1 / math.sqrt(384), np.float32)
    b = a.copy()
    b[0, 0] += 1e-4
    step = float(b[0, 0]) - float(a[0, 0])
    assert similarity("euclidean", a, a).tolist() == [[0.0]]
    assert similarity("euclidean", a, b)[0, 0] == pytest.approx(-step, rel=1e-3)


def test_vectors_must_fit():
    with pytest.raises(InvalidInputError, match="a has vectors of 3 values and b of 2"):
        similarity("dot", A, B[:, :2])
    with pytest.raises(InvalidInputError, match="b must be \\[n, d\\] or \\[d\\], not 3-dimensional"):
        similarity("dot", A, B[np.newaxis])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_codes_are_refused(dtype):
    with pytest.raises(InvalidInputError, match=rf"b has codes \({np.dtype(dtype)}\), not values; compare the float"):
        similarity("cosine", A, B.astype(dtype))


@pytest.mark.parametrize("value", ["x", {}, 10**400])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(InvalidInputError, match="a is not an array of numbers"):
        similarity("dot", [value], B)
