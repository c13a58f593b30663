"""A shortcut for ASCII texts through the tokenizers of BERT: str does what their normalizer does, in less time.

The normalizer follows each character through every change, for positions that nobody asks for here: a third of the
time of tokenizing. Of an ASCII text it makes white characters spaces and letters small, and drops other control
characters. Where something is dropped, a pre-tokenizer may want to know what was the first, so such texts go the long
way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import tokenizers
from tokenizers import normalizers

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_ADDED = 32  # tokens, for each of which a text is searched
_CLEAN = {**dict.fromkeys([*range(32), 127]), **dict.fromkeys(map(ord, "\t\n\r"), " ")}


class AsciiTexts:
    """Normalizes those texts that it can, for a tokenizer without a normalizer over the same model."""

    def __init__(self, inner: tokenizers.Tokenizer) -> None:
        """Look at a tokenizer, which is not changed afterwards, its truncation included."""
        normalizer = inner.normalizer
        added = inner.get_added_tokens_decoder().values()
        self.is_of_use = type(normalizer) is normalizers.BertNormalizer and len(added) <= _MOST_ADDED
        if not self.is_of_use:
            return
        self._cleans, self._lowers = normalizer.clean_text, normalizer.lowercase
        # Added tokens are found in texts as they come, and in normalized ones: where one could be, all goes its way.
        self._added = [normalizer.normalize_str(token.content) for token in added]
        self._plain = tokenizers.Tokenizer(inner.model)
        if inner.pre_tokenizer is not None:
            self._plain.pre_tokenizer = inner.pre_tokenizer
        if inner.post_processor is not None:
            self._plain.post_processor = inner.post_processor
        if inner.truncation is not None:
            self._plain.enable_truncation(**inner.truncation)

    def normalized(self, text: str) -> str | None:
        """Give what the normalizer makes of a text; None where it has to do that itself."""
        if not text.isascii():
            return None
        if self._cleans and not text.isprintable():
            cleaned = text.translate(_CLEAN)
            if len(cleaned) != len(text):
                return None
            text = cleaned
        if self._lowers:
            text = text.lower()
        return None if any(token in text for token in self._added) else text

    def encode(self, normalized: Sequence[str]) -> list[tokenizers.Encoding]:
        """Tokenize what normalized() gave."""
        return self._plain.encode_batch_fast(normalized)
