"""The values that an Embedder gives beside plain arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class TruncationWarning(UserWarning):
    """Some texts were longer than the model's max_seq_length, and their ends were cut off."""


class CacheWarning(UserWarning):
    """A prepared model in the cache was damaged and is made anew; the message names its folder and what was wrong."""


class ProviderWarning(UserWarning):
    """An execution provider that was asked for, or is there, is not used; the message says why, with figures."""


class CalibrationWarning(UserWarning):
    """Ranges of int8 or uint8 codes were taken from few vectors; other vectors may lie outside of them."""


@dataclass(frozen=True)
class Usage:
    """What a request cost.

    Attributes:
        total_tokens: Tokens of all the texts asked for, special tokens included, after truncation.
        duration_ms: Wall-clock time of the request in milliseconds, tokenization included.
        encoded_tokens: Those that the model read: a text that came more than once is read once.
    """

    total_tokens: int
    duration_ms: float
    encoded_tokens: int


@dataclass(frozen=True)
class EmbeddingResponse:
    """Vectors with the name of the model that made them and what they cost.

    Attributes:
        model: The name that the Embedder was made with.
        embeddings: float32 [n, dimension].
        usage: Tokens and time.
    """

    model: str
    embeddings: npt.NDArray[np.float32]
    usage: Usage


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a loaded model.

    Attributes:
        model: The name that the Embedder was made with.
        dimension: Length of a full vector.
        max_tokens: Tokens of the longest text, special tokens included; longer ones are truncated.
        dtype: Number format of the model's weights.
        providers: ONNX Runtime's execution providers in order of preference.
        runtime_version: Version of the ONNX Runtime library.
        form: Of the graph: "cpu" (padded batches, the runtime's operators), "packed" (ortembed's own) or "coreml".
        form_reason: Why that one, in words.
    """

    model: str
    dimension: int
    max_tokens: int
    dtype: str
    providers: tuple[str, ...]
    runtime_version: str
    form: str
    form_reason: str


@dataclass(frozen=True)
class Stats:
    """What an Embedder has done since it was made. ``later - earlier`` tells what it did between two moments.

    Seconds are summed over the threads that work at once, so they may exceed the time on the clock. A call that is
    under way has counted what it has done so far.

    Attributes:
        calls: Calls of encode and its like; iter_encode is one.
        texts: Texts that were asked for.
        duplicates: Those of them that were not run, since an equal one in the same call was.
        tokens: Tokens that the model read, special tokens included.
        padded_tokens: The same with the padding that made the texts of a batch as long as its longest.
        batches: Runs of the model.
        tokenize_seconds: Texts to token ids.
        plan_seconds: Checks of the ids, which texts run together, and the tensors that go in.
        run_seconds: The model.
        pool_seconds: Pooling, head, normalization, precision, and each vector to its place.
    """

    calls: int
    texts: int
    duplicates: int
    tokens: int
    padded_tokens: int
    batches: int
    tokenize_seconds: float
    plan_seconds: float
    run_seconds: float
    pool_seconds: float

    @property
    def padding_ratio(self) -> float:
        """Share of the tokens that ran which was padding, from 0 to 1."""
        # Counters that are read while calls run may be of slightly different moments.
        return max(0.0, 1 - self.tokens / self.padded_tokens) if self.padded_tokens else 0.0

    def __sub__(self, earlier: Stats) -> Stats:
        """Give what was done after an earlier moment."""
        return Stats(
            **{field.name: getattr(self, field.name) - getattr(earlier, field.name) for field in fields(self)}
        )
