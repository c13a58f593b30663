"""Similarity of two sets of vectors, as sentence-transformers' similarity functions define it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt


def similarity(function: str, a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Give float32 [n, m], entry i, j comparing a[i] with b[j]; a vector alone counts as one row.

    Args:
        function: "cosine" or "dot".
        a: [n, d] or [d].
        b: [m, d] or [d].

    Raises:
        InvalidInputError: The shapes do not fit.
    """
    left, right = _matrix(a, "a"), _matrix(b, "b")
    if left.shape[1] != right.shape[1]:
        raise InvalidInputError(f"a has vectors of {left.shape[1]} values and b of {right.shape[1]}")
    if function == "cosine":
        left, right = _unit(left), _unit(right)
    return np.asarray(left @ right.T, np.float32)


def _matrix(vectors: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    try:
        matrix = np.atleast_2d(np.asarray(vectors, np.float32))
    except ValueError as error:
        raise InvalidInputError(f"{name} is not an array of numbers: {error}") from error
    if matrix.ndim != 2:  # noqa: PLR2004
        raise InvalidInputError(f"{name} must be [n, d] or [d], not {matrix.ndim}-dimensional")
    return matrix


def _unit(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(norms, 1e-12), np.float32)
