"""The kernels' stand-alone test on processors that this machine does not have: compiled for them, run by QEMU."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from platforms import emulated
from platforms.debian import NoDebianError, unpack
from platforms.paths import HERE, ROOT, WORK
from platforms.targets import TARGETS
from platforms.toolchain import make_tools, zig_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

AARCH64 = TARGETS["linux-aarch64"]
GCC = "aarch64-linux-gnu-"


def emulator(processor: str) -> Path:
    """Give QEMU for a processor: Debian's newest, or this machine's own.

    Raises:
        NoDebianError: There is neither.
    """
    try:
        return emulated.emulator(processor)
    except NoDebianError:
        if found := shutil.which(f"qemu-{processor}"):
            return Path(found)
        raise


def build_with_zig() -> list[object]:
    """Compile for AArch64 with the compiler of the wheels; give the command's part that comes after QEMU."""
    system = unpack(["libc6"], "arm64", WORK / "libc6-arm64", dependencies=False)
    return ["-L", system, _build("zig", make_tools(AARCH64), "", zig_environment())]


def build_with_gcc() -> list[object]:
    """The same with GCC, which other builds use."""
    tools = WORK / "tools/gcc-aarch64"
    tools.mkdir(parents=True, exist_ok=True)
    for tool, name in {"c++": "g++", "ar": "ar", "ranlib": "ranlib"}.items():
        (tools / tool).unlink(missing_ok=True)
        (tools / tool).symlink_to(str(shutil.which(GCC + name)))
    return [_build("gcc", tools, "-static", None)]


def run(command: list[object], *arguments: str) -> str:
    """Run the test; give what it printed, and its complaint where it failed."""
    done = subprocess.run(list(map(str, [*command, *arguments])), capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr}"


def _build(compiler: str, tools: Path, link_flags: str, environment: Mapping[str, str] | None) -> Path:
    folder = ROOT / f"build/selftest-{compiler}"
    defines = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_TOOLCHAIN_FILE": HERE / "cmake/zig.cmake",
        "CMAKE_EXE_LINKER_FLAGS": link_flags,
        "ORTEMBED_TESTING": "ON",
        "ORTEMBED_TOOLS": tools,
        "ORTEMBED_SYSTEM": AARCH64.system,
        "ORTEMBED_PROCESSOR": AARCH64.processor,
        "Python_EXECUTABLE": sys.executable,
    }
    cmake = Path(sys.executable).with_name("cmake")
    ninja = Path(sys.executable).with_name("ninja")
    settings = [f"-D{name}={value}" for name, value in defines.items()]
    for command in (
        [cmake, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-S", ROOT, "-B", folder, *settings],
        [cmake, "--build", folder, "--target", "kernels_selftest"],
    ):
        done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "kernels_selftest"
