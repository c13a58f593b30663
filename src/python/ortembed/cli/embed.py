"""``ortembed embed``: a file of texts to vectors."""

from __future__ import annotations

from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.cli.arguments import add_loading, load, positive
from ortembed.cli.output import json_lines, target_file
from ortembed.cli.streams import standard_output
from ortembed.cli.texts import open_lines, read_lines
from ortembed.precision import PRECISIONS, takes_ranges

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ortembed.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "embed", help="embed a file, one text a line", description="Embed a file, one text a line."
    )
    parser.add_argument("file", metavar="FILE", help="UTF-8 text, one text a line; - for standard input")
    parser.add_argument("-o", "--output", metavar="OUT", help=".npy or .jsonl file; JSON lines on stdout by default")
    parser.add_argument("--truncate-dim", type=positive, metavar="N", help="keep the first N dimensions")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="float32", help="number format of the vectors (default: float32)"
    )
    add_loading(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Embed, into the file named or to standard output."""
    if options.output is None:
        stream = standard_output()
        stream.writelines(_lines(options))
        return 0
    with target_file(options.output) as file:
        if Path(options.output).suffix == ".npy":
            texts = read_lines(options.file)
            np.save(file, load(options).encode(texts, **_encoding(options)), allow_pickle=False)
        else:
            file.writelines(line.encode() for line in _lines(options))
    return 0


def _lines(options: argparse.Namespace) -> Iterator[str]:
    """Give a line of JSON for each text: as they come, unless the values depend on all of the vectors."""
    with open_lines(options.file) as lines:
        embedder = load(options)
        encode = embedder.encode if takes_ranges(options.precision) else embedder.iter_encode
        texts, own = tee(lines)  # which holds the texts that are read ahead
        yield from json_lines(own, encode(texts, **_encoding(options)))


def _encoding(options: argparse.Namespace) -> dict[str, Any]:
    return {"truncate_dim": options.truncate_dim, "precision": options.precision}
