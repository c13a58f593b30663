"""Links a module for macOS in the compiler's place; run as ``link_macos.py TRIPLE ARGUMENTS``, as a compiler is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from platforms.toolchain import lld, zig, zig_environment

EXPORTED = "_PyInit__native"


def main() -> None:
    """Run the linker with the compiler's arguments."""
    triple = sys.argv[1]
    oldest = triple.rpartition("macos.")[2]
    system = zig().parent / "lib/libc/darwin"
    command = [*lld(), "-arch", "arm64", "-platform_version", "macos", oldest, oldest, "-bundle"]
    # All else stays inside, the C++ library above all.
    command += ["-exported_symbol", EXPORTED, *linker_arguments(sys.argv[2:]), *cpp_library(triple)]
    os.execv(command[0], [*command, f"-L{system}", "-lSystem"])  # noqa: S606 - no shell is wanted


def linker_arguments(arguments: list[str]) -> list[str]:
    """Give what a compiler would pass on: the files, the output, and what follows -Wl."""
    kept = []
    following = iter(arguments)
    for argument in following:
        if argument == "-o":
            kept += ["-o", next(following)]
        elif argument.startswith("-Wl,"):
            kept += argument.split(",")[1:]
        elif argument.endswith((".o", ".a")):
            kept.append(argument)
    return kept


def cpp_library(triple: str) -> list[str]:
    """Give the archives of zig's C++ library, which it makes when it links for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "empty.cpp")
        source.write_text("", "utf-8")
        command = [zig(), "c++", "-target", triple, "-O3", "-shared", source, "-o", Path(folder, "empty.so")]
        environment = {**zig_environment(), "ZIG_VERBOSE_LINK": "1"}
        linked = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr
    return [word for word in linked.split() if word.endswith(("/libc++.a", "/libc++abi.a"))]


if __name__ == "__main__":
    main()
