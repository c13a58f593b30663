"""The public class's embeddings of single tokens: the model's last hidden states, before anything is pooled."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, overload

import numpy as np

from ortembed.control import UNWATCHED
from ortembed.duplicates import distinct_texts
from ortembed.errors import InferenceError, InvalidInputError
from ortembed.options import check_offsets
from ortembed.output import prepare_states
from ortembed.pipeline import rows_from
from ortembed.progress import progress_bar
from ortembed.tokenizer import TokenizedTexts, check_text, check_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from ortembed.control import Control
    from ortembed.pipeline import Pipeline
    from ortembed.recipe import Recipe

    Floats = npt.NDArray[np.float32]

# Tokens, counted as windows counts them, whose states lie in one array until each text gets its own: at most 100 MB
# where a token has 384 values. 0.8% of the tokens of Python's docstrings are padding so, 0.2% with windows' own.
_WINDOW_TOKENS = 1 << 16


class TokenEmbeddings:
    """What an Embedder tells of single tokens."""

    _pipeline: Pipeline

    @overload
    def token_embeddings(  # type: ignore[overload-overlap] # a str is an iterable of str, but one text here
        self,
        texts: str,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        show_progress_bar: bool | None = None,
    ) -> Floats: ...
    @overload
    def token_embeddings(
        self,
        texts: Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        show_progress_bar: bool | None = None,
    ) -> list[Floats]: ...
    def token_embeddings(
        self,
        texts: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        show_progress_bar: bool | None = None,
    ) -> Floats | list[Floats]:
        """Turn each token of texts into a vector: the model's last hidden states, as they are.

        There is no pooling, nothing of what the model has after it, and no normalization. A text that comes more
        than once runs once.

        Args:
            texts: One text, or any iterable of them. Texts longer than max_seq_length are truncated, with a
                TruncationWarning the first time.
            prompt_name: Name of the model's prompt to put before each text; by default the model's default.
            prompt: Words to put before each text, whatever the model's prompts.
            show_progress_bar: By default where the work is long and stderr is a terminal.

        Returns:
            A list with float32 [tokens, hidden_size] for each text, an array of its own; for one text that array.
            It has a row for each token in their order, special tokens and those of the prompt too, even where the
            model's pooling leaves the prompt out. ``encode_ids`` of the same ids pools these rows.

        Raises:
            InvalidInputError: Something that is not a text, an option that does not fit, or a model whose ONNX graph
                pools by itself and gives no hidden states; nothing has run.
            InferenceError: The model failed, or a value is not finite.
            ServiceUnavailableError: This process was forked from the one that made the Embedder.
        """
        recipe = self._pipeline.recipe(prompt_name=prompt_name, prompt=prompt)
        return embed_tokens(self._pipeline, texts, recipe, show_progress_bar=show_progress_bar)

    def token_embeddings_of_ids(
        self,
        ids: npt.NDArray[np.int32 | np.int64],
        offsets: npt.NDArray[np.int64],
        *,
        out: Floats | None = None,
    ) -> Floats:
        """Turn each token of texts that are tokenized already into a vector, as token_embeddings does.

        Args:
            ids: int32 or int64 [total_tokens], C-contiguous: the texts end to end, special tokens included.
            offsets: int64 [n + 1], C-contiguous; text i has ids[offsets[i]:offsets[i + 1]].
            out: Array to write into, C-contiguous, of the dtype and shape of the result.

        Returns:
            float32 [total_tokens, hidden_size]; row j belongs to ids[j], in the text that it is a part of.

        Raises:
            InvalidInputError: An array does not fit, or the model's ONNX graph pools by itself; nothing has run.
                Texts longer than max_seq_length are refused, not truncated.
            InferenceError, ServiceUnavailableError: As for token_embeddings.
        """
        check_offsets(ids, offsets)
        if not isinstance(ids, np.ndarray) or ids.ndim != 1 or not ids.flags.c_contiguous:
            raise InvalidInputError("ids must be a 1-dimensional, C-contiguous numpy array")
        states = prepare_states(out, len(ids), self._pipeline.engine.hidden_size)
        self._pipeline.counters.add_call(len(offsets) - 1)
        self._pipeline.hidden_states(states, TokenizedTexts(ids, offsets, 0))
        return states


def embed_tokens(
    pipeline: Pipeline,
    texts: str | Iterable[str],
    recipe: Recipe,
    control: Control = UNWATCHED,
    *,
    show_progress_bar: bool | None,
) -> Floats | list[Floats]:
    """Give the states of one text, [tokens, hidden_size], or a list of such arrays for any iterable of them."""
    size = pipeline.engine.hidden_size  # or an error, before anything runs
    if isinstance(texts, str):
        tokens = pipeline.tokenize([check_text(texts, 0)], recipe)
        pipeline.counters.add_call(1)
        return _run(pipeline, tokens, size, control)
    checked = check_texts(texts)
    pipeline.counters.add_call(len(checked))
    with progress_bar(len(checked), show=show_progress_bar) as progress:
        watched = control if progress is None else control._replace(progress=progress)
        return _embed_many(pipeline, checked, recipe, size, watched)


def _embed_many(
    pipeline: Pipeline, texts: Sequence[str], recipe: Recipe, size: int, control: Control
) -> list[Floats]:
    distinct = distinct_texts(texts)
    if distinct.positions is None:
        return _embed_distinct(pipeline, texts, recipe, size, control)
    try:
        states = _embed_distinct(pipeline, distinct.texts, recipe, size, control)
    except InferenceError as error:
        raise InferenceError(f"{error}; equal texts count as one") from error
    duplicates = len(texts) - len(states)
    pipeline.counters.add_work(duplicates=duplicates)
    control.tick(duplicates)
    return _repeated(states, distinct.positions)


def _embed_distinct(
    pipeline: Pipeline, texts: Sequence[str], recipe: Recipe, size: int, control: Control
) -> list[Floats]:
    states: list[Floats] = []
    with closing(pipeline.tokenized(texts, recipe, control, _WINDOW_TOKENS)) as windows:
        for tokens in windows:
            with rows_from(len(states)):
                states += _apart(_run(pipeline, tokens, size, control), tokens.offsets)
    return states


def _run(pipeline: Pipeline, tokens: TokenizedTexts, size: int, control: Control) -> Floats:
    states = prepare_states(None, len(tokens.ids), size)
    pipeline.hidden_states(states, tokens, control)
    return states


def _apart(states: Floats, offsets: npt.NDArray[np.int64]) -> list[Floats]:
    """Give each text's rows as an array of its own, since a view that is kept would keep those of all."""
    return [states[start:end].copy() for start, end in pairwise(offsets.tolist())]


def _repeated(states: Sequence[Floats], positions: npt.NDArray[np.intp]) -> list[Floats]:
    """Give the states at the positions; each array once, and then copies."""
    left: list[Floats | None] = list(states)
    repeated = []
    for position in positions.tolist():
        first = left[position]
        repeated.append(states[position].copy() if first is None else first)
        left[position] = None
    return repeated
