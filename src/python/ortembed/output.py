"""The array that a call's vectors are written into: a new one, or the caller's, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ortembed.recipe import Recipe

    Vectors = npt.NDArray[Any]


def prepare_rows(out: object, rows: int, recipe: Recipe) -> Vectors:
    """Give an array [rows, d] of the recipe's dtype.

    Raises:
        InvalidInputError: The caller's is not that; the message says what it has to be.
    """
    shape = (rows, recipe.dimension)
    return np.empty(shape, np.float32) if out is None else _checked(out, shape)


def prepare_row(out: object, recipe: Recipe) -> Vectors:
    """Give an array [1, d] for one text, over the caller's [d] if there is one. Raises InvalidInputError as above."""
    if out is None:
        return np.empty((1, recipe.dimension), np.float32)
    return _checked(out, (recipe.dimension,))[np.newaxis]


def _checked(out: object, shape: tuple[int, ...]) -> Vectors:
    if not isinstance(out, np.ndarray) or out.shape != shape:
        found = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InvalidInputError(f"out must be a float32 array of shape {shape}, not {found}")
    if out.dtype != np.float32:
        raise InvalidInputError(f"out must be of dtype float32, not {out.dtype}")
    if not out.flags.writeable:
        raise InvalidInputError("out must be a writable numpy array")
    if not out.flags.carray:
        raise InvalidInputError("out must be C-contiguous, and aligned to its dtype")
    return out
