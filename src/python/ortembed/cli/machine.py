"""What ortembed finds on this machine, as plain values: versions, runtime, providers, threads, cache."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ortembed import _native
from ortembed.cores import choose_threads
from ortembed.prepare.store import default_cache_dir
from ortembed.runtime_library import available_providers, find_runtime_library


def machine(cache_dir: str | None, threads: int | None = None) -> dict[str, Any]:
    """Give all of it in values that JSON has.

    Raises:
        RuntimeLibraryError: ONNX Runtime is missing or too old.
        InvalidInputError, ModelLoadError: ORTEMBED_NUM_THREADS is no number, ORTEMBED_ISA no instruction set of this
            machine; no folder for the cache is known.
    """
    library = find_runtime_library()
    return {
        "ortembed": version("ortembed"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "runtime": f"ONNX Runtime {_native.runtime_version(library)}",
        "library": str(library),
        "providers": available_providers(),
        "instruction set": _instruction_set(),
        "threads": choose_threads(threads),
        "cache": _cache(Path(cache_dir) if cache_dir else default_cache_dir()),
    }


def _instruction_set() -> str:
    """Tell which one ortembed's own operators use, and which they could use besides."""
    chosen = _native.chosen_isa()
    others = [name for name in _native.available_isas() if name != chosen]
    return f"{chosen} (also here: {', '.join(others)})" if others else chosen


def _cache(folder: Path) -> str:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1e9
    access = "writable" if os.access(existing, os.W_OK) else "read-only"
    return f"{folder} ({access if existing == folder.absolute() else f'not there yet, {access}'}, {free:.1f} GB free)"
