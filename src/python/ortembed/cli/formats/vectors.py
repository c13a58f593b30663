"""Vectors that users have in files, as ``ortembed embed`` writes them, with their texts where a file has those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.cli.formats.parquet import Parquet
from ortembed.cli.formats.rows import EMBEDDING
from ortembed.cli.formats.sources import format_of, open_source
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from ortembed.cli.formats.rows import Source

    Floats = npt.NDArray[np.float32]


def read_vectors(path: Path) -> tuple[list[str] | None, Floats]:
    """Read vectors [n, dimension], with their texts where the file has them.

    Raises:
        InvalidInputError: The file is of no such kind, or what is in it does not fit; no pickles are read.
        OSError: It cannot be read.
    """
    texts: list[str] | None = None
    if path.suffix == ".npy":
        vectors = _check(str(path), _read_array(path))
    elif format_of(path.name) in {"jsonl", "parquet"}:
        texts, stored = read_rows(open_source(str(path)))
        if stored is None:
            raise InvalidInputError(f"{path} has no {EMBEDDING!r} beside its texts")
        vectors = stored
    else:
        raise InvalidInputError(f"{path} ends in none of .npy, .jsonl, .parquet")
    return texts, vectors


def read_rows(source: Source) -> tuple[list[str], Floats | None]:
    """Read all texts of a source, and their vectors where it has some. Errors as above."""
    label = source.origin.label
    if isinstance(source, Parquet):
        texts = [row.text for row in source.rows(with_fields=False)]
        stored = source.stored_vectors()
    else:
        rows = list(source.rows())
        texts = [row.text for row in rows]
        stored = _json_vectors([row.fields.get(EMBEDDING) for row in rows], label)
    return texts, None if stored is None else _check(label, stored)


def _check(label: str, vectors: npt.NDArray[Any]) -> Floats:
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not vectors.size:  # noqa: PLR2004 - rows and columns
        raise InvalidInputError(f"{label} has {vectors.dtype} {list(vectors.shape)}, not floats [n, dimension]")
    with np.errstate(over="ignore"):  # told below
        rows = vectors.astype(np.float32)
    if not np.isfinite(rows).all():
        raise InvalidInputError(f"{label} has values that are not finite as float32")
    return rows


def _read_array(path: Path) -> npt.NDArray[Any]:
    try:
        with path.open("rb") as file:
            array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # numpy's reader of headers lets errors of many kinds through
        raise InvalidInputError(f"{path} is not a .npy file that can be read: {error}") from error
    return array


def _json_vectors(vectors: list[Any], label: str) -> npt.NDArray[Any] | None:
    if not any(vector is not None for vector in vectors):
        return None
    try:
        array: npt.NDArray[Any] = np.array(vectors, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"{label}: the embeddings are not lists of numbers of one length") from error
    return array
