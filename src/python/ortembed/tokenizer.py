"""From texts to token ids: the pre-encoded interface that the engine takes."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import numpy as np

from ortembed.errors import InvalidInputError, ModelLoadError
from ortembed.known_words import KnownWords
from ortembed.tokenizer_classes import build_tokenizer, special_ids
from ortembed.whole_rows import cut_ids, whole_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ortembed.tokenizer_settings import TokenizerSettings
    from ortembed.whole_rows import Token

    Ids = npt.NDArray[np.int32]
    Counts = npt.NDArray[np.int64]

T = TypeVar("T")


class TokenizedTexts(NamedTuple):
    """Texts as ids.

    Attributes:
        ids: int32 [total_tokens], the texts end to end, special tokens included. A caller's own may be int64.
        offsets: int64 [n + 1]; text i has ids[offsets[i]:offsets[i + 1]].
        truncated: How many of the texts were cut.
        skip_tokens: Tokens at the start of each text that pooling leaves out: a prompt's, where the model wants that.
    """

    ids: npt.NDArray[np.int32 | np.int64]
    offsets: npt.NDArray[np.int64]
    truncated: int
    skip_tokens: int = 0


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
        self._side = side
        self._special_ids = special_ids(inner, settings)
        self._max_seq_length = max_seq_length
        self._words = KnownWords.of(inner)

    def encode(self, texts: Sequence[str], side: str | None = None) -> TokenizedTexts:
        """Tokenize checked texts; ModelLoadError when the tokenizer fails.

        Args:
            texts: The texts.
            side: Where those that are too long are cut, "left" or "right"; by default as the model's files say.
        """
        ids, counts = self._read(texts, side or self._side)
        lengths = np.minimum(counts, self._max_seq_length)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return TokenizedTexts(ids, offsets, int(np.count_nonzero(counts > lengths)))

    def encode_one(self, text: str) -> TokenizedTexts:
        """Tokenize one checked text, without what only many need; ModelLoadError when the tokenizer fails."""
        ids, counts = self._read([text], self._side)
        length = len(ids)
        return TokenizedTexts(ids, np.array((0, length), np.int64), int(counts[0] > length))

    def tokens(self, texts: Sequence[str], *, add_special_tokens: bool = True) -> list[list[Token]]:
        """Give the tokens of checked texts, without truncation; ModelLoadError when the tokenizer fails."""
        encodings = _tried(partial(self._inner.encode_batch, texts, add_special_tokens=add_special_tokens))
        return [whole_tokens(encoding, text, self._side) for text, encoding in zip(texts, encodings, strict=True)]

    def decode(self, rows: Sequence[Sequence[int]], *, skip_special_tokens: bool = True) -> list[str]:
        """Give the text of rows of ids; ids that the vocabulary lacks have none."""
        texts: list[str] = self._inner.decode_batch(rows, skip_special_tokens=skip_special_tokens)
        return texts

    def count(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Count tokens as if there were no truncation, special tokens included: int64 [n]."""
        return self._read(texts, self._side)[1]

    def prompt_length(self, prompt: str) -> int:
        """Count a prompt's tokens that pooling may leave out: those before the text, not a special one at its end."""
        ids = self._read([prompt], self._side)[0]
        return len(ids) - (len(ids) > 0 and int(ids[-1]) in self._special_ids)

    def _read(self, texts: Sequence[str], side: str) -> tuple[Ids, Counts]:
        """Give the ids of texts cut at a side, end to end, and how many tokens each has before it is cut."""
        if self._words is None:
            return self._ask(texts, side)
        ids, counts, unread = _tried(partial(self._words.read, texts, self._max_seq_length, side))
        if not unread:
            return ids, counts
        is_read = counts >= 0
        asked, counts[~is_read] = self._ask(
            [text for text, done in zip(texts, is_read, strict=True) if not done], side
        )
        is_read_id = np.repeat(is_read, np.minimum(counts, self._max_seq_length))
        together = np.empty(len(is_read_id), np.int32)
        together[is_read_id], together[~is_read_id] = ids, asked
        return together, counts

    def _ask(self, texts: Sequence[str], side: str) -> tuple[Ids, Counts]:
        """Give the same as the tokenizer itself tells it."""
        encodings = _tried(partial(self._inner.encode_batch_fast, texts))
        rows = [encoding.ids for encoding in encodings]
        counts = np.array([len(row) for row in rows], np.int64)
        for i in np.flatnonzero(counts == self._max_seq_length).tolist():
            counts[i] += sum(len(rest) - self._specials for rest in encodings[i].overflowing)
            if side != self._side:
                rows[i] = cut_ids(encodings[i], self._side, self._max_seq_length, side)
        return _id_array(list(chain.from_iterable(rows))), counts


def _tried(encode: Callable[[], T]) -> T:
    try:
        return encode()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the library's panics are nothing narrower
        raise ModelLoadError(f"the model's tokenizer fails: {error}") from error


def _id_array(ids: list[int]) -> npt.NDArray[np.int32]:
    try:
        return np.array(ids, np.int32)
    except OverflowError as error:
        raise ModelLoadError(f"the model's tokenizer gives an id that no vocabulary has: {max(ids)}") from error


def join_tokens(parts: Sequence[TokenizedTexts]) -> TokenizedTexts:
    """Put texts that were tokenized in parts, one or more, end to end."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(len(part.ids) for part in parts)])
    offsets = [part.offsets[1:] + start for part, start in zip(parts, starts, strict=False)]
    return TokenizedTexts(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([[0], *offsets]),
        sum(part.truncated for part in parts),
    )


def check_texts(texts: object) -> list[str]:
    """Give any iterable of str as a list.

    Raises:
        InvalidInputError: It is not one; the message names the index and type of the first that is not a str.
    """
    return [check_text(text, index) for index, text in enumerate(check_iterable(texts))]


def check_iterable(texts: object) -> Iterable[object]:
    """Give texts, whatever is in them; InvalidInputError when they cannot be iterated over or are one text."""
    if isinstance(texts, (str, bytes, dict)) or not hasattr(texts, "__iter__") or getattr(texts, "ndim", 1) == 0:
        raise InvalidInputError(f"texts must be a list of str, not {type(texts).__name__}")
    return cast("Iterable[object]", texts)


def check_text(text: object, index: int) -> str:
    """Give a text as a plain str; InvalidInputError that names its index when it is none."""
    if not isinstance(text, str):
        raise InvalidInputError(f"texts[{index}] is {type(text).__name__}, not str")
    plain = text if type(text) is str else str.__str__(text)  # a subclass may compare or add in a way of its own
    if not plain.isascii():
        check_unicode(plain, f"texts[{index}]")
    return plain


def check_unicode(text: str, name: str) -> None:
    """Raise InvalidInputError for a str that holds half of a surrogate pair, which no encoding of Unicode allows."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{name} has an unpaired surrogate, U+{ord(text[error.start]):04X}, at position {error.start}; "
            "it is not valid Unicode text"
        ) from error
