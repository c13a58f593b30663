"""JSON lines: an object a line."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from ortembed.cli.formats.rows import Row, Source
from ortembed.errors import InvalidInputError
from ortembed.tokenizer import check_unicode

if TYPE_CHECKING:
    from collections.abc import Iterator


class JsonLines(Source):
    """Objects with a text under some key, each with keys of its own; blank lines are none."""

    format_name = "jsonl"

    def rows(self, *, with_fields: bool = True) -> Iterator[Row]:  # noqa: ARG002 - they are read in any case
        """Give a row for each object."""
        column = None
        for number, line in enumerate(self.origin.lines(), 1):
            if not line.strip():
                continue
            where = f", line {number}"
            fields = self._object(line, where)
            if column is None:
                column = self.choose_column(list(fields), [k for k, v in fields.items() if isinstance(v, str)], where)
            yield Row(self._text(fields, column, where), fields)

    def _object(self, line: str, where: str) -> dict[str, Any]:
        try:
            value = json.loads(line, object_pairs_hook=_fields, parse_constant=_refuse, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise InvalidInputError(f"{self.origin.label}{where}: not JSON: {error}") from error
        if not isinstance(value, dict):
            raise InvalidInputError(f"{self.origin.label}{where}: {_kind(value)}, not an object")
        return value

    def _text(self, fields: dict[str, Any], column: str, where: str) -> str:
        if column not in fields:
            self.choose_column(list(fields), [], where)  # which tells what there is
        text = fields[column]
        if not isinstance(text, str):
            raise InvalidInputError(f"{self.origin.label}{where}: {column!r} is {_kind(text)}, not a string")
        if not text.isascii():
            check_unicode(text, f"{self.origin.label}{where}: {column!r}")
        return text


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in fields if names.count(name) > 1)!r} comes twice")
    return fields


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits} is beyond what a number may be")
    return value


def _kind(value: object) -> str:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
    }
    return names.get(type(value), "an object")
