"""Parquet files of rows and their vectors: what rows of other formats become as tables, and the tables' writer."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ortembed.cli.formats.arrow import arrow
from ortembed.cli.formats.rows import EMBEDDING
from ortembed.cli.formats.writers import Completing, Writer
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ortembed.cli.formats.arrow import Schema, Table
    from ortembed.cli.formats.rows import Row, Source

    Vectors = npt.NDArray[Any]


class TableSchema:
    """The columns that rows have, learnt from all of them, since a key may come late.

    Attributes:
        is_mixed: Whether a column's values are not of one type throughout, so that some have to change.
    """

    def __init__(self, source: Source) -> None:
        """Begin with no columns of the source's rows.

        Raises:
            InvalidInputError: pyarrow is not installed.
        """
        self._source = source
        self._arrow = arrow("Parquet")
        self._schema: Schema = None
        self.is_mixed = False

    def learn(self, rows: Sequence[Row]) -> None:
        """Take the columns of further rows in.

        Raises:
            InvalidInputError: Values of a column are of kinds that no column can hold together.
        """
        with self._told():
            found = self._found(rows)
            before = found if self._schema is None else self._schema
            self._schema = self._unified(before, found)
        self.is_mixed |= any(self._schema.field(field.name).type != field.type for field in [*before, *found])

    def known(self) -> Schema:
        """Give the columns; those of no rows are the source's, of strings.

        Raises:
            InvalidInputError: Parquet cannot hold them, such as an object without keys.
        """
        base = self._arrow.base
        empty = [(name, base.string()) for name in self._source.columns if name != EMBEDDING]
        schema = base.schema(empty) if self._schema is None else self._schema
        with self._told():
            self._arrow.parquet.ParquetWriter(base.BufferOutputStream(), schema).close()
        return schema

    def table(self, rows: Sequence[Row]) -> Table:
        """Give rows as a table of the columns known.

        Raises:
            InvalidInputError: They do not fit.
        """
        base = self._arrow.base
        with self._told():
            array = self._array(rows, base.struct(list(self.known())))
            return base.Table.from_batches([base.RecordBatch.from_struct_array(array)])

    @property
    def is_known(self) -> bool:
        """Whether any rows have been learnt."""
        return self._schema is not None

    def check(self, rows: Sequence[Row], before: int) -> None:
        """Refuse rows of a stream, which follow so many others, where the columns known would change them.

        Raises:
            InvalidInputError: A column or key that no row before had, or a value of another type.
        """
        with self._told():
            found = self._found(rows)
        names = self._schema.names
        for field in found:
            known = self._schema.field(field.name) if field.name in names else None
            if known is None or not self._holds(known, field):
                told = f"{field.type} after {known.type}" if known else "a key that is missing"
                place = f"{self._source.origin.label}, rows {before + 1} to {before + len(rows)}"
                raise InvalidInputError(
                    f"{place}: {field.name!r} is {told} in the rows before; "
                    "a stream cannot be read ahead: write it to a file first, or write .jsonl"
                )

    def _found(self, rows: Sequence[Row]) -> Schema:
        return self._arrow.base.schema(list(self._array(rows, None).type))

    def _unified(self, one: Schema, other: Schema) -> Schema:
        return self._arrow.base.unify_schemas([one, other], promote_options="permissive")

    def _holds(self, known: Any, field: Any) -> bool:  # noqa: ANN401 - pyarrow has no types
        """Tell whether values of a field fit a column that is known, with all that they have."""
        try:
            both = self._unified(*(self._arrow.base.schema([one]) for one in (known, field)))
        except self._arrow.base.ArrowException:
            return False
        return bool(both.field(0).type == known.type)

    def _array(self, rows: Sequence[Row], kind: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        fields = [{name: value for name, value in row.fields.items() if name != EMBEDDING} for row in rows]
        return self._arrow.base.array(fields, kind)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except InvalidInputError:
            raise
        except (self._arrow.base.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise InvalidInputError(
                f"{self._source.origin.label}: the fields beside the texts do not fit the columns of a table "
                f"({error}); write .jsonl, or .npy"
            ) from error


class TableWriter(Completing):
    """A Parquet file of tables with a further column ``embedding``, lists of fixed size; a row group for each."""

    def __init__(self, file: BinaryIO, schema: Schema, size: int, dtype: np.dtype[Any]) -> None:
        """Begin with the tables' schema, and vectors of so many numbers of a dtype."""
        self._base = arrow("Parquet").base
        item = self._base.field("item", self._base.from_numpy_dtype(dtype), nullable=False)
        self._field = self._base.field(EMBEDDING, self._base.list_(item, size), nullable=False)
        self._schema = schema.append(self._field)
        self._writer = arrow("Parquet").parquet.ParquetWriter(file, self._schema)

    def append_table(self, table: Table, vectors: Vectors) -> None:
        """Write a table and its vectors [n, d]."""
        values = self._base.array(np.ascontiguousarray(vectors).reshape(-1))
        column = self._base.FixedSizeListArray.from_arrays(values, type=self._field.type)
        self._writer.write_table(table.append_column(self._field, column).cast(self._schema))

    def close(self) -> None:
        """Write the table of contents."""
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file: pyarrow would write to it when the writer is collected, and it is closed by then."""
        with suppress(Exception):
            self._writer.close()
        self._writer.is_open = False


class ParquetWriter(Writer):
    """Such a file of rows, which become tables."""

    def __init__(self, file: BinaryIO, columns: TableSchema, size: int, dtype: np.dtype[Any]) -> None:
        """Begin with the columns that rows have; those of the first rows where none are known."""
        self._file = file
        self._columns = columns
        self._vectors = size, dtype
        self._tables: TableWriter | None = None
        self._is_stream = not columns.is_known
        self._rows = 0

    def append(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Write rows as a row group.

        Raises:
            InvalidInputError: They do not fit the columns.
        """
        if not self._columns.is_known:
            self._columns.learn(rows)
        elif self._is_stream:
            self._columns.check(rows, self._rows)
        self._opened().append_table(self._columns.table(rows), vectors)
        self._rows += len(rows)

    def close(self) -> None:
        """Write the table of contents."""
        self._opened().close()

    def abandon(self) -> None:
        """Let go of the file."""
        if self._tables:
            self._tables.abandon()

    def _opened(self) -> TableWriter:
        if self._tables is None:
            self._tables = TableWriter(self._file, self._columns.known(), *self._vectors)
        return self._tables
