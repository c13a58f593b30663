"""The parts of a run besides the competitors: suites of pytest-benchmark, and the scaling curves."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bench.engines.base import Environment
from bench.environments import ROOT, make_environment, python_of
from bench.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMPETITORS, SUITES, SCALING = PARTS = ("competitors", "suites", "scaling")
# Both paths in one process, so that pytest-benchmark compares them: ortembed is that of the running Python.
_ENVIRONMENT = Environment(
    "suites", ("pytest==9.2.0 pytest-benchmark==5.3.1 transformers==5.23.0",), lends_packages=True
)


def run_suites(folder: Path) -> None:
    """Time ours beside the pure-Python path, stage by stage and whole; write suites.json.

    Raises:
        EngineError: The environment cannot be made, an answer is wrong, or a suite fails.
    """
    make_environment(_ENVIRONMENT)
    _show([str(python_of(_ENVIRONMENT)), "-m", "pytest", "bench/suites", "--benchmark-only", "-p", "no:cacheprovider",
           f"--benchmark-json={folder / 'suites.json'}"])  # fmt: skip


def run_scaling(folder: Path) -> None:
    """Measure how time grows with texts, length, threads and callers; write scaling.json and its picture.

    Raises:
        EngineError: It fails.
    """
    _show([sys.executable, "-m", "bench.scaling", "--output", str(folder)])


def _show(command: Sequence[str]) -> None:
    """Run a command whose output is for the user."""
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status:
        raise EngineError(f"{' '.join(command)} ended with {status}")
