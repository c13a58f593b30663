"""Makes what hides instructions from the runtime, once for each library, and gives a process's variables for it."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.environments import HOME
from bench.errors import EngineError
from bench.roofline import SOURCES
from bench.without_vnni import older, rewriting
from bench.without_vnni.rewriting import write_copy

if TYPE_CHECKING:
    from bench.without_vnni.older import Processor

BUILT = HOME / "without_vnni"
_HANDLER = SOURCES / "hidden_cpuid.c"


def hiding_variables(library: Path, processor: Processor) -> dict[str, str]:
    """Give the variables with which a process of ortembed takes the machine for an older processor.

    Raises:
        EngineError: It cannot be done here; the message tells what is missing.
    """
    check_system()
    state = hashlib.sha256(library.read_bytes() + _HANDLER.read_bytes())
    for source in (older, rewriting):
        state.update(Path(source.__file__).read_bytes())
    folder = BUILT / f"{processor.name}-{state.hexdigest()[:16]}"
    copy, handler = folder / library.name, folder / "hidden_cpuid.so"
    if not folder.exists():
        BUILT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILT) as partial:
            made = Path(partial) / folder.name
            made.mkdir()
            build_handler(made / handler.name, processor)
            write_copy(library, made / copy.name, processor, tool("objdump", "binutils"))
            made.rename(folder)
    return {"LD_PRELOAD": str(handler), "ORTEMBED_ONNXRUNTIME_LIBRARY": str(copy)}


def check_system() -> None:
    """Refuse systems for which there is no handler.

    Raises:
        EngineError: This is not Linux on x86-64.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise EngineError(f"instructions can be hidden on Linux x86-64 alone, and this is {platform.platform()}")


def build_handler(target: Path, processor: Processor) -> None:
    """Compile the library to preload.

    Raises:
        EngineError: There is no C compiler, or it fails.
    """
    compiler = tool("cc", "a C compiler: gcc or clang")
    command = [compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *processor.macros]
    done = subprocess.run([*command, _HANDLER, "-o", target], capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"{compiler} cannot compile {_HANDLER.name}:\n{done.stderr[-2000:]}")


def tool(name: str, package: str) -> str:
    """Give the path of a program.

    Raises:
        EngineError: It is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise EngineError(f"instructions are hidden by means of {name}, which is not here; install {package}")
    return found
