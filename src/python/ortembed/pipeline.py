"""A prepared model in memory: tokenizer and engine, texts to rows."""

from __future__ import annotations

from contextlib import closing, contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from ortembed import _native
from ortembed.ahead import tokenize_ahead, tokenize_now
from ortembed.backend import ON_CPU
from ortembed.control import UNWATCHED
from ortembed.cores import choose_threads
from ortembed.counters import Counters
from ortembed.errors import InferenceError
from ortembed.options import choose_dimension, choose_max_seq_length, choose_normalize, choose_prompt
from ortembed.precision import check_ranges, output_dtype, takes_ranges
from ortembed.recipe import Prompt, Recipe
from ortembed.responses import Stats
from ortembed.runtime_library import find_runtime_library
from ortembed.tokenizer import Tokenizer
from ortembed.windows import WINDOW_TOKENS, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import numpy.typing as npt

    from ortembed.backend import Backend
    from ortembed.control import Control
    from ortembed.output import Vectors
    from ortembed.prepared_model import PreparedModel
    from ortembed.tokenizer import TokenizedTexts

    Floats = npt.NDArray[np.float32]

_NO_PROMPT = Prompt()


class Pipeline:
    """Turns checked texts into vectors. Thread-safe; does not survive ``fork()``."""

    def __init__(
        self,
        prepared: PreparedModel,
        *,
        threads: int | None = None,
        max_seq_length: int | None = None,
        on_truncation: Callable[[int], object] | None = None,
        backend: Backend | None = None,
    ) -> None:
        """Load a prepared model. ``on_truncation`` gets max_seq_length whenever texts were cut.

        Raises:
            ModelLoadError, RuntimeLibraryError, InvalidInputError, ProviderUnavailableError: As Embedder's.
        """
        backend = backend or ON_CPU
        self.prepared = prepared
        self.threads = choose_threads(threads)
        self.settings = prepared.settings
        self.max_seq_length = choose_max_seq_length(self.settings, max_seq_length)
        self.tokenizer = Tokenizer(
            prepared.tokenizer, max_seq_length=self.max_seq_length, settings=self.settings.tokenizer
        )
        self.engine = _native.Engine(
            library=find_runtime_library(),
            model=prepared.graph,
            pooling=self.settings.pooling,
            vocab_size=self.settings.vocab_size,
            max_tokens=self.max_seq_length,
            max_batch_tokens=backend.max_batch_tokens,
            threads=self.threads,
            head=prepared.head(),
            embeddings=prepared.embeddings(),
            providers=backend.providers,
            buckets=backend.buckets,
            open_bucket=backend.open_bucket,
            may_use_cpu=backend.may_use_cpu,
        )
        self.dimension = self.engine.dimension  # of a full vector
        self.counters = Counters()
        self._on_truncation = on_truncation
        self._on_bucket_failure: Callable[[str], object] | None = None
        self._failed_buckets = 0

    def recipe(
        self,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        precision: str = "float32",
        ranges: npt.ArrayLike | None = None,
    ) -> Recipe:
        """Join a caller's options, None for what was not said, with the model's settings.

        Raises:
            InvalidInputError: One does not fit.
        """
        settings = self.settings
        words = choose_prompt(settings, prompt=prompt, prompt_name=prompt_name)
        dimension = choose_dimension(self.dimension, truncate_dim, settings)
        output_dtype(precision)  # which refuses what is none
        return Recipe(
            self._prompt(words) if words else _NO_PROMPT,
            choose_normalize(settings, normalize_embeddings),
            dimension,
            precision,
            None if ranges is None or not takes_ranges(precision) else check_ranges(ranges, dimension).copy(),
        )

    def encode(self, texts: Sequence[str]) -> Floats:
        """Give the vectors of texts as the model's files say, without a prompt: float32 [n, dimension]."""
        return self._encode(texts, self.recipe(prompt="", truncate_dim=self.dimension))

    def raw(self, texts: Sequence[str]) -> Floats:
        """Give the vectors of texts before normalization, without a prompt: float32 [n, dimension]."""
        return self._encode(texts, Recipe(_NO_PROMPT, normalize=False, dimension=self.dimension))

    def _encode(self, texts: Sequence[str], recipe: Recipe) -> Floats:
        rows = np.empty((len(texts), recipe.dimension), np.float32)
        self.encode_into(rows, texts, recipe)
        return rows

    def encode_one(self, rows: Vectors, text: str, recipe: Recipe, control: Control = UNWATCHED) -> int:
        """Encode one text into rows [1, d]; give the number of its tokens."""
        start = perf_counter()
        tokens = self.tokenizer.encode_one(recipe.prompt.words + text)
        self.counters.add_call(1, perf_counter() - start)
        self.run(rows, tokens, recipe, control)
        return len(tokens.ids)

    def encode_into(
        self, rows: Vectors, texts: Sequence[str], recipe: Recipe, control: Control = UNWATCHED
    ) -> npt.NDArray[np.int64]:
        """Encode texts into rows [n, d], window by window; give the number of tokens of each: int64 [n]."""
        lengths = np.zeros(len(texts), np.int64)
        start = 0
        with closing(self.tokenized(texts, recipe, control)) as windows:
            for tokens in windows:
                end = start + len(tokens.offsets) - 1
                lengths[start:end] = tokens.offsets[1:] - tokens.offsets[:-1]
                with rows_from(start):
                    self.run(rows[start:end], tokens, recipe, control)
                start = end
        return lengths

    def run(self, rows: Vectors, tokens: TokenizedTexts, recipe: Recipe, control: Control = UNWATCHED) -> None:
        """Turn tokenized texts into rows [n, d]."""
        self._tell_truncation(tokens)
        self.engine.encode_ids(
            tokens.ids,
            tokens.offsets,
            out=rows,
            normalize=recipe.normalize,
            skip_tokens=recipe.prompt.skip_tokens,
            precision=recipe.precision,
            ranges=recipe.ranges,
            dimensions=recipe.dimension,
            progress=None if control is UNWATCHED else control.tick,
            cancellation=control.cancellation,
        )
        self._tell_failures()

    def hidden_states(self, states: Floats, tokens: TokenizedTexts, control: Control = UNWATCHED) -> None:
        """Turn the tokens of tokenized texts into states [total_tokens, hidden_size]."""
        self._tell_truncation(tokens)
        self.engine.hidden_states(
            tokens.ids,
            tokens.offsets,
            out=states,
            progress=None if control is UNWATCHED else control.tick,
            cancellation=control.cancellation,
        )
        self._tell_failures()

    def watch_buckets(self, on_failure: Callable[[str], object]) -> None:
        """Call a function after a run in which a bucket failed, with its shape and the reason."""
        self._on_bucket_failure = on_failure
        self._failed_buckets = self.engine.failed_buckets

    def bucket_failures(self) -> str:
        """Tell which shapes have moved to the CPU, and why; empty for none."""
        return "; ".join(
            f"{rows} x {tokens} tokens ({why})" for rows, tokens, _, why, _ in self.engine.buckets if why
        )

    def _tell_truncation(self, tokens: TokenizedTexts) -> None:
        if tokens.truncated and self._on_truncation:
            self._on_truncation(self.max_seq_length)

    def _tell_failures(self) -> None:
        tell = self._on_bucket_failure
        if tell is None or (failed := self.engine.failed_buckets) == self._failed_buckets:
            return
        self._failed_buckets = failed
        tell(self.bucket_failures())

    def tokenize(self, texts: Sequence[str], recipe: Recipe, side: str | None = None) -> TokenizedTexts:
        """Tokenize a block of texts with the prompt before each, cut at a side where the model's own is not meant."""
        start = perf_counter()
        words = recipe.prompt.words
        tokens = self.tokenizer.encode([words + text for text in texts] if words else texts, side)
        self.counters.add_work(tokenize_seconds=perf_counter() - start)
        return tokens

    def tokenized(
        self, texts: Sequence[str], recipe: Recipe, control: Control, window_tokens: int = WINDOW_TOKENS
    ) -> Generator[TokenizedTexts, None, None]:
        """Give the tokens of texts in windows; a generator that has to be closed."""
        tokenize = partial(self.tokenize, recipe=recipe)
        parts = [(part, None) for part in windows(texts, self.max_seq_length, window_tokens)]
        if len(parts) <= 1:
            yield tokenize_now(tokenize, texts, control)
            return
        with closing(tokenize_ahead(tokenize, parts, control)) as ahead:
            for _, tokens in ahead:
                yield tokens

    def stats(self) -> Stats:
        """Give the values of the counters."""
        done = self.engine.stats()
        del done["calls"], done["texts"]  # of the engine, which windows and duplicates make other numbers
        return Stats(**self.counters.read()._asdict(), **done)

    def _prompt(self, words: str) -> Prompt:
        """Give a prompt as the model's pooling treats it."""
        return Prompt(words, 0 if self.settings.include_prompt else self.tokenizer.prompt_length(words))


@contextmanager
def rows_from(start: int) -> Iterator[None]:
    """Tell in an InferenceError from which of the texts on its rows are counted."""
    try:
        yield
    except InferenceError as error:
        if start == 0:
            raise
        raise InferenceError(f"{error} (rows counted from texts[{start}])") from error
