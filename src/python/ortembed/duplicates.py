"""Texts that come more than once: run once, each occurrence given its vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class DistinctTexts(NamedTuple):
    """Texts without repetitions, and where each text of the caller's is among them.

    Attributes:
        texts: The distinct texts, in the order in which they first came.
        positions: intp [n]; the caller's text i is texts[positions[i]]. None where there were no duplicates.
    """

    texts: Sequence[str]
    positions: npt.NDArray[np.intp] | None


def distinct_texts(texts: Sequence[str]) -> DistinctTexts:
    """Find the texts that are not equal to one before them."""
    first = dict.fromkeys(texts)
    if len(first) == len(texts):
        return DistinctTexts(texts, None)
    distinct = list(first)
    places = {text: place for place, text in enumerate(distinct)}
    positions = np.fromiter(map(places.__getitem__, texts), np.intp, len(texts))
    return DistinctTexts(distinct, positions)
