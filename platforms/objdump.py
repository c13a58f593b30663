"""Owns disassembling a module: with this machine's objdump for its own, with Debian's LLVM for other platforms'."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from platforms.debian import unpack
from platforms.paths import WORK
from platforms.toolchain import lld_root, loaded_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LLVM = "llvm-19"  # the linker's release, whose libraries it shares


def native_objdump() -> list[str] | None:
    """Give the command that comes with the compiler: GNU's or LLVM's. None where there is none."""
    found = shutil.which("objdump") or shutil.which("llvm-objdump")
    return [found] if found else None


def cross_objdump() -> list[str]:
    """Give the command of LLVM's, which reads every platform's modules.

    Raises:
        NoDebianError: This machine does not get packages from Debian.
    """
    folder = unpack([LLVM], "amd64", WORK / LLVM, dependencies=False)
    return [*loaded_by(lld_root(), "llvm-objdump"), str(folder / f"usr/lib/{LLVM}/bin/llvm-objdump")]


def disassemble(objdump: Sequence[str], module: Path) -> str:
    """Give the text of all code in a module."""
    command = [*objdump, "-d", "--no-show-raw-insn", str(module)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
