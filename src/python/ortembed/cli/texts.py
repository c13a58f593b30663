"""Reading texts and vectors that users have in files."""

from __future__ import annotations

import codecs
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ortembed.cli.streams import standard_input
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_lines(name: str) -> list[str]:
    """Read a UTF-8 file, one text a line; ``-`` is standard input. A byte order mark at the start is left out.

    Raises:
        InvalidInputError: It is not UTF-8 text; the message tells where.
        OSError: It cannot be read.
    """
    with open_lines(name) as lines:
        return list(lines)


@contextmanager
def open_lines(name: str) -> Iterator[Iterator[str]]:
    """Open such a file, to be read as the lines are taken. Errors as above, those of the text in their turn."""
    if name == "-":
        yield _lines(standard_input(), "standard input")
        return
    with Path(name).open("rb") as file:
        yield _lines(file, name)


def _lines(file: BinaryIO, source: str) -> Iterator[str]:
    # Only newlines end a text: str.splitlines would also split at form feeds and Unicode separators.
    for number, line in enumerate(file, 1):
        data = line
        if number == 1:
            if line.startswith(_UTF16_MARKS):
                raise InvalidInputError(f"{source} is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
            data = line.removeprefix(codecs.BOM_UTF8)
            if not data:  # a mark and nothing after it
                return
        yield _decode(data, f"line {number}", source)


def _decode(data: bytes, place: str, source: str) -> str:
    if b"\0" in data:
        raise InvalidInputError(f"{source} is not a text: {place} has a zero byte")
    try:
        return data.removesuffix(b"\r\n").removesuffix(b"\n").decode("utf-8")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise InvalidInputError(
            f"{source} is not UTF-8: {place} has byte 0x{byte:02x}; convert it first with iconv"
        ) from error


def read_vectors(path: Path) -> tuple[list[str] | None, Floats]:
    """Read vectors [n, dimension] as ``ortembed embed`` writes them, with their texts where the file has them.

    Raises:
        InvalidInputError: The file is neither .npy nor .jsonl, or what is in it does not fit; no pickles are read.
        OSError: It cannot be read.
    """
    if path.suffix == ".npy":
        texts, vectors = None, _read_array(path)
    elif path.suffix == ".jsonl":
        texts, vectors = _read_json_lines(path)
    else:
        raise InvalidInputError(f"{path} ends in neither .npy nor .jsonl")
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or not vectors.size:  # noqa: PLR2004 - rows and columns
        raise InvalidInputError(f"{path} has {vectors.dtype} {list(vectors.shape)}, not floats [n, dimension]")
    with np.errstate(over="ignore"):  # told below
        rows = vectors.astype(np.float32)
    if not np.isfinite(rows).all():
        raise InvalidInputError(f"{path} has values that are not finite as float32")
    return texts, rows


def _read_array(path: Path) -> npt.NDArray[Any]:
    try:
        with path.open("rb") as file:
            array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # numpy's reader of headers lets errors of many kinds through
        raise InvalidInputError(f"{path} is not a .npy file that can be read: {error}") from error
    return array


def _read_json_lines(path: Path) -> tuple[list[str], npt.NDArray[Any]]:
    rows = [_read_row(path, number, line) for number, line in enumerate(read_lines(str(path)), 1)]
    try:
        return [text for text, _ in rows], np.array([vector for _, vector in rows], np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"{path}: the embeddings are not lists of numbers of one length") from error


def _read_row(path: Path, number: int, line: str) -> tuple[str, list[object]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path}, line {number}: not JSON: {error}") from error
    if (
        not isinstance(row, dict)
        or not isinstance(row.get("text"), str)
        or not isinstance(row.get("embedding"), list)
    ):
        raise InvalidInputError(f'{path}, line {number}: not an object with "text" and "embedding"')
    return row["text"], row["embedding"]
