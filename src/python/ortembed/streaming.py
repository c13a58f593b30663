"""Vectors of a stream of texts, in constant memory."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ortembed.ahead import tokenize_ahead, tokenize_now
from ortembed.control import UNWATCHED
from ortembed.duplicates import DistinctTexts, distinct_texts
from ortembed.encoding import lacks_ranges
from ortembed.errors import InvalidInputError
from ortembed.output import prepare_rows
from ortembed.windows import chunks

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from ortembed.ahead import Tokenize
    from ortembed.output import Vectors
    from ortembed.pipeline import Pipeline
    from ortembed.recipe import Recipe
    from ortembed.tokenizer import TokenizedTexts
    from ortembed.windows import Chunk


class _Part(NamedTuple):
    """A chunk of the stream, and its distinct texts."""

    chunk: Chunk
    distinct: DistinctTexts


def check_stream_recipe(recipe: Recipe) -> None:
    """Raise InvalidInputError for a recipe that needs all vectors before it can give the first."""
    if lacks_ranges(recipe):
        raise InvalidInputError(
            f"{recipe.precision} ranges cannot be taken from a stream, whose vectors are not all there; give ranges, "
            "such as numpy.stack([v.min(0), v.max(0)]) of a sample's float32 vectors v"
        )


def encode_stream(
    pipeline: Pipeline, texts: Iterable[object], recipe: Recipe, chunk_size: int
) -> Generator[Vectors, None, None]:
    """Give the vector [d] of each text in turn; an error that comes instead of a text, after those before it.

    One chunk is tokenized while the one before it runs, except for the first, whose vectors so come sooner.
    """
    parts = (
        _Part(chunk, distinct_texts(chunk.texts)) for chunk in chunks(texts, chunk_size, pipeline.max_seq_length)
    )
    pipeline.counters.add_call(0)
    with closing(_tokenized(partial(pipeline.tokenize, recipe=recipe), parts)) as tokenized:
        for part, tokens in tokenized:
            # Copies, since a vector that is kept would keep its whole chunk in memory.
            for row in _rows(pipeline, part.distinct, tokens, recipe):
                yield row.copy()
            if part.chunk.errors:
                raise part.chunk.errors.pop()


def _tokenized(tokenize: Tokenize, parts: Iterator[_Part]) -> Generator[tuple[_Part, TokenizedTexts], None, None]:
    first = next(parts)
    yield first, tokenize_now(tokenize, first.distinct.texts, UNWATCHED)
    if first.chunk.is_last:
        return
    with closing(tokenize_ahead(tokenize, ((part.distinct.texts, part) for part in parts), UNWATCHED)) as ahead:
        yield from ahead


def _rows(pipeline: Pipeline, distinct: DistinctTexts, tokens: TokenizedTexts, recipe: Recipe) -> Vectors:
    rows = prepare_rows(None, len(distinct.texts), recipe)
    pipeline.run(rows, tokens, recipe)
    if distinct.positions is None:
        pipeline.counters.add_work(texts=len(rows))
        return rows
    count = len(distinct.positions)
    pipeline.counters.add_work(texts=count, duplicates=count - len(rows))
    return np.take(rows, distinct.positions, axis=0)
