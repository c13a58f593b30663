"""What an Embedder does with tokens alone: texts to ids and back, and counts."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

from ortembed.errors import InvalidInputError
from ortembed.tokenizer import check_texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from ortembed.pipeline import Pipeline
    from ortembed.tokenizer import TokenizedTexts
    from ortembed.whole_rows import Token

_MAX_ID = 2**31 - 1


class Tokenization:
    """What an Embedder does without running the model."""

    _pipeline: Pipeline

    def tokenize(
        self,
        texts: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        truncation_side: str | None = None,
    ) -> TokenizedTexts:
        """Turn texts into what encode_ids takes: ids, offsets, and skip_tokens.

        Args:
            texts: One text, or any iterable of them.
            prompt_name: As for encode.
            prompt: As for encode.
            truncation_side: Where texts that are too long are cut, "left" or "right"; by default as the model's files
                say.

        Returns:
            ids int32 [total_tokens], the texts end to end with their special tokens; offsets int64 [n + 1]; how many
            texts were cut; and how many tokens of each are a prompt's that pooling leaves out.

        Raises:
            InvalidInputError: Something that is not a text, or an option that does not fit.
        """
        if truncation_side not in (None, "left", "right"):
            raise InvalidInputError(f'truncation_side is {truncation_side!r}, neither "left" nor "right"')
        recipe = self._pipeline.recipe(prompt_name=prompt_name, prompt=prompt)
        tokens = self._pipeline.tokenize(_checked(texts), recipe, truncation_side)
        return tokens._replace(skip_tokens=recipe.prompt.skip_tokens)

    def tokens(
        self,
        texts: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        add_special_tokens: bool = True,
    ) -> list[list[Token]]:
        """Give each text's tokens with the characters that they stand for, without truncation.

        Positions count from the beginning of the prompt, where there is one. A row for one text too.
        """
        words = self._pipeline.recipe(prompt_name=prompt_name, prompt=prompt).prompt.words
        prompted = [words + text for text in _checked(texts)]
        return self._pipeline.tokenizer.tokens(prompted, add_special_tokens=add_special_tokens)

    def detokenize(
        self, rows: Iterable[Iterable[int]] | npt.NDArray[np.integer], *, skip_special_tokens: bool = True
    ) -> list[str]:
        """Give the text of each row of ids, as near as the vocabulary comes; ids that it lacks have none.

        Rows may be arrays: those of n texts that tokenize gave are np.split(ids, offsets[1:-1]).

        Raises:
            InvalidInputError: Something that is not an id.
        """
        ids = [[_id(value, number, place) for place, value in enumerate(row)] for number, row in enumerate(rows)]
        return self._pipeline.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)

    def token_count(self, texts: str | Iterable[str]) -> npt.NDArray[np.int64]:
        """Count each text's tokens, special tokens included and without truncation: int64 [n]."""
        return self._pipeline.tokenizer.count(_checked(texts))


def _checked(texts: str | Iterable[str]) -> list[str]:
    return check_texts([texts] if isinstance(texts, str) else texts)


def _id(value: object, number: int, place: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or not 0 <= int(value) <= _MAX_ID:
        raise InvalidInputError(f"rows[{number}][{place}] is {value!r}, not a token id")
    return int(value)
