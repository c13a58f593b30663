"""Owns what a module for Windows is checked for: that it needs nothing but Python and the system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import lief

from platforms.limited_api import outside_stable_abi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from platforms.targets import Target

PYTHON = "python3.dll"
SYSTEM = re.compile(r"kernel32\.dll|ucrtbase\.dll|api-ms-win-crt-[a-z0-9-]+\.dll", re.IGNORECASE)


def problems(path: Path, _target: Target) -> Iterator[str]:
    """Give what is wrong with a module."""
    module = lief.PE.parse(str(path)) if lief.is_pe(str(path)) else None
    if module is None:
        yield "the module is no PE file"
        return
    if module.header.machine != lief.PE.Header.MACHINE_TYPES.AMD64:
        yield f"the module is for {module.header.machine.name}"
    for library in module.imports:
        if library.name == PYTHON:
            unpromised = outside_stable_abi(entry.name for entry in library.entries)
            if unpromised:
                yield f"the module uses {', '.join(unpromised)}, outside the stable ABI"
        elif not SYSTEM.fullmatch(library.name):
            yield f"the module needs {library.name}"
    exported = sorted(entry.name for entry in module.get_export().entries) if module.has_exports else []
    if "PyInit__native" not in exported:  # nanobind adds its exceptions' tables
        yield f"the module exports {', '.join(exported) or 'nothing'}, but no PyInit__native"
