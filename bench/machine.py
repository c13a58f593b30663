"""What machine a run was made on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_TELLING = ("avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
_MODEL_KEYS = ("model name", "Model")


def describe_machine(threads: int) -> dict[str, object]:
    """Give processor, cores, memory, system and Python."""
    lines = _cpu_lines()
    flags = next((value.split() for key, value in lines if key in {"flags", "Features"}), [])
    return {
        "processor": next((value for key, value in lines if key in _MODEL_KEYS), platform.processor()),
        "instructions": [flag for flag in _TELLING if flag in flags],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads_used": threads,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def _cpu_lines() -> list[tuple[str, str]]:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except FileNotFoundError:  # not Linux
        return []
    parts = (line.partition(":") for line in text.splitlines())
    return [(key.strip(), value.strip()) for key, _, value in parts]
