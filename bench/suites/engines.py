"""What the suites compare: ortembed in each dtype, and the pure-Python path with either tokenizer."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

import ortembed
from bench.model import MODEL, model_folder
from bench.plain_export import plain_export
from bench.pure_python import PurePythonEmbedder, make_tokenize

OURS = {"ortembed": "float32", "ortembed-int8": "int8"}
PURE = ("tokenizers", "AutoTokenizer")
NAMES = (*OURS, *PURE)
MAX_TOKENS = 256
EXPORT_VARIABLE = "ORTEMBED_BENCH_ONNX"
_EXPORT = Path(__file__).resolve().parents[2] / ".dev/bench/plain-export"


@cache
def ours(name: str, threads: int) -> ortembed.Embedder:
    """Load ortembed, once for each of OURS and each number of threads."""
    return ortembed.Embedder(MODEL, dtype=OURS[name], threads=threads)


@cache
def pure(form: str, threads: int) -> PurePythonEmbedder:
    """Load the pure-Python path, once for each of PURE and each number of threads; skip where transformers is not.

    The graph is ORTEMBED_BENCH_ONNX, any ordinary export of the model; without it one is made.
    """
    if form == "AutoTokenizer":
        pytest.importorskip("transformers", reason="AutoTokenizer needs the package transformers; ./dev bench has it")
    given = os.environ.get(EXPORT_VARIABLE)
    graph = Path(given) if given else plain_export(model_folder(), _EXPORT)
    return PurePythonEmbedder(graph, make_tokenize(form, model_folder(), max_tokens=MAX_TOKENS), threads=threads)
