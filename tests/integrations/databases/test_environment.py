"""The databases run with the packages that ortembed is tested with, and not with others of their own."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["huggingface_hub", "numpy", "onnxruntime", "ortembed", "tokenizers"])
def test_what_ortembed_needs_is_the_main_environments(name):
    origin = Path(importlib.util.find_spec(name).origin)
    assert not origin.is_relative_to(sys.prefix), "a database brought its own; see environment.py"
