"""Parquet files, read a few thousand rows at a time."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.cli.formats.arrow import arrow
from ortembed.cli.formats.rows import EMBEDDING, Row, Source
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from ortembed.cli.formats.arrow import Arrow, Schema, Table
    from ortembed.cli.formats.inputs import Input

_BATCH_ROWS = 2048
_BUFFER_BYTES = 1 << 20  # so that a row group is not read as a whole


class Parquet(Source):
    """Tables with a column of strings. Vectors that a file has already are left out."""

    format_name = "parquet"

    def __init__(self, origin: Input, column: str | None) -> None:
        """Refuse a stream: the table of contents is at the end of the file.

        Raises:
            InvalidInputError: It is a stream, or pyarrow is not installed.
        """
        super().__init__(origin, column)
        if not origin.can_be_read_again:
            raise InvalidInputError(f"{origin.label} is a stream, and Parquet can only be read from a file")
        self._arrow: Arrow = arrow(origin.label)

    def rows(self, *, with_fields: bool = True) -> Iterator[Row]:
        """Give a row for each of the table, its values such as JSON has."""
        number = 0
        with self._open() as file:
            column = self._column(file)
            names = self._kept_names(file) if with_fields else [column]
            for table in self._tables(file, names, _BATCH_ROWS):
                texts = self._texts(table, column, number)
                fields = self._fields(table) if with_fields else ({column: text} for text in texts)
                yield from map(Row, texts, fields)
                number += table.num_rows

    def tables(self, rows: int) -> Iterator[Table]:
        """Give the rows as tables of all columns, as they are, of so many rows at most."""
        with self._open() as file:
            yield from self._tables(file, self._kept_names(file), rows)

    def schema(self) -> Schema:
        """Give the schema of those tables."""
        with self._open() as file:
            names = set(self._kept_names(file))
            schema = file.schema_arrow
            return self._arrow.base.schema([field for field in schema if field.name in names], schema.metadata)

    def stored_vectors(self) -> npt.NDArray[Any] | None:
        """Give the vectors [n, d] that the file has already, None for none.

        Raises:
            InvalidInputError: They are not lists of floats of one length.
        """
        with self._open() as file:
            if EMBEDDING not in file.schema_arrow.names:
                return None
            column = file.read(columns=[EMBEDDING]).column(EMBEDDING).combine_chunks()
            try:
                return np.asarray(column.flatten()).reshape(len(column), -1)
            except (AttributeError, TypeError, ValueError) as error:
                raise InvalidInputError(
                    f"{self.origin.label}: {EMBEDDING!r} is {column.type}, not lists of one length"
                ) from error

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file; what pyarrow says of a damaged one becomes an error that names it."""
        try:
            with self._arrow.parquet.ParquetFile(self.origin.path, buffer_size=_BUFFER_BYTES) as file:
                yield file
        except (self._arrow.base.ArrowException, UnicodeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InvalidInputError(f"{self.origin.label} is not a Parquet file that can be read: {error}") from error

    def _tables(self, file: Any, names: list[str], rows: int) -> Iterator[Table]:  # noqa: ANN401 - pyarrow has no types
        """Give tables, which end where a dictionary does, too: with the row group."""
        for batch in file.iter_batches(rows, columns=names):
            yield self._arrow.base.Table.from_batches([batch]).select(names)

    def _kept_names(self, file: Any) -> list[str]:  # noqa: ANN401
        names = file.schema_arrow.names
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise InvalidInputError(f"{self.origin.label} has more than one column {min(repeated)!r}")
        return [name for name in names if name != EMBEDDING]

    def _column(self, file: Any) -> str:  # noqa: ANN401
        schema = file.schema_arrow
        strings = [name for name in self._kept_names(file) if self._is_text(schema.field(name).type)]
        column = self.choose_column(self._kept_names(file), strings)
        if column not in strings:
            raise InvalidInputError(
                f"{self.origin.label}: column {column!r} is {schema.field(column).type}, not strings"
            )
        return column

    def _is_text(self, kind: Any) -> bool:  # noqa: ANN401
        base = self._arrow.base
        plain = kind.value_type if base.types.is_dictionary(kind) else kind
        return plain in (base.string(), base.large_string(), base.string_view())

    def _texts(self, table: Table, column: str, before: int) -> list[str]:
        texts: list[str] = table.column(column).to_pylist()
        if table.column(column).null_count:
            raise InvalidInputError(
                f"{self.origin.label}, row {before + texts.index(None) + 1}: {column!r} is null, not a string"  # type: ignore[arg-type]
            )
        return texts

    def _fields(self, table: Table) -> Iterator[dict[str, Any]]:
        names = table.schema.names
        for values in zip(*(self._values(table.column(name), name) for name in names), strict=True):
            yield {name: self._plain(value, name) for name, value in zip(names, values, strict=True)}

    def _values(self, column: Any, name: str) -> list[Any]:  # noqa: ANN401
        types = self._arrow.base.types
        try:
            if types.is_timestamp(column.type) or types.is_time(column.type):  # Python's own have no nanoseconds
                column = self._arrow.compute.cast(column, self._arrow.base.string())
            values: list[Any] = column.to_pylist()
        except (self._arrow.base.ArrowException, ValueError, OverflowError, LookupError) as error:
            told = str(error).split(". Install pandas")[0]  # which would help nobody here
            raise InvalidInputError(
                f"{self.origin.label}: column {name!r} is {column.type}, with values that have no form in JSON "
                f"({told}); write .parquet or .npy"
            ) from error
        return values

    def _plain(self, value: Any, name: str) -> Any:  # noqa: ANN401 - any value of JSON
        """Give what JSON has for a value: null for NaN, words for dates and decimals."""
        if value is None or isinstance(value, (str, int)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, (list, tuple)):
            return [self._plain(item, name) for item in value]
        if isinstance(value, dict):
            return {str(key): self._plain(item, name) for key, item in value.items()}
        if isinstance(value, bytes):
            raise InvalidInputError(
                f"{self.origin.label}: column {name!r} has bytes, which JSON cannot hold; write .parquet or .npy"
            )
        return str(value)
