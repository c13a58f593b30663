"""What a request asks vectors for: texts, or ids of tokens, one or many; checked before anything is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field, StrictInt, StrictStr

from ortembed.server.api_errors import empty, invalid
from ortembed.tokenizer import TokenizedTexts

if TYPE_CHECKING:
    from ortembed.server.settings import Limits

# That nothing is empty is said here and checked in read_inputs, since it is an error of its own.
# A list fails at its first wrong item: a million errors would hold everybody up for a minute and take gigabytes.
_SOME = Field(fail_fast=True, json_schema_extra={"minItems": 1})
Text = Annotated[StrictStr, Field(json_schema_extra={"minLength": 1})]
TextList = Annotated[list[Text], _SOME]
TokenId = Annotated[StrictInt, Field(ge=0, lt=2**31)]
TokenIds = Annotated[list[TokenId], _SOME]
TokenIdLists = Annotated[list[TokenIds], _SOME]
TextOrIds = Text | TextList | TokenIds | TokenIdLists
Texts = Text | TextList


@dataclass(frozen=True)
class Inputs:
    """The texts of one request.

    Attributes:
        texts: The texts; none where there are ids.
        ids: Ids of each text, special tokens included; None where there are texts.
        is_batch: Whether they came as a list.
    """

    texts: list[str]
    ids: list[list[int]] | None
    is_batch: bool

    def __len__(self) -> int:
        """Count the texts."""
        return len(self.texts if self.ids is None else self.ids)

    @property
    def characters(self) -> int:
        """Count the characters of all texts."""
        return sum(map(len, self.texts))

    def tokens(self) -> TokenizedTexts:
        """Give the ids as they are."""
        rows = self.ids or []
        offsets = np.array([0, *accumulate(map(len, rows))], np.int64)
        return TokenizedTexts(np.fromiter(chain.from_iterable(rows), np.int64, int(offsets[-1])), offsets, 0)


def read_inputs(
    value: str | list[str] | list[int] | list[list[int]], param: str, limits: Limits, prompt_name: str | None = None
) -> Inputs:
    """Give a request's texts or ids; ``param`` is the name of their field.

    Raises:
        ApiError: There are none, or too many, or one is empty or too large, or a prompt is to be put before ids.
    """
    if isinstance(value, str):
        inputs = Inputs([value], None, is_batch=False)
    elif value and isinstance(value[0], int):
        inputs = Inputs([], [value], is_batch=False)
    elif value and isinstance(value[0], list):
        inputs = Inputs([], value, is_batch=True)
    else:
        inputs = Inputs(value, None, is_batch=True)  # type: ignore[arg-type] # all of them are
    most = limits.max_client_batch_size
    if len(inputs) > most:
        raise invalid(f"batch size {len(inputs)} > maximum allowed batch size {most}", param=param)
    rows = inputs.texts if inputs.ids is None else inputs.ids
    if not rows or not all(rows):
        raise empty(param, next((i for i, row in enumerate(rows) if not row), None) if inputs.is_batch else None)
    if inputs.ids is not None and prompt_name is not None:
        raise invalid("prompt_name goes with texts; token ids are read as they are", param="prompt_name")
    for place, text in enumerate(inputs.texts):
        if len(text) > limits.max_text_characters:
            most = limits.max_text_characters
            raise invalid(f"input {place} has {len(text)} characters, more than {most}", param=param)
    return inputs
