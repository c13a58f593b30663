"""``ortembed embed``: a file of texts to vectors."""

from __future__ import annotations

import time
from functools import partial
from itertools import islice, tee
from typing import TYPE_CHECKING

from ortembed.cli.arguments import add_loading
from ortembed.cli.encoding import Encoding, add_encoding, stack
from ortembed.cli.formats.parquet_writer import ParquetWriter, TableSchema
from ortembed.cli.formats.sources import add_format, open_source
from ortembed.cli.formats.writers import ArrayWriter, JsonLinesWriter, json_lines
from ortembed.cli.help import add_command
from ortembed.cli.job import Done, embed_file
from ortembed.cli.output import check_target, target_file
from ortembed.cli.streams import is_watched, say, standard_output
from ortembed.cli.target_lock import target_lock
from ortembed.progress import rows_bar

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import BinaryIO

    from ortembed.cli.arguments import Commands
    from ortembed.cli.formats.rows import Source
    from ortembed.cli.formats.writers import Writer

_STREAM_ROWS = 4096  # written at a time


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "embed",
        help="embed a file of texts",
        description="Embed a file of texts: one a line, or a column of .csv, .tsv, .jsonl or .parquet. The result is "
        "an array, or the rows as they are with a further column or key 'embedding'. OUT appears when it is "
        "complete. A run that was interrupted, however it was, goes on with the same command, unless the file, the "
        "model or the options changed. Standard input and pipes are read once, and have to begin again.",
        examples=[
            "ortembed embed texts.txt -o vectors.npy",
            "ortembed embed articles.csv --column body -o articles.parquet --document",
            "ortembed embed rows.jsonl -o rows-with-vectors.jsonl --model bge-small-en-v1.5",
            "zcat rows.jsonl.gz | ortembed embed - --format jsonl > vectors.jsonl",
        ],
    )
    parser.add_argument("file", metavar="FILE", help=".txt, .csv, .tsv, .jsonl or .parquet; - for standard input")
    parser.add_argument(
        "-o", "--output", metavar="OUT", help=".npy, .jsonl or .parquet file; JSON lines on stdout by default"
    )
    add_format(parser)
    parser.add_argument("--restart", action="store_true", help="do not go on with a run that was interrupted")
    add_encoding(parser)
    add_loading(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Embed, into the file named or to standard output."""
    began = time.monotonic()
    target = check_target(options.output) if options.output else None
    source = open_source(options.file, format_name=options.format, column=options.column)
    if target is None:
        done = _to_standard_output(source, options)
    else:
        with target_lock(target):
            done = _to_file(source, target, options)
    if is_watched():
        _summarize(done, time.monotonic() - began, options.output)
    return 0


def _to_file(source: Source, target: Path, options: argparse.Namespace) -> Done:
    if source.origin.can_be_read_again:
        return embed_file(source, target, partial(Encoding, options), restart=options.restart)
    with target_file(target) as file, rows_bar(None, 0) as advance:
        encoding = Encoding(options)
        count = 0
        with _stream_writer(file, target, source, encoding) as writer:
            own, texts = tee(source.rows(with_fields=writer.needs_fields))
            vectors = encoding.stream(row.text for row in texts)
            while block := list(islice(vectors, _STREAM_ROWS)):
                writer.append(list(islice(own, len(block))), stack(block, encoding))
                count += len(block)
                advance(len(block))
    return Done(count, 0)


def _stream_writer(file: BinaryIO, target: Path, source: Source, encoding: Encoding) -> Writer:
    if target.suffix == ".parquet":
        return ParquetWriter(file, TableSchema(source), encoding.columns, encoding.dtype)
    if target.suffix == ".jsonl":
        return JsonLinesWriter(file)
    return ArrayWriter(file, (0, encoding.columns), encoding.dtype)


def _to_standard_output(source: Source, options: argparse.Namespace) -> Done:
    stream = standard_output()
    encoding = Encoding(options)
    own, texts = tee(source.rows())  # which holds the rows that are read ahead
    count = 0
    with rows_bar(None, 0, show=not stream.isatty()) as advance:
        for line in json_lines(own, encoding.stream(row.text for row in texts)):
            stream.write(line)
            count += 1
            advance(1)
    return Done(count, 0)


def _summarize(done: Done, seconds: float, output: str | None) -> None:
    earlier = f", {done.earlier} of them by an earlier run" if done.earlier else ""
    rate = (done.rows - done.earlier) / max(seconds, 1e-9)
    say(f"{done.rows} rows{earlier}, in {seconds:.1f} s ({rate:.0f} texts/s){f' to {output}' if output else ''}")
