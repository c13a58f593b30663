"""``ortembed search``: the texts of a file that are nearest in meaning to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.cli.arguments import add_loading, load, positive
from ortembed.cli.formats.sources import add_format, open_source
from ortembed.cli.formats.vectors import read_rows
from ortembed.cli.help import add_command
from ortembed.cli.streams import standard_output
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    import argparse

    import numpy.typing as npt

    from ortembed.cli.arguments import Commands
    from ortembed.embedder import Embedder

    Floats = npt.NDArray[np.float32]


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "search",
        help="find the texts of a file nearest in meaning to a query",
        description="Print the texts of a file that are nearest in meaning to a query, best first, with scores. The "
        "vectors of a .jsonl or .parquet file that embed has written are used as they are; give the model that made "
        "them. Other texts are embedded each time.",
        examples=[
            'ortembed search "kitten on a rug" --in texts.txt --top 3',
            'ortembed search "interest rates" --in articles.csv --column body',
            'ortembed search "interest rates" --in articles-with-vectors.parquet --column body',
        ],
    )
    parser.add_argument("query", metavar="QUERY")
    parser.add_argument(
        "--in",
        dest="file",
        metavar="FILE",
        required=True,
        help=".txt, .csv, .tsv, .jsonl or .parquet; - for standard input",
    )
    parser.add_argument("--top", type=positive, default=5, metavar="K", help="matches to print (default: 5)")
    add_format(parser)
    add_loading(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Search, and print score and text of each match."""
    stream = standard_output()
    texts, vectors = _read(options)
    embedder = load(options)
    query = embedder.encode_query(options.query)
    if vectors is None:
        vectors = embedder.encode_document(texts)
    _check_fit(options, vectors, embedder)
    scores = embedder.similarity(query, vectors)[0]
    for index in (-scores).argsort(kind="stable")[: options.top]:
        print(f"{scores[index]:.4f}  {texts[index]}", file=stream)
    return 0


def _read(options: argparse.Namespace) -> tuple[list[str], Floats | None]:
    """Give the texts that say something, and their vectors where the file has them."""
    if options.file.endswith(".npy"):
        raise InvalidInputError(
            f"{options.file} has no texts to show; search what embed writes as .jsonl or .parquet"
        )
    source = open_source(options.file, format_name=options.format, column=options.column)
    texts, vectors = read_rows(source)
    kept = [index for index, text in enumerate(texts) if text.strip()]
    if not kept:
        raise InvalidInputError(f"{options.file} has no texts to search")
    return [texts[index] for index in kept], None if vectors is None else vectors[kept]


def _check_fit(options: argparse.Namespace, vectors: Floats, embedder: Embedder) -> None:
    if (vectors == np.rint(vectors)).all():
        raise InvalidInputError(f"{options.file} has codes of another precision; embed it as float32 or float16")
    if vectors.shape[1] != embedder.dimension:
        raise InvalidInputError(
            f"{options.file} has vectors of {vectors.shape[1]} dimensions, {options.model} gives "
            f"{embedder.dimension}; give the model that made them, or embed them anew"
        )
