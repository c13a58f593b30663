"""From vectors that lie beside the target to the target itself: for Parquet, and for codes that need ranges."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from ortembed.cli.formats.parquet import Parquet
from ortembed.cli.formats.parquet_writer import ParquetWriter, TableSchema, TableWriter
from ortembed.cli.formats.writers import ArrayWriter, JsonLinesWriter
from ortembed.precision import choose_ranges, quantize_embeddings, takes_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from ortembed.cli.formats.rows import Source
    from ortembed.cli.formats.writers import Writer

    Vectors = npt.NDArray[Any]

_ROWS = 4096  # a row group of a Parquet file; more than it takes to compress well, and a few MB


class Stage(NamedTuple):
    """Vectors as a .npy file: float32 where codes are to be made of them, else as they shall be.

    Attributes:
        path: The file.
        rows: How many.
        precision: Number format that they shall have.
        columns: Numbers in a vector.
        dtype: Their dtype in the end.
    """

    path: Path
    rows: int
    precision: str
    columns: int
    dtype: np.dtype[Any]

    def vectors(self) -> Iterator[Vectors]:
        """Give them, some thousand at a time, as they shall be."""
        if not takes_ranges(self.precision):
            yield from self._stored()
        elif self.rows:
            ranges = self._ranges()
            for part in self._stored():
                yield quantize_embeddings(part, self.precision, ranges)

    def _stored(self) -> Iterator[Vectors]:
        """Read them, rather than map the file, whose pages would count as memory of ours."""
        with self.path.open("rb") as file:
            np.lib.format.read_magic(file)
            _, _, dtype = np.lib.format.read_array_header_1_0(file)
            for start in range(0, self.rows, _ROWS):
                count = min(_ROWS, self.rows - start)
                yield np.fromfile(file, dtype, count * self.columns).reshape(count, self.columns)

    def _ranges(self) -> Vectors | None:
        parts = self._stored()
        first = next(parts)
        if self.rows <= _ROWS:  # few enough that a warning may be due
            return choose_ranges(self.precision, None, first)
        low, high = first.min(axis=0), first.max(axis=0)
        for part in parts:
            low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
        return np.stack([low, high])


def transcribe(source: Source, stage: Stage, file: BinaryIO, suffix: str, columns: TableSchema | None) -> None:
    """Write rows with their vectors; columns are those of a table of rows that come from none."""
    if suffix == ".parquet" and isinstance(source, Parquet):
        _transcribe_tables(source, stage, file)
        return
    writer: Writer
    if columns:
        writer = ParquetWriter(file, columns, stage.columns, stage.dtype)
    elif suffix == ".jsonl":
        writer = JsonLinesWriter(file)
    else:
        writer = ArrayWriter(file, (stage.rows, stage.columns), stage.dtype)
    rows = source.rows(with_fields=writer.needs_fields)
    with writer:
        for vectors in stage.vectors():
            writer.append(list(islice(rows, len(vectors))), vectors)


def _transcribe_tables(source: Parquet, stage: Stage, file: BinaryIO) -> None:
    rows = chain.from_iterable(stage.vectors())
    with TableWriter(file, source.schema(), stage.columns, stage.dtype) as writer:
        for table in source.tables(_ROWS):
            writer.append_table(table, np.stack(list(islice(rows, table.num_rows))))
