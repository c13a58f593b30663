"""Plain text, one text a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.cli.formats.rows import TEXT, Row, Source
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator


class TextLines(Source):
    """A text a line, empty ones too."""

    format_name = "txt"

    def rows(self, *, with_fields: bool = True) -> Iterator[Row]:  # noqa: ARG002 - there is nothing but the text
        """Give a row for each line."""
        if self.asked_column is not None:
            raise InvalidInputError(
                f"{self.origin.label} is read as one text a line, which has no columns; "
                "leave --column out, or name the format with --format"
            )
        for line in self.origin.lines():
            text = line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line
            yield Row(text, {TEXT: text})
