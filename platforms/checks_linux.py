"""Owns what a module for Linux is checked for: that the oldest glibc of its tag loads it into any Python."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import lief

from platforms.limited_api import outside_stable_abi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from platforms.targets import Target

MACHINES = {"aarch64": lief.ELF.ARCH.AARCH64, "x86_64": lief.ELF.ARCH.X86_64}
SEARCH_PATHS = {lief.ELF.DynamicEntry.TAG.RPATH, lief.ELF.DynamicEntry.TAG.RUNPATH}
UNDEFINED = 0  # the section of what comes from elsewhere
LIBRARY = re.compile(r"(lib(c|dl|m|pthread|rt)\.so\.\d|ld-linux[\w-]*\.so\.\d)")


def problems(path: Path, target: Target) -> Iterator[str]:
    """Give what is wrong with a module."""
    module = lief.ELF.parse(str(path)) if lief.is_elf(str(path)) else None
    if module is None:
        yield "the module is no ELF file"
        return
    if module.header.machine_type != MACHINES[target.processor]:
        yield f"the module is for {module.header.machine_type.name}"
    for library in module.libraries:
        if not LIBRARY.fullmatch(library):
            yield f"the module needs {library}, which is not glibc's"
    if any(entry.tag in SEARCH_PATHS for entry in module.dynamic_entries):
        yield "the module looks for libraries in a folder of its own"
    exported = sorted(symbol.name for symbol in module.dynamic_symbols if symbol.exported)
    if exported != ["PyInit__native"]:
        yield f"the module exports {', '.join(exported) or 'nothing'}"
    unpromised = outside_stable_abi(symbol.name for symbol in module.dynamic_symbols if symbol.shndx == UNDEFINED)
    if unpromised:
        yield f"the module uses {', '.join(unpromised)}, outside the stable ABI"


def tag_problems(wheel: Path, target: Target) -> Iterator[str]:
    """Ask auditwheel whether the wheel keeps its tag's promise."""
    command = [sys.executable, "-m", "auditwheel", "show", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    verdict = re.search(r'platform\s+tag:\s+"manylinux_(\d+)_(\d+)_(\w+)"', done.stdout)
    if verdict is None:
        yield f"auditwheel finds no manylinux tag: {(done.stdout + done.stderr).strip()}"
        return
    _, major, minor, machine = target.platform_tag.split("_", 3)
    if verdict[3] != machine or (int(verdict[1]), int(verdict[2])) > (int(major), int(minor)):
        yield f"auditwheel says {verdict[0].split()[-1]}"
