"""The competitors, one a file, in the order in which tables show them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.engines.base import Engine

# Modules of this package; each has a class Competitor, an Engine.
MODULES = [
    "ours_int8",
    "ours_float32",
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


def load_engine(name: str) -> Engine:
    """Make the engine of a module here, or of "module:Class" elsewhere; its library is not imported yet."""
    module, _, competitor = name.partition(":")
    path = module if competitor else f"bench.engines.{module}"
    engine: Engine = getattr(importlib.import_module(path), competitor or "Competitor")()
    return engine
