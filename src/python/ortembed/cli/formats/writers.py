"""Files of vectors in the making: rows and their vectors are appended, a chunk at a time."""

from __future__ import annotations

import io
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ortembed.cli.formats.rows import EMBEDDING
from ortembed.decimals import decimals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt
    from typing_extensions import Self

    from ortembed.cli.formats.rows import Row

    Vectors = npt.NDArray[Any]


class Completing(ABC):
    """What completes a file at the end of a with block that goes well."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Complete the file, if all is well, and let go of it."""
        try:
            if kind is None:
                self.close()
        finally:
            self.abandon()

    @abstractmethod
    def close(self) -> None:
        """Complete what was written; the file stays open."""

    def abandon(self) -> None:  # noqa: B027 - most have nothing to do
        """Let go of the file, complete or not."""


class Writer(Completing):
    """What writes rows to a file that is open."""

    needs_fields = True

    @abstractmethod
    def append(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Write rows with their vectors [n, d]."""


class ArrayWriter(Writer):
    """A .npy file, whose header is written first and made anew at the end where there are other numbers of rows."""

    needs_fields = False

    def __init__(self, file: BinaryIO, shape: tuple[int, int], dtype: np.dtype[Any], *, written: int = 0) -> None:
        """Write the header, unless so many rows are written already."""
        self._file = file
        self._expected, self._columns = shape
        self._dtype = dtype
        self._rows = written
        if not written:
            file.write(_header(self._expected, self._columns, dtype))

    def append(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Write the vectors, and nothing of the rows."""
        self._file.write(np.ascontiguousarray(vectors, self._dtype).data)
        self._rows += len(rows)

    def close(self) -> None:
        """Tell in the header how many rows there are."""
        if self._rows != self._expected:
            self._file.seek(0)
            self._file.write(_header(self._rows, self._columns, self._dtype))


class JsonLinesWriter(Writer):
    """A line of JSON for each row: its fields, and its vector."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin, or go on."""
        self._file = file

    def append(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Write the lines."""
        self._file.writelines(line.encode("ascii") for line in json_lines(rows, vectors))

    def close(self) -> None:
        """There is nothing to complete."""


def json_lines(rows: Iterable[Row], vectors: Iterable[Vectors]) -> Iterator[str]:
    """Give a line of JSON, in ASCII, for each row and its vector."""
    for vector, row in zip(vectors, rows, strict=True):  # an error comes from the vectors, after those before it
        fields = json.dumps({name: value for name, value in row.fields.items() if name != EMBEDDING})
        numbers = decimals(vector).decode("ascii") if vector.dtype.kind == "f" else json.dumps(vector.tolist())
        yield f'{fields[:-1]}, "{EMBEDDING}": {numbers}}}\n'


def _header(rows: int, columns: int, dtype: np.dtype[Any]) -> bytes:
    """Give the header of a .npy file, of the same length for any number of rows: numpy leaves room for it to grow."""
    buffer = io.BytesIO()
    described = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (rows, columns),
    }
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()
