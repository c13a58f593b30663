"""``ortembed embed``: a file of texts to vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ortembed.cli.arguments import add_loading, load, positive
from ortembed.cli.output import target_file, write_json_lines, write_vectors
from ortembed.cli.streams import standard_output
from ortembed.cli.texts import read_lines

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "embed", help="embed a file, one text a line", description="Embed a file, one text a line."
    )
    parser.add_argument("file", metavar="FILE", help="UTF-8 text, one text a line; - for standard input")
    parser.add_argument("-o", "--output", metavar="OUT", help=".npy or .jsonl file; JSON lines on stdout by default")
    parser.add_argument("--truncate-dim", type=positive, metavar="N", help="keep the first N dimensions")
    add_loading(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Embed, into the file named or to standard output."""
    if options.output is None:
        stream = standard_output()
        texts = read_lines(options.file)
        write_json_lines(stream, texts, load(options).encode(texts, truncate_dim=options.truncate_dim))
        return 0
    with target_file(options.output) as file:
        texts = read_lines(options.file)
        vectors = load(options).encode(texts, truncate_dim=options.truncate_dim)
        write_vectors(file, Path(options.output).suffix, texts, vectors)
    return 0
