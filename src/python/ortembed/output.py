"""The array that a call's vectors are written into: a new one, or the caller's, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.errors import InvalidInputError
from ortembed.precision import output_columns, output_dtype

if TYPE_CHECKING:
    import numpy.typing as npt

    from ortembed.recipe import Recipe

    Vectors = npt.NDArray[Any]


def prepare_rows(out: object, rows: int, recipe: Recipe) -> Vectors:
    """Give an array [rows, d] of the recipe's dtype, where d is what its precision makes of the dimensions.

    Raises:
        InvalidInputError: The caller's is not that; the message says what it has to be.
    """
    shape, dtype = (rows, output_columns(recipe.precision, recipe.dimension)), output_dtype(recipe.precision)
    return np.empty(shape, dtype) if out is None else _checked(out, shape, dtype)


def prepare_states(out: object, tokens: int, hidden_size: int) -> npt.NDArray[np.float32]:
    """Give an array for the hidden states of tokens, float32 [tokens, hidden_size]. Raises as prepare_rows."""
    shape = (tokens, hidden_size)
    return np.empty(shape, np.float32) if out is None else _checked(out, shape, np.dtype(np.float32))


def prepare_row(out: object, recipe: Recipe) -> Vectors:
    """Give an array [1, d] for one text, over the caller's [d] if there is one. Raises InvalidInputError as above."""
    if out is None:
        return prepare_rows(None, 1, recipe)
    shape = (output_columns(recipe.precision, recipe.dimension),)
    return _checked(out, shape, output_dtype(recipe.precision))[np.newaxis]


def _checked(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Vectors:
    if not isinstance(out, np.ndarray) or out.shape != shape:
        found = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InvalidInputError(f"out must be a {dtype} array of shape {shape}, not {found}")
    if out.dtype != dtype:
        raise InvalidInputError(f"out must be of dtype {dtype}, not {out.dtype}")
    if not out.flags.writeable:
        raise InvalidInputError("out must be a writable numpy array")
    if not out.flags.carray:
        raise InvalidInputError("out must be C-contiguous, and aligned to its dtype")
    return out
