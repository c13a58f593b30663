"""What every format of texts is read as: rows, each a text and the fields that it comes with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ortembed.cli.formats.inputs import Input

EMBEDDING = "embedding"  # the field that a vector is written to; one that a source has already is replaced
TEXT = "text"


class Row(NamedTuple):
    """A row of a source.

    Attributes:
        text: What is embedded.
        fields: All of the row by name, the text among them, in the source's order.
    """

    text: str
    fields: dict[str, Any]


class Source(ABC):
    """Rows of texts in some format, read from the beginning each time.

    Attributes:
        format_name: What --format calls the format.
        columns: Those that even a table of no rows has, once it was read.
    """

    format_name: str
    columns: Sequence[str] = (TEXT,)

    def __init__(self, origin: Input, column: str | None) -> None:
        """Name what is read, and the column or key that has the texts, None to find it."""
        self.origin = origin
        self.asked_column = column

    @abstractmethod
    def rows(self, *, with_fields: bool = True) -> Iterator[Row]:
        """Give the rows in order; without fields where the format then reads less.

        Raises:
            InvalidInputError: Something does not fit the format; the message names source and row or line.
            OSError: It cannot be read.
        """

    def choose_column(self, names: Sequence[str], candidates: Sequence[str], where: str = "") -> str:
        """Give the column that was asked for, else "text", else the only candidate; names are all there are."""
        named = self.asked_column
        if named is None:
            named = TEXT if TEXT in candidates else candidates[0] if len(candidates) == 1 else None
        if named == EMBEDDING:
            raise InvalidInputError(
                f"{self.origin.label}: {EMBEDDING!r} is what the vectors are called; rename the texts"
            )
        if named is not None and named in names:
            return named
        shown = ", ".join(map(repr, names)) or "none"
        lacks = f'no single column of texts, nor "{TEXT}"' if named is None else f"no column {named!r}"
        raise InvalidInputError(f"{self.origin.label}{where} has {lacks}; name one with --column; it has: {shown}")
