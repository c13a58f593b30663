"""Owns Python's headers and, for Windows, its import library, as a build on another machine needs them.

Under the stable ABI the headers are the same on every platform but for pyconfig.h, of which include/ has one that
suits them all. They are Debian's, of the Python that the Linux wheels are run with.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from platforms.debian import unpack
from platforms.limited_api import known_symbols
from platforms.paths import HERE, WORK, run

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = "python3.13"


def python_headers() -> Path:
    """Give the folder of the headers, made where it is missing."""
    unpacked = unpack([f"lib{PYTHON}-dev"], "amd64", WORK / "headers", dependencies=False)
    folder = unpacked / "usr/include" / PYTHON
    shutil.copy(HERE / "include/pyconfig.h", folder)
    return folder


def import_library(zig: Path, folder: Path) -> Path:
    """Make python3.lib, which names what Windows' python3.dll has: the stable ABI."""
    functions, data = known_symbols()
    definition = folder / "python3.def"
    lines = ["LIBRARY python3.dll", "EXPORTS", *sorted(functions), *(f"{name} DATA" for name in sorted(data))]
    definition.write_text("\n".join(lines) + "\n", "utf-8")
    library = folder / "python3.lib"
    run(zig, "dlltool", "-m", "i386:x86-64", "-d", definition, "-l", library)
    return library
