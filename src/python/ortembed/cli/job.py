"""A file of texts to a file of vectors, in constant memory, to be gone on with where a run was interrupted."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ortembed.cli.content import Content
from ortembed.cli.formats.parquet import Parquet
from ortembed.cli.formats.parquet_writer import TableSchema
from ortembed.cli.formats.writers import ArrayWriter, JsonLinesWriter
from ortembed.cli.partial import Partial
from ortembed.cli.streams import report_step, say
from ortembed.cli.transcription import Stage, transcribe
from ortembed.errors import InvalidInputError
from ortembed.progress import rows_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ortembed.cli.encoding import Encoding
    from ortembed.cli.formats.rows import Row, Source
    from ortembed.cli.formats.writers import Writer

# Where a chunk ends depends on where it begins and on its texts, never on time: a run that goes on makes the same
# chunks, and so the same bytes. The first are small, to show soon how fast it is.
_LEAST_ROWS = 64
_CHUNK_ROWS = 2048
_CHUNK_CHARACTERS = 1 << 18


class Survey(NamedTuple):
    """What reading a source to its end tells, before any work is done.

    Attributes:
        rows: How many there are.
        content: What it was.
        columns: Those of a table, where one is written and the source is none.
    """

    rows: int
    content: Content
    columns: TableSchema | None


class Done(NamedTuple):
    """How many rows there are, and how many of them an earlier run had done."""

    rows: int
    earlier: int


def embed_file(source: Source, target: Path, make_encoding: Callable[[], Encoding], *, restart: bool) -> Done:
    """Write the vectors of a source's rows to a target, which is locked and appears when it is complete.

    Raises:
        OrtembedError: The source does not fit its format, or changes meanwhile; or as an Embedder.
        OSError: Something cannot be read or written.
    """
    report_step(f"reading {source.origin.label}")
    survey = _survey(source, target)
    encoding = make_encoding()
    if encoding.needs_all and survey.rows == 1:
        raise InvalidInputError(f"{encoding.precision} ranges cannot be taken from one text")
    partial = Partial(target)
    if restart:
        partial.discard()
    differing = partial.resume(_identity(source, target, survey, encoding))
    if differing:
        say(f"beginning anew: {', '.join(differing)} changed since the run that was interrupted")
    earlier = partial.done
    if earlier:
        say(f"going on after {earlier} of {survey.rows} rows")
    with _kept(partial, survey.rows):
        _embed(source, target, encoding, survey, partial)
    return Done(survey.rows, earlier)


def chunks(rows: Iterable[Row], start: int = 0) -> Iterator[list[Row]]:
    """Cut rows, the first of which has the number start, into lists that run together."""
    chunk: list[Row] = []
    characters = 0
    for row in rows:
        chunk.append(row)
        characters += len(row.text)
        if len(chunk) == min(max(start, _LEAST_ROWS), _CHUNK_ROWS) or characters >= _CHUNK_CHARACTERS:
            yield chunk
            start += len(chunk)
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _survey(source: Source, target: Path) -> Survey:
    content = Content(source.origin)
    columns = TableSchema(source) if target.suffix == ".parquet" and not isinstance(source, Parquet) else None
    rows = 0
    # The fields of a table are what JSON may not have; read now, they are refused before hours of work.
    for chunk in chunks(source.rows(with_fields=target.suffix == ".jsonl")):
        rows += len(chunk)
        if columns:
            columns.learn(chunk)
    if columns:
        columns.known()
        if columns.is_mixed:  # values that fit the columns of their chunk may not fit those of all
            for chunk in chunks(source.rows()):
                columns.table(chunk)
    content.read()
    return Survey(rows, content, columns)


def _identity(source: Source, target: Path, survey: Survey, encoding: Encoding) -> dict[str, Any]:
    return {
        "source": survey.content.sha256,
        "rows": survey.rows,
        "format": source.format_name,
        "column": source.asked_column,
        "output": target.suffix,
        **encoding.identity(),
    }


def _embed(source: Source, target: Path, encoding: Encoding, survey: Survey, partial: Partial) -> None:
    is_staged = encoding.needs_all or target.suffix == ".parquet"
    with partial.data() as file:
        writer = _writer(file, target, encoding, survey, partial.done, is_staged=is_staged)
        rows = islice(source.rows(with_fields=writer.needs_fields), partial.done, None)
        with rows_bar(survey.rows, partial.done) as advance:
            for chunk in chunks(rows, partial.done):
                writer.append(chunk, encoding.encode_chunk([row.text for row in chunk]))
                _check_unchanged(source, survey, partial)
                partial.checkpoint(file, partial.done + len(chunk))
                advance(len(chunk))
    _check_unchanged(source, survey, partial, is_whole=partial.done == survey.rows)
    if not is_staged:
        partial.complete(partial.data_path)
        return
    report_step(f"writing {target}")
    stage = Stage(partial.data_path, survey.rows, encoding.precision, encoding.columns, encoding.dtype)
    with partial.result() as file:
        transcribe(source, stage, file, target.suffix, survey.columns)
        _check_unchanged(source, survey, partial)


def _writer(
    file: BinaryIO, target: Path, encoding: Encoding, survey: Survey, done: int, *, is_staged: bool
) -> Writer:
    if target.suffix == ".jsonl" and not is_staged:
        return JsonLinesWriter(file)
    return ArrayWriter(file, (survey.rows, encoding.columns), encoding.chunk_dtype, written=done)


def _check_unchanged(source: Source, survey: Survey, partial: Partial, *, is_whole: bool = True) -> None:
    if not (is_whole and survey.content.is_same()):
        partial.discard()
        raise InvalidInputError(f"{source.origin.label} changed while it was read; run the command again")


@contextmanager
def _kept(partial: Partial, rows: int) -> Iterator[None]:
    """Tell what is kept for the next run where this one ends early."""
    try:
        yield
    except BaseException:
        if partial.done:
            say(f"{partial.done} of {rows} rows are kept; the same command goes on from there")
        else:
            partial.discard()
        raise
