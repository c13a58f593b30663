"""Owns the tools that compile for a target: zig's clang, and for macOS the linker of LLVM.

zig brings a C++ library for each target, which is linked in: users' machines need none, and the wheel cannot clash
with another one's. Its linker for macOS writes modules with an empty header (0.14 to 0.17), so LLVM's links there.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

from platforms.debian import unpack
from platforms.paths import HERE, WORK

if TYPE_CHECKING:
    from platforms.targets import Target

LLD = "lld-19"


def zig() -> Path:
    """Give zig's executable."""
    return Path(str(distribution("ziglang").locate_file("ziglang/zig")))


def make_tools(target: Target) -> Path:
    """Make the folder of a target's tools: c++, ar and ranlib."""
    folder = WORK / f"tools/{target.name}"
    folder.mkdir(parents=True, exist_ok=True)
    # For any x86-64 zig switches registers of 512 bits off, and no option of AVX-512 alone brings them back.
    wide = ["-mevex512"] if target.processor in {"x86_64", "AMD64"} else []
    compiler = [zig(), "c++", "-target", target.triple, *wide]
    linker = ""
    if target.system == "Darwin":
        lld()
        link = shlex.join(map(str, [sys.executable, HERE / "link_macos.py", target.triple]))
        linker = f'case " $* " in *" -bundle "*) exec {link} "$@" ;; esac\n'
    _write_tool(folder / "c++", compiler, linker)
    _write_tool(folder / "ar", [zig(), "ar"])
    _write_tool(folder / "ranlib", [zig(), "ranlib"])
    return folder


def lld() -> list[str]:
    """Give the command of LLVM's linker for macOS: Debian's, with the libraries and the loader of its own release."""
    return [*loaded_by(lld_root(), "ld64.lld"), str(lld_root() / "usr/bin" / LLD)]


def lld_root() -> Path:
    """Give the folder of the linker's packages, the libraries of LLVM among them."""
    return unpack([LLD], "amd64", WORK / LLD)


def loaded_by(root: Path, name: str) -> list[str]:
    """Give how a command begins that runs a program of a Debian folder's libraries, under a name."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    return [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries), "--argv0", name]


def zig_environment() -> dict[str, str]:
    """Give the variables for zig: its caches are ours."""
    cache = str(WORK / "zig-cache")
    return {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}


def _write_tool(path: Path, command: list[object], before: str = "") -> None:
    shell = shutil.which("sh")
    path.write_text(f'#!{shell}\n{before}exec {shlex.join(map(str, command))} "$@"\n', "utf-8")
    path.chmod(0o755)
