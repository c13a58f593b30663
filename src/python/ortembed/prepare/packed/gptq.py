"""Rounding a weight's rows one after the other, each row's error made good by those to come.

Frantar et al. 2022, GPTQ, arXiv:2210.17323.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_LARGEST_CODE = 127
_DAMPING = 0.1  # of the mean square of a channel, added to each; measured: docs/int8.md
_ROWS_AT_ONCE = 64
_TINY = np.float32(1e-12)  # in place of the scale of what is all zero


class RoundedColumns(NamedTuple):
    """A weight in int8.

    Attributes:
        codes: int8 [inputs, outputs], 0 in rows that are kept.
        scale: What a code of each column is worth, float32 [outputs].
        kept: The rows that are kept, with what they make good: float32 [rows, outputs].
    """

    codes: npt.NDArray[np.int8]
    scale: Floats
    kept: Floats


def round_columns(weight: Floats, products: Floats, keep: npt.NDArray[np.int64]) -> RoundedColumns:
    """Round float32 [inputs, outputs] so that the outputs change least.

    Args:
        weight: What to round.
        products: Mean products of the inputs, float32 [inputs, inputs].
        keep: Rows that stay float, int64 [rows].
    """
    order = _order(products, keep)
    rest, count = weight[order], len(weight) - len(keep)
    codes = np.zeros(weight.shape, np.int8)
    scale = np.maximum(np.abs(rest[:count]).max(axis=0, initial=0) / np.float32(_LARGEST_CODE), _TINY)
    factor = _inverse_factor(products[np.ix_(order, order)])
    for start in range(0, count, _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, count)
        errors = np.empty((end - start, rest.shape[1]), np.float32)
        for row in range(start, end):
            rounded = np.clip(np.rint(rest[row] / scale), -_LARGEST_CODE, _LARGEST_CODE)
            codes[order[row]] = rounded
            error = (rest[row] - rounded * scale) / factor[row, row]
            rest[row + 1 : end] -= factor[row, row + 1 : end, None] * error
            errors[row - start] = error
        rest[end:] -= factor[start:end, end:].T @ errors
    return RoundedColumns(codes, scale, rest[count:])


def _order(products: Floats, keep: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Put what counts most first, since most can make it good; what is kept can make good all."""
    order = np.argsort(-products.diagonal(), kind="stable")
    return np.concatenate([order[~np.isin(order, keep)], keep])


def _inverse_factor(products: Floats) -> Floats:
    """Give the upper triangular U with U^T U the inverse of the damped products."""
    damped = products.astype(np.float64)
    damped[np.diag_indices_from(damped)] += max(_DAMPING * damped.trace() / len(damped), float(_TINY))
    return np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
