"""The parser of all commands, and how a run ends: exit status and message."""

from __future__ import annotations

import argparse
import sys
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING

from ortembed.cli import bridge, doctor, embed, info, models, prepare, search, verify
from ortembed.cli.streams import flush_or_drop, say, tolerate_any_encoding, warn
from ortembed.errors import OrtembedError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = (embed, search, prepare, models, info, verify, doctor, bridge)
_EPILOG = """\
Exit status: 0 for success, 1 for an error (or a model below its floor), 2 for wrong usage, 130 when interrupted.
MODEL is a short name (see "ortembed models"), a name on the Hugging Face hub, or a folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit status: 0, 1 for an error of ours, 2 for wrong usage."""
    tolerate_any_encoding()
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = warn
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    try:
        status: int = options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        flush_or_drop()
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
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser
