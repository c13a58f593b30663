"""From texts to token ids: the pre-encoded interface that the engine takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ortembed.errors import InvalidInputError, ModelLoadError
from ortembed.tokenizer_classes import build_tokenizer, special_ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt
    import tokenizers

    from ortembed.tokenizer_settings import TokenizerSettings


@dataclass(frozen=True)
class TokenizedTexts:
    """Texts as ids.

    Attributes:
        ids: int32 [total_tokens], the texts end to end, special tokens included.
        offsets: int64 [n + 1]; text i has ids[offsets[i]:offsets[i + 1]].
        truncated: How many of the texts were cut.
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    truncated: int


class Tokenizer:
    """A model's tokenizer. Thread-safe: it is not changed after it is made."""

    def __init__(self, path: Path, *, max_seq_length: int, settings: TokenizerSettings) -> None:
        """Read a tokenizer.json; padding and the length of truncation that are set in it are ignored.

        Args:
            path: The file.
            max_seq_length: Longest text in tokens, special tokens included; longer ones are cut, as the model's
                files say at the end or at the beginning.
            settings: What the files beside it say.

        Raises:
            ModelLoadError: The file is not a tokenizer.
            InvalidInputError: max_seq_length leaves no room beside the special tokens.
        """
        inner = build_tokenizer(path, settings)
        self._specials = inner.num_special_tokens_to_add(is_pair=False)
        if max_seq_length <= self._specials:
            raise InvalidInputError(
                f"max_seq_length is {max_seq_length}; it must exceed the {self._specials} special tokens"
            )
        side = settings.truncation_side or (inner.truncation or {}).get("direction", "right")
        inner.no_padding()
        inner.enable_truncation(max_seq_length, direction=side)
        self._inner = inner
        self._special_ids = special_ids(inner, settings)
        self._max_seq_length = max_seq_length

    def encode(self, texts: Sequence[str]) -> TokenizedTexts:
        """Tokenize checked texts; ModelLoadError when the tokenizer fails."""
        encodings = self._encode(texts)
        flat: list[int] = []
        offsets = np.zeros(len(texts) + 1, np.int64)
        truncated = 0
        for i, encoding in enumerate(encodings):
            ids = encoding.ids
            flat += ids
            offsets[i + 1] = len(flat)
            if len(ids) == self._max_seq_length and encoding.overflowing:
                truncated += 1
        try:
            return TokenizedTexts(np.array(flat, np.int32), offsets, truncated)
        except OverflowError as error:
            raise ModelLoadError(f"the model's tokenizer gives an id that no vocabulary has: {max(flat)}") from error

    def count(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Count tokens as if there were no truncation, special tokens included: int64 [n]."""
        counts = np.zeros(len(texts), np.int64)
        for i, encoding in enumerate(self._encode(texts)):
            counts[i] = len(encoding) + sum(len(rest) - self._specials for rest in encoding.overflowing)
        return counts

    def prompt_length(self, prompt: str) -> int:
        """Count a prompt's tokens that pooling may leave out: those before the text, not a special one at its end."""
        ids = self._encode([prompt])[0].ids
        return len(ids) - (bool(ids) and ids[-1] in self._special_ids)

    def _encode(self, texts: Sequence[str]) -> list[tokenizers.Encoding]:
        try:
            return self._inner.encode_batch_fast(texts)
        except Exception as error:  # the library raises nothing narrower
            raise ModelLoadError(f"the model's tokenizer fails: {error}") from error


def check_texts(texts: object) -> list[str]:
    """Give any iterable of str as a list.

    Raises:
        InvalidInputError: It is not one; the message names the index and type of the first that is not a str.
    """
    if isinstance(texts, (str, bytes, dict)) or not hasattr(texts, "__iter__"):
        raise InvalidInputError(f"texts must be a list of str, not {type(texts).__name__}")
    checked = list(texts)
    for i, text in enumerate(checked):
        if not isinstance(text, str):
            raise InvalidInputError(f"texts[{i}] is {type(text).__name__}, not str")
        check_unicode(text, f"texts[{i}]")
    return checked


def check_unicode(text: str, name: str) -> None:
    """Raise InvalidInputError for a str that holds half of a surrogate pair, which no encoding of Unicode allows."""
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{name} has an unpaired surrogate, U+{ord(text[error.start]):04X}, at position {error.start}; "
            "it is not valid Unicode text"
        ) from error
