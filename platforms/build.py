"""Owns building the wheel of another platform on this machine."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from platforms.paths import DIST, HERE, ROOT, WORK, pip, say
from platforms.python_headers import import_library, python_headers
from platforms.toolchain import make_tools, zig, zig_environment

if TYPE_CHECKING:
    from pathlib import Path

    from platforms.targets import Target


def build_wheel(target: Target) -> Path:
    """Build a target's wheel into dist/."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        sys.exit("wheels for other platforms are built on Linux x86_64 alone; without --target you get your own")
    say(f"building the wheel for {target.name}")
    tools = make_tools(target)
    defines = {
        "CMAKE_TOOLCHAIN_FILE": HERE / "cmake/zig.cmake",
        "ORTEMBED_TOOLS": tools,
        "ORTEMBED_SYSTEM": target.system,
        "ORTEMBED_PROCESSOR": target.processor,
        "ORTEMBED_PYTHON_INCLUDE": python_headers(),
        "ORTEMBED_PYTHON_LIBRARY": import_library(zig(), tools) if target.system == "Windows" else "",
    }
    settings = {f"cmake.define.{name}": value for name, value in defines.items()}
    # This machine's strip knows no other system's files, and would break their signature.
    settings |= {"install.strip": "false", "wheel.tags": target.wheel_tag, "build-dir": ROOT / f"build/{target.name}"}
    arguments = [f"--config-settings={name}={value}" for name, value in settings.items()]
    wheels = WORK / f"wheels/{target.name}"
    pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", wheels, *arguments, ROOT,
        environment=zig_environment())  # fmt: skip
    (built,) = wheels.glob(f"*-{target.wheel_tag}.whl")
    DIST.mkdir(exist_ok=True)
    return built.replace(DIST / built.name)
