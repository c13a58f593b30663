"""From checked texts to an array: one text at once, many with each distinct one run once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from ortembed import _native
from ortembed.control import UNWATCHED
from ortembed.duplicates import distinct_texts
from ortembed.errors import InferenceError, InvalidInputError
from ortembed.output import prepare_row, prepare_rows
from ortembed.precision import choose_ranges, takes_ranges
from ortembed.progress import progress_bar
from ortembed.tokenizer import check_text, check_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ortembed.control import Control
    from ortembed.output import Vectors
    from ortembed.pipeline import Pipeline
    from ortembed.recipe import Recipe
    from ortembed.tokenizer import TokenizedTexts


class Encoded(NamedTuple):
    """Vectors and what they cost.

    Attributes:
        rows: [n, d].
        tokens: Tokens of all the texts.
        encoded_tokens: Tokens of the distinct texts, which the model read.
    """

    rows: Vectors
    tokens: int
    encoded_tokens: int


def encode_texts(
    pipeline: Pipeline,
    texts: str | Iterable[str],
    recipe: Recipe,
    out: object,
    control: Control = UNWATCHED,
    *,
    show_progress_bar: bool | None,
) -> Vectors:
    """Encode one text, [d], or any iterable of them, [n, d]; InvalidInputError names what is no text."""
    if isinstance(texts, str):
        return encode_one(pipeline, check_text(texts, 0), recipe, out, control)
    checked = check_texts(texts)
    with progress_bar(len(checked), show=show_progress_bar) as progress:
        watched = control if progress is None else control._replace(progress=progress)
        return encode_many(pipeline, checked, recipe, out, watched).rows


def encode_one(pipeline: Pipeline, text: str, recipe: Recipe, out: object, control: Control) -> Vectors:
    """Encode one checked text: [d], or ``out`` if there is one."""
    if lacks_ranges(recipe):
        _refuse_own_ranges(recipe)
    rows = prepare_row(out, recipe)
    pipeline.encode_one(rows, text, recipe, control)
    return rows[0] if out is None else out  # type: ignore[return-value] # checked


def encode_many(pipeline: Pipeline, texts: Sequence[str], recipe: Recipe, out: object, control: Control) -> Encoded:
    """Encode checked texts into ``out`` or a new array, those that are equal once."""
    if lacks_ranges(recipe):
        return _encode_with_own_ranges(pipeline, texts, recipe, out, control)
    rows = prepare_rows(out, len(texts), recipe)
    if len(texts) == 1:
        total = pipeline.encode_one(rows, texts[0], recipe, control)
        return Encoded(rows, total, total)
    pipeline.counters.add_call(len(texts))
    distinct = distinct_texts(texts)
    if distinct.positions is None:
        lengths = pipeline.encode_into(rows, texts, recipe, control)
        total = int(lengths.sum())
        return Encoded(rows, total, total)
    own = prepare_rows(None, len(distinct.texts), recipe)
    try:
        lengths = pipeline.encode_into(own, distinct.texts, recipe, control)
    except InferenceError as error:
        raise InferenceError(f"{error}; equal texts count as one") from error
    np.take(own, distinct.positions, axis=0, out=rows, mode="clip")  # "raise" would buffer the result
    duplicates = len(texts) - len(own)
    pipeline.counters.add_work(duplicates=duplicates)
    control.tick(duplicates)
    return Encoded(rows, int(lengths[distinct.positions].sum()), int(lengths.sum()))


def encode_tokens(pipeline: Pipeline, tokens: TokenizedTexts, recipe: Recipe, out: object) -> Vectors:
    """Encode texts that are tokenized already, with offsets that were checked, into ``out`` or a new array."""
    count = len(tokens.offsets) - 1
    if lacks_ranges(recipe):
        codes = _prepare_codes(out, count, recipe)
        vectors = encode_tokens(pipeline, tokens, recipe._replace(precision="float32"), None)
        _quantize(vectors, recipe, codes)
        return codes
    rows = prepare_rows(out, count, recipe)
    pipeline.counters.add_call(count)
    pipeline.run(rows, tokens, recipe)
    return rows


def lacks_ranges(recipe: Recipe) -> bool:
    """Tell whether ranges have to be taken from the vectors themselves, as sentence-transformers does."""
    return recipe.ranges is None and takes_ranges(recipe.precision)


def _encode_with_own_ranges(
    pipeline: Pipeline, texts: Sequence[str], recipe: Recipe, out: object, control: Control
) -> Encoded:
    codes = _prepare_codes(out, len(texts), recipe)
    encoded = encode_many(pipeline, texts, recipe._replace(precision="float32"), None, control)
    _quantize(encoded.rows, recipe, codes)
    return encoded._replace(rows=codes)


def _prepare_codes(out: object, rows: int, recipe: Recipe) -> Vectors:
    if rows == 1:
        _refuse_own_ranges(recipe)
    return prepare_rows(out, rows, recipe)


def _refuse_own_ranges(recipe: Recipe) -> NoReturn:
    raise InvalidInputError(f"{recipe.precision} ranges cannot be taken from one text; give ranges")


def _quantize(vectors: Vectors, recipe: Recipe, codes: Vectors) -> None:
    """Write the codes of vectors [n, d], whose ranges are the vectors' own."""
    if len(vectors):
        ranges = choose_ranges(recipe.precision, None, vectors)
        _native.quantize(vectors, recipe.precision, out=codes, ranges=ranges)
