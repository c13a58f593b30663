"""llama.cpp with float32 weights."""

from __future__ import annotations

from typing import ClassVar

from bench.engines import llama_cpp
from bench.engines.base import BFLOAT16_COSINE


class Competitor(llama_cpp.Competitor):
    """The same with weights as they are."""

    name = "llama.cpp-f32"
    label = "llama.cpp, F32"
    dtype = "float32"
    min_cosine = BFLOAT16_COSINE  # its GELU is the one of tanh, from a table in float16, and so are keys and values
    weights: ClassVar[str] = "F32"
