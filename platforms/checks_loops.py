"""Owns the check of a wheel's inner loops: what product_loops asks of them, in the module that is in the wheel."""

from __future__ import annotations

import platform
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from platforms.objdump import cross_objdump, disassemble, native_objdump
from platforms.paths import say
from platforms.product_loops import compiled_isas, problems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from platforms.targets import Target


class LoopError(Exception):
    """A module's inner loops are not as fast as they are written; the message tells which, and why."""


def check_native_loops(wheel: Path) -> None:
    """Check the loops in a wheel of this machine; where there is no objdump, say so.

    Raises:
        LoopError: With everything that is wrong.
    """
    objdump = native_objdump()
    if objdump is None:
        say("NOT CHECKED: the inner loops, for which there is no objdump; it is in binutils, or LLVM")
        return
    _check(wheel, objdump, platform.machine())


def check_loops(wheel: Path, target: Target) -> None:
    """Check the loops in a wheel of another platform.

    Raises:
        LoopError: With everything that is wrong.
        NoDebianError: This machine does not get packages from Debian, where the tool for it is from.
    """
    _check(wheel, cross_objdump(target.processor), target.processor)


def _check(wheel: Path, objdump: Sequence[str], processor: str) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.startswith("ortembed/_native.")
                     and not name.endswith(".pyi"))  # fmt: skip
        text = disassemble(objdump, Path(archive.extract(member, folder)))
    found = problems(text, compiled_isas(processor))
    if found:
        raise LoopError("\n".join([f"{wheel.name}:", *(f"  {problem}" for problem in found)]))
