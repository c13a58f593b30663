"""Similarity of two sets of vectors, as sentence-transformers' similarity functions define it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


def similarity(function: str, a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Give float32 [n, m], entry i, j comparing a[i] with b[j]; a vector alone counts as one row.

    Args:
        function: "cosine", "dot", or one of the distances "euclidean" and "manhattan", which are negative so that
            more is nearer.
        a: [n, d] or [d].
        b: [m, d] or [d].

    Raises:
        InvalidInputError: Something is not an array of numbers, or holds codes of 8 bits, or the shapes do not fit.
    """
    left, right = _matrix(a, "a"), _matrix(b, "b")
    if left.shape[1] != right.shape[1]:
        raise InvalidInputError(f"a has vectors of {left.shape[1]} values and b of {right.shape[1]}")
    return np.asarray(_FUNCTIONS[function](left, right), np.float32)


def _dot(left: Floats, right: Floats) -> Floats:
    product: Floats = left @ right.T
    return product


def _cosine(left: Floats, right: Floats) -> Floats:
    return _dot(_unit(left), _unit(right))


def _euclidean(left: Floats, right: Floats) -> npt.NDArray[np.float64]:
    # In float64, where what the differences of squares lose is far below float32's own precision.
    a, b = left.astype(np.float64), right.astype(np.float64)
    squares = (a * a).sum(axis=1)[:, np.newaxis] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    distances: npt.NDArray[np.float64] = np.sqrt(np.maximum(squares, 0))
    return -distances


def _manhattan(left: Floats, right: Floats) -> Floats:
    distances = np.empty((len(left), len(right)), np.float32)
    for row, vector in zip(distances, left, strict=True):  # all at once would take n m d values
        np.abs(right - vector).sum(axis=1, out=row)
    return -distances


_FUNCTIONS = {"cosine": _cosine, "dot": _dot, "euclidean": _euclidean, "manhattan": _manhattan}
SIMILARITIES = tuple(_FUNCTIONS)


def _matrix(vectors: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    try:
        array = np.asarray(vectors)
        matrix = np.atleast_2d(array.astype(np.float32, copy=False))
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"{name} is not an array of numbers: {error}") from error
    if array.dtype in (np.int8, np.uint8):
        raise InvalidInputError(
            f"{name} has codes ({array.dtype}), not values; compare the float vectors, or count equal bits of binary "
            "codes"
        )
    if matrix.ndim != 2:  # noqa: PLR2004
        raise InvalidInputError(f"{name} must be [n, d] or [d], not {matrix.ndim}-dimensional")
    return matrix


def _unit(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(norms, 1e-12), np.float32)
