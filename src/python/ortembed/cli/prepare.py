"""``ortembed prepare``: a model made ready to load, ahead of its first use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ortembed.cli.arguments import add_model, add_source, variant
from ortembed.cli.describe import describe, lines
from ortembed.cli.streams import report_step, standard_output
from ortembed.cli.texts import read_lines
from ortembed.prepare import prepare

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.arguments import Commands

_SHOWN = ("model", "dtype", "form", "dimension", "max_seq_length", "folder")


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "prepare",
        help="download a model and make it ready to load",
        description="Download a model where that is needed, make its graph, check an int8 graph against float32, "
        "and print where it lies. What is prepared already is only shown.",
    )
    add_model(parser)
    parser.add_argument(
        "--verify", metavar="TEXTS", help="check an int8 graph on the texts of this file too, one a line"
    )
    add_source(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prepare, and print what came of it."""
    stream = standard_output()
    texts = read_lines(options.verify) if options.verify else []
    start = time.perf_counter()
    prepared = prepare(
        options.model,
        **variant(options),
        local_files_only=options.offline,
        probe_texts=texts,
        report=report_step,
    )
    seconds = time.perf_counter() - start
    known = describe(options.model, prepared)
    shown = {key: known[key] for key in _SHOWN}
    size = {"size": f"{known['bytes'] / 1e6:.1f} MB", "time": f"{seconds:.1f} s"}
    print("\n".join(lines({**shown, **size})), file=stream)
    return 0
