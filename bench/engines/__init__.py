"""The competitors, one a file, in the order in which tables show them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.engines.base import Engine

# Modules of this package; each has a class Competitor, an Engine.
MODULES = [
    "ours_int8",
    "ours_bfloat16",
    "ours_float32",
    "ours_int8_runtime",
    "sentence_transformers_torch",
    "sentence_transformers_onnx",
    "sentence_transformers_onnx_int8",
    "sentence_transformers_openvino",
    "sentence_transformers_openvino_bf16",
    "fastembed_onnx",
    "llama_cpp",
    "llama_cpp_f32",
    "pure_tokenizers",
    "pure_transformers",
]


PACKED = ("ours_int8", "ours_bfloat16")  # of these, those that run ortembed's own operators


def load_engine(name: str) -> Engine:
    """Make the engine of a module here, or of "module:Class" elsewhere; its library is not imported yet.

    "module@avx2" is one of ours that has to do with the instructions that ORTEMBED_ISA calls so.
    """
    place, _, isa = name.partition("@")
    module, _, competitor = place.partition(":")
    path = module if competitor else f"bench.engines.{module}"
    engine: Engine = getattr(importlib.import_module(path), competitor or "Competitor")()
    if isa:
        engine.restrict(isa)
    return engine


def with_isas(modules: Sequence[str], isas: Sequence[str]) -> list[str]:
    """Add an engine for each of PACKED and each instruction set, behind those that choose by themselves."""
    last = max((place for place, module in enumerate(modules) if module in PACKED), default=0)
    more = [f"{module}@{isa}" for isa in isas for module in modules if module in PACKED]
    return [*modules[: last + 1], *more, *modules[last + 1 :]]
