"""Owns disassembling a module: with this machine's objdump for its own, with Debian's LLVM for other platforms'."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from platforms.debian import unpack
from platforms.paths import WORK
from platforms.toolchain import lld_root, loaded_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LLVM = "llvm-19"  # the linker's release, whose libraries it shares
_AARCH64 = {"aarch64", "arm64"}
# In modules for macOS LLVM's knows only the oldest instructions, unless told; in Apple's syntax it forgets operands.
_OF_AARCH64 = ["--mattr=+all", "-mllvm", "--aarch64-neon-syntax=generic"]


def native_objdump() -> list[str] | None:
    """Give the command that comes with the compiler: GNU's or LLVM's. None where there is none."""
    found = shutil.which("objdump") or shutil.which("llvm-objdump")
    if found is None:
        return None
    is_llvms = sys.platform == "darwin" or "llvm" in found
    return [found, *(_OF_AARCH64 if is_llvms and platform.machine() in _AARCH64 else [])]


def cross_objdump(processor: str) -> list[str]:
    """Give the command of LLVM's, which reads every platform's modules, for a processor of CMake's name.

    Raises:
        NoDebianError: This machine does not get packages from Debian.
    """
    folder = unpack([LLVM], "amd64", WORK / LLVM, dependencies=False)
    command = [*loaded_by(lld_root(), "llvm-objdump"), str(folder / f"usr/lib/{LLVM}/bin/llvm-objdump")]
    return [*command, *(_OF_AARCH64 if processor in _AARCH64 else [])]


def disassemble(objdump: Sequence[str], module: Path) -> str:
    """Give the text of all code in a module."""
    command = [*objdump, "-d", "--no-show-raw-insn", str(module)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
