"""Number formats of vectors, as sentence-transformers defines them, and the ranges that int8 and uint8 divide."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ortembed import _native
from ortembed.callers import callers_level
from ortembed.errors import InvalidInputError
from ortembed.responses import CalibrationWarning

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_DTYPES: dict[str, type[np.float32 | np.float16 | np.int8 | np.uint8]] = {
    "float32": np.float32,
    "float16": np.float16,
    "int8": np.int8,
    "uint8": np.uint8,
    "binary": np.int8,
    "ubinary": np.uint8,
}
PRECISIONS = tuple(_DTYPES)
_ENOUGH_VECTORS = 100  # to take ranges from without a warning, as in sentence-transformers


def quantize_embeddings(
    embeddings: npt.ArrayLike,
    precision: str,
    ranges: npt.ArrayLike | None = None,
    calibration_embeddings: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float32 | np.float16 | np.int8 | np.uint8]:
    """Turn vectors into a smaller number format, with the codes that sentence-transformers' function gives.

    Args:
        embeddings: Floats [n, d] or [d]; float64 is rounded to float32 first.
        precision: "float32"; "float16", rounded to nearest; "uint8", which of 256 steps of its dimension's range a
            value lies in, the first or last for one outside; "int8", the same minus 128; "ubinary", a bit for each
            value, 1 above zero, eight to a byte with the first highest, padded with 0; "binary", the same minus 128.
        ranges: Floats [2, d], smallest and largest value of each dimension; used by int8 and uint8 alone.
        calibration_embeddings: Floats [m, d], at least 2, to take ranges from where they are not given. Without
            either they are taken from the embeddings themselves, with a CalibrationWarning for fewer than 100.

    Returns:
        An array of the precision's dtype (int8 for "binary", uint8 for "ubinary"): [n, d] or [d], where d becomes
        ceil(d / 8) for "binary" and "ubinary".

    Raises:
        InvalidInputError: Something is not an array of floats or does not fit; ranges would come from a single
            vector; a value is NaN, for which there is no code, or not finite where ranges are taken from it.
    """
    vectors = _floats(embeddings, "embeddings", (1, 2))
    rows = np.atleast_2d(vectors)
    out = np.empty((len(rows), output_columns(precision, rows.shape[1])), output_dtype(precision))
    if len(rows):
        calibration = (
            None
            if calibration_embeddings is None
            else _floats(calibration_embeddings, "calibration_embeddings", (2,))
        )
        codes_ranges = choose_ranges(precision, ranges, rows, calibration)
        _native.quantize(rows, precision, out=out, ranges=codes_ranges)
    return out[0] if vectors.ndim == 1 else out


def output_dtype(precision: str) -> np.dtype[np.float32 | np.float16 | np.int8 | np.uint8]:
    """Give the dtype of a precision's numbers.

    Raises:
        InvalidInputError: There is no such precision.
    """
    if not isinstance(precision, str) or precision not in _DTYPES:
        raise InvalidInputError(f"precision is {precision!r}, not one of {', '.join(PRECISIONS)}")
    return np.dtype(_DTYPES[precision])


def output_columns(precision: str, dimensions: int) -> int:
    """Give how many numbers a vector of so many dimensions takes."""
    return -(-dimensions // 8) if precision in {"binary", "ubinary"} else dimensions


def takes_ranges(precision: str) -> bool:
    """Tell whether a precision's codes depend on ranges."""
    return precision in {"int8", "uint8"}


def choose_ranges(
    precision: str, ranges: npt.ArrayLike | None, rows: Floats, calibration: Floats | None = None
) -> Floats | None:
    """Give the ranges that int8 and uint8 codes of rows [n, d] divide: those given, else calibration's, else theirs.

    Returns:
        float32 [2, d], C-contiguous; None for a precision that takes none.
    """
    if not takes_ranges(precision):
        return None
    if ranges is not None:
        return check_ranges(ranges, rows.shape[1])
    source = rows if calibration is None else calibration
    if len(source) < 2:  # noqa: PLR2004 - one vector's ranges are empty
        raise InvalidInputError(
            f"{precision} ranges cannot be taken from {len(source)} vectors; give ranges, or more"
        )
    if calibration is None and len(source) < _ENOUGH_VECTORS:
        warnings.warn(
            f"{precision} ranges are taken from {len(source)} vectors; give ranges, or {_ENOUGH_VECTORS} vectors or "
            "more, so that codes of other calls compare with these",
            CalibrationWarning,
            stacklevel=callers_level(),
        )
    return check_ranges(_native.column_ranges(source), rows.shape[1])


def check_ranges(ranges: npt.ArrayLike, dimensions: int) -> Floats:
    """Give ranges as float32 [2, dimensions], C-contiguous. Their values are checked where they are used.

    Raises:
        InvalidInputError: They are not floats of that shape.
    """
    checked = _floats(ranges, "ranges", (2,))
    if checked.shape != (2, dimensions):
        raise InvalidInputError(f"ranges must be [2, {dimensions}], smallest and largest values, not {checked.shape}")
    return checked


def _floats(values: npt.ArrayLike, name: str, ranks: tuple[int, ...]) -> Floats:
    """Give values as float32, C-contiguous and aligned; refuse what is no array of floats of one of the ranks."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"{name} is not an array of floats: {error}") from error
    if array.dtype.kind != "f":
        raise InvalidInputError(f"{name} must be of a float dtype, not {array.dtype}")
    if array.ndim not in ranks:
        raise InvalidInputError(f"{name} must be {' or '.join(map(str, ranks))}-dimensional, not {array.ndim}")
    return np.require(array, np.float32, ["C", "A"])
