"""The texts of a run: questions, and three corpora of real docstrings, picked evenly from all that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.corpora.questions import QUESTIONS
from bench.corpora.stdlib_docstrings import docstrings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CORPORA = ("short", "mixed", "long")
_SHORT_CHARACTERS = 20, 60  # of a docstring's first line: 5 to 15 tokens
_LONG_CHARACTERS = 1_200  # enough for 256 tokens of English, or nearly


def select_texts(queries: int, counts: Mapping[str, int]) -> dict[str, list[str]]:
    """Give the queries and the corpora by name, each in the order of the library's names, texts once each.

    Fewer texts than asked for come back where the library has no more.
    """
    texts = [docstring.text for docstring in docstrings()]
    least, most = _SHORT_CHARACTERS
    lines = dict.fromkeys(text.splitlines()[0].strip() for text in texts)
    found = {
        "short": [line for line in lines if least <= len(line) <= most],
        "mixed": texts,
        "long": [text for text in texts if len(text) >= _LONG_CHARACTERS],
    }
    asked = [QUESTIONS[i % len(QUESTIONS)] for i in range(queries)]
    return {"queries": asked, **{name: evenly(found[name], counts[name]) for name in CORPORA}}


def evenly(texts: Sequence[str], count: int) -> list[str]:
    """Pick so many texts at even distances, in order."""
    count = min(count, len(texts))
    return [texts[i * len(texts) // count] for i in range(count)]
