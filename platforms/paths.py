"""Owns where the builds for other platforms keep things, and how they run commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "platforms"
WORK = ROOT / ".dev/platforms"
DIST = ROOT / "dist"


def run(*command: object, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> None:
    """Run a command; CalledProcessError where it fails."""
    subprocess.run([str(part) for part in command], cwd=cwd, env=environment, check=True)


def pip(*arguments: object, environment: Mapping[str, str] | None = None) -> None:
    """Run this Python's pip."""
    quiet = ("--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", arguments[0], *quiet, *arguments[1:], environment=environment)


def say(text: str) -> None:
    """Tell what is going on."""
    print(f"dev: {text}", file=sys.stderr, flush=True)
