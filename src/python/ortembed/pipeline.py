"""A prepared model in memory: tokenizer and engine, texts to rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ortembed import _native
from ortembed.cores import choose_threads
from ortembed.errors import InferenceError
from ortembed.options import choose_max_seq_length
from ortembed.runtime_library import find_runtime_library
from ortembed.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ortembed.prepared_model import PreparedModel

    Floats = npt.NDArray[np.float32]

# Padded tokens that run together. More does not run faster, and holds more memory.
_MAX_BATCH_TOKENS = 2048
# Texts that are tokenized and planned together: enough for batches of like lengths, and the progress bar's step.
CHUNK = 512


@dataclass(frozen=True)
class Prompt:
    """Words before each text, and how many tokens of each row pooling leaves out for them."""

    words: str = ""
    skip_tokens: int = 0


class Pipeline:
    """Turns checked texts into vectors. Thread-safe; does not survive ``fork()``."""

    def __init__(
        self,
        prepared: PreparedModel,
        *,
        threads: int | None = None,
        max_seq_length: int | None = None,
        on_truncation: Callable[[int], object] | None = None,
    ) -> None:
        """Load a prepared model. ``on_truncation`` gets max_seq_length whenever texts were cut.

        Raises:
            ModelLoadError, RuntimeLibraryError, InvalidInputError: As Embedder's.
        """
        num_threads = choose_threads(threads)
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
            max_batch_tokens=_MAX_BATCH_TOKENS,
            threads=num_threads,
            head=prepared.head(),
            embeddings=prepared.embeddings(),
        )
        self._on_truncation = on_truncation

    @property
    def dimension(self) -> int:
        """Length of a full vector."""
        return self.engine.dimension

    def prompt(self, words: str) -> Prompt:
        """Give a prompt as the model's pooling treats it."""
        if not words or self.settings.include_prompt:
            return Prompt(words)
        return Prompt(words, self.tokenizer.prompt_length(words))

    def encode(self, texts: Sequence[str]) -> Floats:
        """Give the vectors of texts as the model's files say, without a prompt: float32 [n, dimension]."""
        return self._encode(texts, normalize=self.settings.normalize)

    def raw(self, texts: Sequence[str]) -> Floats:
        """Give the vectors of texts before normalization, without a prompt: float32 [n, dimension]."""
        return self._encode(texts, normalize=False)

    def _encode(self, texts: Sequence[str], *, normalize: bool) -> Floats:
        rows = np.empty((len(texts), self.dimension), np.float32)
        self.encode_into(rows, texts, Prompt(), normalize=normalize)
        return rows

    def encode_into(
        self,
        rows: Floats,
        texts: Sequence[str],
        prompt: Prompt,
        *,
        normalize: bool,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Encode texts into rows [n, d], chunk by chunk; give the number of tokens.

        ``progress`` is called after each chunk with the number of texts in it.
        """
        total = 0
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            try:
                total += self._encode_chunk(rows[start : start + CHUNK], chunk, prompt, normalize=normalize)
            except InferenceError as error:
                if start == 0:
                    raise
                raise InferenceError(f"{error} (rows counted from texts[{start}])") from error
            if progress:
                progress(len(chunk))
        return total

    def _encode_chunk(self, rows: Floats, texts: Sequence[str], prompt: Prompt, *, normalize: bool) -> int:
        prompted = [prompt.words + text for text in texts] if prompt.words else list(texts)
        tokens = self.tokenizer.encode(prompted)
        if tokens.truncated and self._on_truncation:
            self._on_truncation(self.max_seq_length)
        self.engine.encode_ids(
            tokens.ids, tokens.offsets, out=rows, normalize=normalize, skip_tokens=prompt.skip_tokens
        )
        return len(tokens.ids)
