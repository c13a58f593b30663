"""ortembed in bfloat16, from a wheel of this tree."""

from __future__ import annotations

from bench.engines import ours_float32
from bench.engines.base import BFLOAT16_COSINE


class Competitor(ours_float32.Competitor):
    """The same with ``dtype="bfloat16"``."""

    name = "ours-bfloat16"
    label = "ortembed, bfloat16"
    dtype = "bfloat16"
    min_cosine = BFLOAT16_COSINE
