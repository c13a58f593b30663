"""Owns what makes a wheel of another platform: built, checked, and run where it is for Linux."""

from __future__ import annotations

import subprocess
import sys
import time

from platforms.build import build_wheel
from platforms.checks import WheelError, check_wheel
from platforms.checks_loops import LoopError, check_loops
from platforms.debian import NoDebianError
from platforms.emulated import run_wheel
from platforms.paths import say
from platforms.targets import TARGETS, Target


def make_wheels(names: list[str], model_package: str) -> None:
    """Make the wheels of these targets; exit where one cannot be had or is not what it should be."""
    for name in names:
        try:
            _make(TARGETS[name], model_package)
        except NoDebianError as error:
            sys.exit(f"dev: NOT MADE, the wheel for {name}: {error}, from where tools and headers come")
        except (WheelError, LoopError, subprocess.CalledProcessError) as error:
            sys.exit(f"dev: the wheel for {name} failed: {error}")


def _make(target: Target, model_package: str) -> None:
    began = time.monotonic()
    wheel = build_wheel(target)
    built = time.monotonic() - began
    check_wheel(wheel, target)
    check_loops(wheel, target)
    runs = target.system == "Linux"
    if runs:
        run_wheel(wheel, target, model_package)
    done = f"checked and run in {time.monotonic() - began - built:.0f} s" if runs else "checked, not run"
    say(f"wheel: {wheel.name}, {wheel.stat().st_size / 1024:.0f} KiB, built in {built:.0f} s, {done}")
