"""``ortembed search``: the lines of a file that are nearest in meaning to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.cli.arguments import add_loading, load, positive
from ortembed.cli.streams import standard_output
from ortembed.cli.texts import read_lines
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "search",
        help="find the lines of a file nearest in meaning to a query",
        description="Print the lines of a file that are nearest in meaning to a query, best first, with scores.",
    )
    parser.add_argument("query", metavar="QUERY")
    parser.add_argument("--in", dest="file", metavar="FILE", required=True, help="one text a line; - for stdin")
    parser.add_argument("--top", type=positive, default=5, metavar="K", help="matches to print (default: 5)")
    add_loading(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Search, and print score and text of each match."""
    stream = standard_output()
    texts = [text for text in read_lines(options.file) if text.strip()]
    if not texts:
        raise InvalidInputError(f"{options.file} has no texts to search")
    embedder = load(options)
    scores = embedder.similarity(embedder.encode_query(options.query), embedder.encode_document(texts))[0]
    for index in (-scores).argsort(kind="stable")[: options.top]:
        print(f"{scores[index]:.4f}  {texts[index]}", file=stream)
    return 0
