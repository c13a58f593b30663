"""Comma- and tab-separated values, whose first row names the columns."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from ortembed.cli.formats.rows import Row, Source
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ortembed.cli.formats.inputs import Input

_DELIMITERS = {"csv": ",", "tsv": "\t"}
_MAX_FIELD = 1 << 24  # characters; the standard library's limit would refuse texts of 128 kB


class Delimited(Source):
    """Rows of fields, quoted as spreadsheets do; blank lines are none."""

    def __init__(self, origin: Input, column: str | None, format_name: str) -> None:
        """Name the format, csv or tsv, beside what every source has."""
        super().__init__(origin, column)
        self.format_name = format_name

    def rows(self, *, with_fields: bool = True) -> Iterator[Row]:  # noqa: ARG002 - they are read in any case
        """Give a row for each record after the first."""
        records = self._records()
        line, header = next(records, (0, None))
        if header is None:
            raise InvalidInputError(f"{self.origin.label} is empty, where a first row should name the columns")
        repeated = {name for name in header if header.count(name) > 1}
        if repeated:
            raise InvalidInputError(f"{self.origin.label} has more than one column {min(repeated)!r}")
        self.columns = header
        index = header.index(self.choose_column(header, header))
        for line, record in records:
            if len(record) != len(header):
                raise InvalidInputError(
                    f"{self.origin.label}, line {line}: {len(record)} fields, where there are {len(header)} columns"
                )
            yield Row(record[index], dict(zip(header, record, strict=True)))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Give each record with the line that it begins in."""
        csv.field_size_limit(_MAX_FIELD)
        reader = csv.reader(self.origin.lines(), delimiter=_DELIMITERS[self.format_name], strict=True)
        line = 1
        try:
            for record in reader:
                if record:
                    yield line, record
                line = reader.line_num + 1
        except csv.Error as error:
            raise InvalidInputError(f"{self.origin.label}, line {line}: {_told(str(error))}") from error


def _told(error: str) -> str:
    """Give what helps with an error of the standard library's."""
    if "new-line character" in error:
        return "a carriage return in a field that is not quoted; lines have to end with a newline"
    return f"{error}; is a quote not closed?" if "end of data" in error or "limit" in error else error
