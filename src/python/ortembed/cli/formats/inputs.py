"""What texts are read from: a file, or a stream that can be read once; and its bytes as lines of text."""

from __future__ import annotations

import codecs
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ortembed.cli.streams import standard_input
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Input:
    """A file by its name, or standard input for ``-``.

    Attributes:
        label: What messages call it.
        path: The file, None for standard input.
        can_be_read_again: Whether it is a regular file; a pipe is not.
    """

    def __init__(self, name: str) -> None:
        """Name it.

        Raises:
            InvalidInputError: It is a folder, or standard input, and closed.
            OSError: There is no such file.
        """
        self.path = None if name == "-" else Path(name)
        self.label = "standard input" if self.path is None else name
        if self.path is None:
            standard_input()  # or tell that it is closed
        mode = self.path.stat().st_mode if self.path else 0
        if stat.S_ISDIR(mode):
            raise InvalidInputError(f"{name} is a folder")
        self.can_be_read_again = stat.S_ISREG(mode)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open it, to read bytes from its beginning, or where a stream is.

        Raises:
            OSError: It cannot be read.
        """
        if self.path is None:
            yield standard_input()
            return
        with self.path.open("rb") as file:
            yield file

    def lines(self) -> Iterator[str]:
        """Give the lines of UTF-8 text with what ends them. A byte order mark at the start is left out.

        Only newlines end a line: str.splitlines would also split at form feeds and Unicode separators.

        Raises:
            InvalidInputError: It is not UTF-8 text; the message tells where.
            OSError: It cannot be read.
        """
        with self.open() as file:
            for number, line in enumerate(file, 1):
                data = line
                if number == 1:
                    if line.startswith(_UTF16_MARKS):
                        raise InvalidInputError(f"{self.label} is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
                    data = line.removeprefix(codecs.BOM_UTF8)
                    if not data:  # a mark and nothing after it
                        return
                yield self._decode(data, number)

    def _decode(self, data: bytes, number: int) -> str:
        if b"\0" in data:
            raise InvalidInputError(f"{self.label} is not a text: line {number} has a zero byte")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = data[error.start]
            raise InvalidInputError(
                f"{self.label} is not UTF-8: line {number} has byte 0x{byte:02x}; convert it first with iconv"
            ) from error
