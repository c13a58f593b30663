"""Texts from words whose tokens the tokenizer has told before: BERT's takes each by itself, and texts repeat them.

Its normalizer and pre-tokenizer look at one character at a time, so that what lies between white space has the same
tokens in any text; in a part of ASCII letters and punctuation alone, so has each word and each mark. The tokenizer is
asked for those that are new, and for whole texts where a word is too long to be kept or an added token could be.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from ortembed import _native

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_IDS = 2**31  # more than int32 has
_PIECE = 256  # words that are asked for in one row
_MOST_ADDED = 256  # tokens, for each of which a text is searched


class KnownWords:
    """The words of one tokenizer. Thread-safe."""

    def __init__(self, inner: tokenizers.Tokenizer, words: _native.KnownWords) -> None:
        """Keep both."""
        self._inner = inner
        self._model = tokenizers.Tokenizer(inner.model)  # without what comes before it
        self._words = words

    @classmethod
    def of(cls, inner: tokenizers.Tokenizer) -> KnownWords | None:
        """Look at a tokenizer, which is not changed afterwards; None for one whose words depend on one another."""
        normalizer = inner.normalizer
        if (
            type(normalizer) is not normalizers.BertNormalizer
            or type(inner.pre_tokenizer) is not pre_tokenizers.BertPreTokenizer
            or type(inner.model) is not models.WordPiece
        ):
            return None
        # Added tokens are found in texts as they come, and in normalized ones.
        added = [normalizer.normalize_str(token.content) for token in inner.get_added_tokens_decoder().values()]
        around = _special_ids(inner)
        if around is None or len(added) > _MOST_ADDED or not all(map(_is_visible, added)):
            return None
        return cls(inner, _native.KnownWords(normalizer.lowercase, added, *around))

    def read(
        self, texts: Sequence[str], longest: int, side: str
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], int]:
        """Give what is known of texts.

        Args:
            texts: The texts.
            longest: To how many tokens they are cut.
            side: Where, "left" or "right".

        Returns:
            The ids of those texts that were read, end to end, and how many tokens each text has before it is cut,
            special ones included, or -1 for one that was not read: [n]; and how many of those there are.
        """
        texts = list(texts)
        ids, counts, unread, unknown = self._words.read(texts, longest, cuts_left=side == "left")
        if unknown:
            self._learn(unknown)
            ids, counts, unread, _ = self._words.read(texts, longest, cuts_left=side == "left")
        return ids, counts, unread

    def _learn(self, words: list[str]) -> None:
        self._ask_model([word for word in words if _is_visible(word)])  # as they are when the model gets them
        self._ask_tokenizer([word for word in words if not _is_visible(word)])

    def _ask_model(self, words: list[str]) -> None:
        pieces = [words[start : start + _PIECE] for start in range(0, len(words), _PIECE)]
        if len(pieces) > 1:  # a batch, which other threads of Python need not wait for, starts threads of its own
            rows = self._model.encode_batch(pieces, is_pretokenized=True, add_special_tokens=False)
        else:
            rows = [self._model.encode(piece, is_pretokenized=True, add_special_tokens=False) for piece in pieces]
        for piece, row in zip(pieces, rows, strict=True):
            self._keep(piece, row.ids, np.bincount(np.array(row.word_ids, np.int64), minlength=len(piece)))

    def _ask_tokenizer(self, words: list[str]) -> None:
        if not words:
            return
        rows = self._inner.encode_batch_fast(words, add_special_tokens=False)
        whole = {word: row.ids for word, row in zip(words, rows, strict=True) if not row.overflowing}
        self._keep([*whole], [*chain.from_iterable(whole.values())], np.array([*map(len, whole.values())], np.int64))

    def _keep(self, words: list[str], ids: list[int], counts: npt.NDArray[np.int64]) -> None:
        if max(ids, default=0) >= _IDS:
            return  # whoever asks for the text is told
        self._words.learn(words, np.array(ids, np.int32), np.concatenate([[0], np.cumsum(counts)]))


def _is_visible(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _special_ids(inner: tokenizers.Tokenizer) -> tuple[list[int], list[int]] | None:
    """Give the special tokens before a text and after it; None where they cannot be told."""
    try:
        own = inner.encode("a", add_special_tokens=False).ids
        row = inner.encode("a")
        empty = inner.encode("").ids
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - its panics are nothing narrower; whoever asks it for more is told
        return None
    start = row.special_tokens_mask.index(0) if 0 in row.special_tokens_mask else 0
    before, after = row.ids[:start], row.ids[start + len(own) :]
    is_told = len(own) == 1 and row.ids == [*before, *own, *after] and empty == [*before, *after]
    return (before, after) if is_told and all(id_ < _IDS for id_ in empty) else None
