"""The roofline: what this machine's cores and memory allow at most, measured, and what a model asks of them.

Run by ``python -m bench.roofline [--threads N] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.errors import EngineError
from bench.model import model_folder
from bench.workload import workload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.workload import Workload

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "bench/micro"
BUILT = ROOT / ".dev/bench/micro"
FLAGS = ("-O3", "-std=c++20", "-pthread")
NATIVE = ("-march=native",)
READ_BYTES = (
    256 * 1024,
    10_616_832,
    42_467_328,
    200_000_000,
)  # a core's cache, MiniLM-L6 in int8 and float32, beyond
BYTES = {"float32": 4, "bfloat16": 2, "int8": 1}  # of a weight
DOTS = ("float32", "int8", "bfloat16")  # that are measured, where the machine has them


class NoCompilerError(EngineError):
    """There is no C++ compiler, or it cannot compile the measurement."""


@dataclass(frozen=True)
class Rate:
    """Something per second, in units of 1e9: on one core, and on all that were measured together."""

    one: float
    all: float


@dataclass(frozen=True)
class Dot:
    """Dot products in registers.

    Attributes:
        instruction: What was used.
        rate: 1e9 operations a second; a multiplication and an addition are two.
    """

    instruction: str
    rate: Rate


@dataclass(frozen=True)
class Reading:
    """Reading memory over and over, each core its own part.

    Attributes:
        bytes: Of all parts together.
        rate: 1e9 bytes a second.
    """

    bytes: int
    rate: Rate


@dataclass(frozen=True)
class Peaks:
    """What a machine can do at most.

    Attributes:
        threads: Cores measured together.
        dots: By type: float32, int8 and, where the machine has it, bfloat16.
        reading: Sizes rising.
    """

    threads: int
    dots: dict[str, Dot]
    reading: tuple[Reading, ...]

    def read_rate(self, size: float) -> float:
        """Give at how many bytes a second, in 1e9, all cores together read so many bytes.

        Between the measured sizes it is interpolated; beyond the largest it is that one's.
        """
        below = None
        for point in self.reading:
            if size <= point.bytes:
                if below is None:
                    return point.rate.all
                share = (size - below.bytes) / (point.bytes - below.bytes)
                return below.rate.all + share * (point.rate.all - below.rate.all)
            below = point
        return self.reading[-1].rate.all


def arithmetic_seconds(load: Workload, peaks: Peaks, dtype: str) -> float:
    """Give the least time in seconds for a workload's arithmetic, on all cores and without padding.

    Matrix products of int8 are at its own peak. All other products, attention's among them, are in the fastest float
    type that a model of that dtype may use: float32, or with int8 and bfloat16 bfloat16 where the machine has it.
    """
    floats = "bfloat16" if dtype != "float32" and "bfloat16" in peaks.dots else "float32"
    products = "int8" if dtype == "int8" else floats
    rates = {name: dot.rate.all for name, dot in peaks.dots.items()}
    return (load.matmul_flop / rates[products] + load.attention_flop / rates[floats]) / 1e9


def query_seconds(load: Workload, peaks: Peaks, dtype: str) -> float:
    """Give the least time in seconds for one text of a workload, alone, on all cores.

    That is the larger of its arithmetic and reading the weights of the matrix products once.
    """
    weights = load.matmul_flop / load.tokens / 2  # each is multiplied and added once a token
    size = weights * BYTES[dtype]
    return max(arithmetic_seconds(load, peaks, dtype) / load.texts, size / peaks.read_rate(size) / 1e9)


def measure(threads: int, read_bytes: Sequence[int] = READ_BYTES, machine: Sequence[str] = NATIVE) -> Peaks:
    """Measure this machine with so many cores together; compiles the measurement the first time. Some 4 seconds.

    Args:
        threads: Cores together.
        read_bytes: Sizes of memory to read.
        machine: The compiler's options for the instructions to measure; by default all that this machine has.

    Raises:
        NoCompilerError: The message tells what to install.
        EngineError: The measurement did not come to its end.
    """
    command = [_build(machine), str(threads), *map(str, sorted(read_bytes))]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return read_peaks(json.loads(output))
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise EngineError(f"the roofline's measurement failed: {error}") from error


def middle(found: Sequence[Peaks]) -> Peaks:
    """Give the medians of several measurements of the same: a machine's state changes within minutes."""
    dots = {
        name: Dot(dot.instruction, _middle([one.dots[name].rate for one in found]))
        for name, dot in found[0].dots.items()
    }
    reading = [
        Reading(point.bytes, _middle([one.reading[place].rate for one in found]))
        for place, point in enumerate(found[0].reading)
    ]
    return Peaks(found[0].threads, dots, tuple(reading))


def _middle(rates: Sequence[Rate]) -> Rate:
    return Rate(median(rate.one for rate in rates), median(rate.all for rate in rates))


def read_peaks(found: Mapping[str, Any]) -> Peaks:
    """Read what the measurement printed, or what asdict made of Peaks."""
    dots = found.get("dots") or {
        name: {"instruction": found[name]["instruction"], "rate": found[name]} for name in DOTS if name in found
    }
    readings = found.get("reading") or [{"bytes": one["bytes"], "rate": one} for one in found.get("read", [])]
    return Peaks(
        threads=found["threads"],
        dots={name: Dot(dot["instruction"], _rate(dot["rate"])) for name, dot in dots.items()},
        reading=tuple(Reading(one["bytes"], _rate(one["rate"])) for one in readings),
    )


def _rate(found: Mapping[str, float]) -> Rate:
    return Rate(found["one"], found["all"])


def _build(machine: Sequence[str]) -> Path:
    """Compile the measurement, once for each state of its sources."""
    sources = [SOURCES / "kernels.h", SOURCES / "roofline.cpp"]
    flags = [*FLAGS, *machine]
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        raise NoCompilerError("the roofline needs a C++20 compiler: install g++ 12 or newer, or clang++")
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + repr((compiler, flags)).encode())
    target = BUILT / f"roofline-{state.hexdigest()[:16]}"
    if target.exists():
        return target
    BUILT.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    command = [compiler, *flags, str(SOURCES / "roofline.cpp"), "-o", str(partial)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoCompilerError(f"{compiler} cannot compile the roofline's measurement:\n{done.stderr[-2000:]}")
    partial.replace(target)
    return target


def describe(peaks: Peaks) -> str:
    """Format a machine's peaks as a Markdown table."""
    rows = [
        (f"{name} ({dot.instruction})", dot.rate, "GFLOP/s" if name != "int8" else "GOP/s")
        for name, dot in peaks.dots.items()
    ]
    rows += [(f"reading {point.bytes / 1e6:.1f} MB", point.rate, "GB/s") for point in peaks.reading]
    lines = [f"| | 1 core | cores together: {peaks.threads} | |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {name} | {rate.one:.0f} | {rate.all:.0f} | {unit} |" for name, rate, unit in rows])


def main() -> None:
    """Print the machine's peaks, and what they mean for the default model."""
    parser = argparse.ArgumentParser(prog="bench.roofline", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    peaks = measure(options.threads)
    print(describe(peaks), end="\n\n")
    config = json.loads((model_folder() / "config.json").read_text("utf-8"))
    for dtype in BYTES:
        query = query_seconds(workload([15], config), peaks, dtype) * 1e3
        rate = 1 / arithmetic_seconds(workload([50], config), peaks, dtype)
        print(f"{dtype}: a query of 15 tokens takes {query:.2f} ms at least; {rate:.0f} texts/s of 50 tokens at most")
    if options.json:
        options.json.write_text(json.dumps(asdict(peaks), indent=1), "utf-8")


if __name__ == "__main__":
    main()
