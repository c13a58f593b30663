"""What is compared: ortembed's packed int8 without VNNI, and the runtime's operators on pretended processors."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.environments import python_of
from bench.preparation import prepare_engine
from bench.without_vnni.hiding import hiding_variables
from bench.without_vnni.older import AVX2, AVX512

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bench.engines.base import Engine, Setup
    from bench.without_vnni.older import Processor

_NEWER = {"avx512f", "avx_vnni"}  # that a processor with AVX2 alone lacks, as /proc/cpuinfo spells them
_FIND = "from ortembed.runtime_library import find_runtime_library; print(find_runtime_library())"


@dataclass(frozen=True)
class Row:
    """An engine, and the processor that the runtime in its process takes the machine for; None for the real one."""

    module: str
    label: str
    processor: Processor | None

    @property
    def instructions(self) -> str:
        """What the runtime may use, in words."""
        return self.processor.words if self.processor else "all of this machine"


OURS = Row("ours_int8@avx2", "ortembed's operators, int8", AVX2)
OURS_AVX512 = Row("ours_int8@avx512", OURS.label, AVX512)
RUNTIME = Row("ours_int8_runtime", "the runtime's operators, int8", AVX2)
ROWS = (
    OURS,
    RUNTIME,
    Row("ours_float32", "the runtime's operators, float32", AVX2),
    OURS_AVX512,
    Row("ours_int8_runtime", "the runtime's operators, int8", AVX512),
    Row("ours_int8_runtime", "the runtime's operators, int8", None),
    Row("ours_float32", "the runtime's operators, float32", None),
)


def rows_of_machine(instructions: Collection[str]) -> list[Row]:
    """Give the rows that a machine with these instructions can have: what is pretended has to be older than it is."""
    if not _NEWER & set(instructions):
        return [row for row in ROWS if row.processor is AVX2]
    return [row for row in ROWS if row.processor is not AVX512 or "avx512f" in instructions]


def prepare_rows(rows: Sequence[Row], setup: Setup, instructions: Collection[str]) -> list[Engine]:
    """Make each row's engine, with the variables of its process.

    Raises:
        EngineError: Something cannot be made; the message tells what to install.
    """
    engines = []
    for row in rows:
        engine = prepare_engine(row.module, setup)
        engine.label = row.label
        if row.processor and _NEWER & set(instructions):
            engine.variables = {**engine.variables, **hiding_variables(library_of(engine), row.processor)}
        engines.append(engine)
    return engines


def library_of(engine: Engine) -> Path:
    """Give the runtime's library in an engine's environment."""
    command = [python_of(engine.environment), "-c", _FIND]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
