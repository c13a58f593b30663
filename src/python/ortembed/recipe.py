"""How texts become rows: a caller's options joined with the model's settings, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Prompt(NamedTuple):
    """Words before each text, and how many tokens of each row pooling leaves out for them."""

    words: str = ""
    skip_tokens: int = 0


class Recipe(NamedTuple):
    """What is done with each text.

    Attributes:
        prompt: What goes before it.
        normalize: Whether its vector is scaled to norm 1.
        dimension: Values of the vector that are kept, cut before normalization.
        precision: What the values become.
        ranges: float32 [2, dimension], the smallest and largest value of each dimension for precisions that need
            them; None where they are taken from the vectors themselves.
    """

    prompt: Prompt
    normalize: bool
    dimension: int
    precision: str = "float32"
    ranges: npt.NDArray[np.float32] | None = None
