"""The parser of all commands, and how a run ends: exit status and message."""

from __future__ import annotations

import argparse
import signal
import sys
import warnings
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, NoReturn

from ortembed.cli import bridge, completion, doctor, embed, info, models, prepare, search, serve, verify
from ortembed.cli.streams import flush_or_drop, say, tolerate_any_encoding, warn
from ortembed.errors import OrtembedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_COMMANDS = (embed, search, serve, bridge, prepare, models, info, verify, doctor, completion)
_EPILOG = """\
Exit status: 0 for success, 1 for an error (or a model below its floor), 2 for wrong usage, 130 when interrupted
(Ctrl-C), 143 when told to end (SIGTERM).
MODEL is a short name (see "ortembed models"), a name on the Hugging Face hub, or a folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit status: 0, 1 for an error of ours, 2 for wrong usage."""
    tolerate_any_encoding()
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings(), _ending_on_request():
        warnings.showwarning = warn
        try:
            return _run(options)
        finally:
            flush_or_drop()


@contextmanager
def _ending_on_request() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, with what has to be put in order put in order."""
    try:
        before = signal.signal(signal.SIGTERM, _end)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _run(options: argparse.Namespace) -> int:
    try:
        status: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        return 0
    except KeyboardInterrupt:
        return 130
    except (OrtembedError, OSError, MemoryError) as error:
        flush_or_drop()
        say(f"{type(error).__name__}: {error}")
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ortembed",
        description="Turn text into vectors.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ortembed {version('ortembed')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    parser.set_defaults(parser=parser)  # which completion describes
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
