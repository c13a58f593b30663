"""Which format a file of texts has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ortembed.cli.formats.delimited import Delimited
from ortembed.cli.formats.inputs import Input
from ortembed.cli.formats.json_lines import JsonLines
from ortembed.cli.formats.parquet import Parquet
from ortembed.cli.formats.text_lines import TextLines

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.formats.rows import Source

FORMATS = ("txt", "csv", "tsv", "jsonl", "parquet")


def open_source(name: str, *, format_name: str | None = None, column: str | None = None) -> Source:
    """Give the rows of a file, ``-`` for standard input, in the format named, else in its suffix's, else as lines.

    Raises:
        InvalidInputError: The format cannot be read from there.
        OSError: There is no such file.
    """
    origin = Input(name)
    chosen = format_name or format_of(name)
    if chosen in {"csv", "tsv"}:
        return Delimited(origin, column, chosen)
    kinds = {"jsonl": JsonLines, "parquet": Parquet}
    return kinds.get(chosen, TextLines)(origin, column)


def format_of(name: str) -> str:
    """Give the format that a file's suffix says; any other file is taken for lines of text."""
    suffix = Path(name).suffix.lower().removeprefix(".")
    return "jsonl" if suffix == "ndjson" else suffix if suffix in FORMATS else "txt"


def read_texts(name: str, *, format_name: str | None = None, column: str | None = None) -> list[str]:
    """Read all texts of such a file. Errors as of open_source, and of the format."""
    source = open_source(name, format_name=format_name, column=column)
    return [row.text for row in source.rows(with_fields=False)]


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add how a file of texts is to be read."""
    parser.add_argument(
        "--format", choices=FORMATS, help="format of FILE (default: what its name ends in, else one text a line)"
    )
    parser.add_argument(
        "--column",
        metavar="NAME",
        help='column or key that has the texts (default: "text", else the only one that could be it)',
    )
