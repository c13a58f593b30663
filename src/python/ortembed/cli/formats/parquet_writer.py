"""Parquet files of rows and their vectors: what rows of other formats become as tables, and the tables' writer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ortembed.cli.formats.arrow import arrow
from ortembed.cli.formats.rows import EMBEDDING, TEXT
from ortembed.cli.formats.writers import Writer
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from ortembed.cli.formats.arrow import Schema, Table
    from ortembed.cli.formats.rows import Row

    Vectors = npt.NDArray[Any]


class TableSchema:
    """The columns that rows have, learnt from all of them, since a key may come late.

    Attributes:
        label: What messages call the rows' source.
    """

    def __init__(self, label: str) -> None:
        """Begin with no columns.

        Raises:
            InvalidInputError: pyarrow is not installed.
        """
        self.label = label
        self._arrow = arrow("Parquet")
        self._schema: Schema = None

    def learn(self, rows: Sequence[Row]) -> None:
        """Take the columns of further rows in.

        Raises:
            InvalidInputError: Values of a column are of kinds that no column can hold together.
        """
        with self._told():
            found = self._arrow.base.schema(list(self._array(rows, None).type))
            known = [found] if self._schema is None else [self._schema, found]
            self._schema = self._arrow.base.unify_schemas(known, promote_options="permissive")

    def known(self) -> Schema:
        """Give the columns; those of no rows are a text.

        Raises:
            InvalidInputError: Parquet cannot hold them, such as an object without keys.
        """
        base = self._arrow.base
        schema = base.schema([(TEXT, base.string())]) if self._schema is None else self._schema
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

    def check(self, rows: Sequence[Row]) -> None:
        """Raise InvalidInputError for rows of a stream that have a column which no row before had."""
        names = {EMBEDDING, *self.known().names}
        late = next((name for row in rows for name in row.fields if name not in names), None)
        if late is not None:
            raise InvalidInputError(
                f"{self.label} has a key {late!r} that its first rows lack, and a stream cannot be read ahead: write "
                "it to a file first, or write .jsonl"
            )

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
                f"{self.label}: the fields beside the texts do not fit the columns of a table ({error}); "
                "write .jsonl, or .npy"
            ) from error


class TableWriter:
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


class ParquetWriter(Writer):
    """Such a file of rows, which become tables."""

    def __init__(self, file: BinaryIO, columns: TableSchema, size: int, dtype: np.dtype[Any]) -> None:
        """Begin with the columns that rows have; those of the first rows where none are known."""
        self._file = file
        self._columns = columns
        self._vectors = size, dtype
        self._tables: TableWriter | None = None

    def append(self, rows: Sequence[Row], vectors: Vectors) -> None:
        """Write rows as a row group.

        Raises:
            InvalidInputError: They do not fit the columns.
        """
        if not self._columns.is_known:
            self._columns.learn(rows)
        self._columns.check(rows)
        self._opened().append_table(self._columns.table(rows), vectors)

    def close(self) -> None:
        """Write the table of contents."""
        self._opened().close()

    def _opened(self) -> TableWriter:
        if self._tables is None:
            self._tables = TableWriter(self._file, self._columns.known(), *self._vectors)
        return self._tables
