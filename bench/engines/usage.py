"""What processes have used: CPU time and memory, from the system's own counters."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UTIME, _STIME = 11, 12  # fields of /proc/<pid>/stat, counted behind the command's name
_KIB, _MB = 1024, 1e6


def cpu_seconds(processes: Sequence[int]) -> float:
    """Sum user and system time; other processes than this one are known on Linux only."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    total = own.ru_utime + own.ru_stime
    for process in set(processes) - {os.getpid()}:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
        total += (int(fields[_UTIME]) + int(fields[_STIME])) / os.sysconf("SC_CLK_TCK")
    return total


def peak_megabytes(processes: Sequence[int]) -> float:
    """Sum the peaks of resident memory, in megabytes of 10^6 bytes."""
    if sys.platform == "darwin":  # there in bytes, and of this process only
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MB
    # Not ru_maxrss: before its exec a process counts its parent's memory there.
    return sum(_high_water_mark(process) for process in processes) * _KIB / _MB


def _high_water_mark(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{process}/status does not tell the peak of memory")
