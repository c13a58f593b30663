"""The parts of a run besides the competitors, each of which can be run alone too."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bench.engines.base import Environment
from bench.environments import ROOT, make_environment, python_of
from bench.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

COMPETITORS, SUITES, SCALING = "competitors", "suites", "scaling"
USUAL = (COMPETITORS, SUITES, SCALING)
PARTS = (*USUAL, "quality", "memory", "breakdown", "operators", "service")
# Both paths in one process, so that pytest-benchmark compares them: ortembed is that of the running Python.
_SUITES_ENVIRONMENT = Environment(
    SUITES, ("pytest==9.2.0 pytest-benchmark==5.3.1 transformers==5.23.0",), lends_packages=True
)


def run_part(name: str, folder: Path) -> None:
    """Run a part other than the competitors; its output is for the user, its files go to the folder.

    Raises:
        EngineError: It fails, or its environment cannot be made.
    """
    command = _suites_command(folder) if name == SUITES else [sys.executable, "-m", f"bench.{name}"]
    if name in {SCALING, "quality", "memory", "service"}:
        command += ["--output", str(folder)]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status:
        raise EngineError(f"{' '.join(command)} ended with {status}")


def _suites_command(folder: Path) -> list[str]:
    make_environment(_SUITES_ENVIRONMENT)
    options = ["--benchmark-only", "-p", "no:cacheprovider", f"--benchmark-json={folder / 'suites.json'}"]
    return [str(python_of(_SUITES_ENVIRONMENT)), "-m", "pytest", "bench/suites", *options]
