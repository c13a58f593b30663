"""The values that an Embedder gives beside plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class TruncationWarning(UserWarning):
    """Some texts were longer than the model's max_seq_length, and their ends were cut off."""


class CacheWarning(UserWarning):
    """A prepared model in the cache was damaged and is made anew; the message names its folder and what was wrong."""


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
    """

    model: str
    dimension: int
    max_tokens: int
    dtype: str
    providers: tuple[str, ...]
    runtime_version: str
