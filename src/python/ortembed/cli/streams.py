"""Standard input, output and error, any of which may be closed or unable to show what is written."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from typing import BinaryIO, TextIO


def tolerate_any_encoding() -> None:
    """Let a terminal or file that is not UTF-8 get an escape for what it has no bytes for, not a failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def standard_input() -> BinaryIO:
    """Give standard input, to read bytes from.

    Raises:
        InvalidInputError: It is closed.
    """
    if sys.stdin is None:
        raise InvalidInputError("standard input is closed; name a file, or pipe text in")
    return sys.stdin.buffer


def standard_output() -> TextIO:
    """Give the stream for results.

    Raises:
        InvalidInputError: It is closed, so that all the work would be lost.
    """
    if sys.stdout is None:
        raise InvalidInputError("standard output is closed; nothing could show the result")
    return sys.stdout


def say(message: str) -> None:
    """Tell something on standard error, where that is open and somebody takes it: no work fails for a log line."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(f"ortembed: {message}", file=sys.stderr, flush=True)


def warn(message: Warning | str, *_where: object, **_further: object) -> None:
    """Show a warning as one line, in place of warnings.showwarning."""
    say(f"warning: {message}")


def is_watched() -> bool:
    """Tell whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def report_step(step: str) -> None:
    """Tell a step of long work, where someone watches."""
    if is_watched():
        say(f"{step} …")


def flush_or_drop() -> None:
    """Write out what is buffered for standard output and error, or drop it, so that the flush at exit cannot fail."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
