"""Finds the ONNX Runtime library, without importing the package that carries it."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from ortembed import _native
from ortembed.errors import RuntimeLibraryError

VARIABLE = "ORTEMBED_ONNXRUNTIME_LIBRARY"

_PATTERNS = {"win32": "onnxruntime.dll", "darwin": "libonnxruntime*.dylib"}


def find_runtime_library() -> Path:
    """Give the absolute path of the library to load.

    It is the file that the variable ORTEMBED_ONNXRUNTIME_LIBRARY names, else the one inside the installed
    ``onnxruntime`` package (any build of it: CPU, CUDA, OpenVINO …).

    Raises:
        RuntimeLibraryError: Neither is there.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named).absolute()
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise RuntimeLibraryError(
            f"the onnxruntime package is not installed; pip install onnxruntime, or set {VARIABLE}"
        )
    folder = Path(spec.origin).parent / "capi"
    pattern = _PATTERNS.get(sys.platform, "libonnxruntime.so*")
    found = sorted(folder.glob(pattern))
    if not found:
        raise RuntimeLibraryError(
            f"no {pattern} in {folder}; this build of onnxruntime has no C library: "
            f"install onnxruntime 1.21 or newer, or set {VARIABLE}"
        )
    return found[0].absolute()


def available_providers() -> list[str]:
    """Give the names of the execution providers that the library was built with, in its order of preference.

    Raises:
        RuntimeLibraryError: The library is missing or too old.
    """
    return _native.available_providers(find_runtime_library())
