"""How resident memory grows while one embedder sees thousands of texts of wildly varying length.

Run by ``python -m bench.memory [--dtype float32] [--texts 20000]``, one process a dtype; writes memory.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import ortembed
from bench.model import DTYPES, MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
FIRST = 1_000  # texts after which memory should hardly grow
DEFAULT_TEXTS = 4_000  # 20,000 take minutes on two slow cores
LONGEST_WORDS, LONGEST_LIST = 300, 512
ALLOWED_GROWTH = 0.10
WORDS = ["the", "vector", "of", "embedding", "nearness", "is", "a", "measurement", "x", "internationalization"]


@dataclass(frozen=True)
class Point:
    """Resident memory in bytes after so many texts."""

    texts: int
    resident: int


@dataclass(frozen=True)
class MemoryCurve:
    """What one process held.

    Attributes:
        growth: Of resident memory from FIRST texts to the last, as a share.
        peak: The most resident bytes at any time.
    """

    dtype: str
    points: list[Point]
    growth: float
    peak: int


def main() -> None:
    """Measure each dtype in a process of its own, or this one where there is one dtype."""
    parser = argparse.ArgumentParser(prog="bench.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", nargs="+", default=["float32", "int8"], choices=DTYPES)
    parser.add_argument("--texts", type=int, default=DEFAULT_TEXTS, help="(default %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/results", help="folder of the results")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.texts <= FIRST:
        parser.error(f"--texts is {options.texts}; growth is measured from {FIRST} texts on")
    if options.child:
        print(json.dumps(asdict(measure(options.dtype[0], options.texts))))
        return
    curves = [_in_process(dtype, options.texts) for dtype in options.dtype]
    for curve in curves:
        print(describe(curve))
    options.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(curve) for curve in curves], indent=1)
    (options.output / "memory.json").write_text(text + "\n", "utf-8")


def _in_process(dtype: str, texts: int) -> MemoryCurve:
    command = [sys.executable, "-m", "bench.memory", "--child", "--dtype", dtype, "--texts", str(texts)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    return MemoryCurve(**{**found, "points": [Point(**point) for point in found["points"]]})


def measure(dtype: str, texts: int) -> MemoryCurve:
    """Embed so many texts, in calls with one or many, and read resident memory on the way."""
    warnings.simplefilter("ignore", ortembed.TruncationWarning)  # the longest texts are cut, as they should be
    embedder = ortembed.Embedder(MODEL, dtype=dtype)
    marks = sorted({FIRST, texts, *(FIRST * 2**power for power in range(1, 16) if FIRST * 2**power < texts)})
    points = []
    done = 0
    for part in calls(marks[-1]):
        embedder.encode(part)
        done += len(part)
        while marks and done >= marks[0]:
            points.append(Point(marks.pop(0), resident_bytes()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return MemoryCurve(dtype, points, growth(points), peak)


def calls(texts: int) -> Iterator[list[str]]:
    """Give lists of texts, so many texts in all; lengths of texts and of lists are spread evenly on a log scale."""
    random = np.random.default_rng(0)
    left = texts
    while left:
        count = min(left, int(np.exp(random.uniform(0, np.log(LONGEST_LIST + 1)))))
        lengths = np.exp(random.uniform(0, np.log(LONGEST_WORDS + 1), count)).astype(int)
        yield [" ".join(random.choice(WORDS, length)) for length in lengths]
        left -= count


def growth(points: list[Point]) -> float:
    """Give by which share memory grew from FIRST texts to the last point."""
    first = next(point for point in points if point.texts == FIRST)
    return points[-1].resident / first.resident - 1


def resident_bytes() -> int:
    """Give this process's resident memory."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    done = subprocess.run(
        ["/bin/ps", "-o", "rss=", "-p", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True
    )
    return int(done.stdout) * 1024


def describe(curve: MemoryCurve) -> str:
    """Format a curve in a line or two."""
    points = ", ".join(f"{point.resident / 1e6:.0f} MB after {point.texts:,}" for point in curve.points)
    verdict = "within" if curve.growth <= ALLOWED_GROWTH else "beyond"
    return (
        f"{curve.dtype}: {points}; peak {curve.peak / 1e6:.0f} MB\n"
        f"  grew by {curve.growth:.1%}, {verdict} the {ALLOWED_GROWTH:.0%} allowed"
    )


if __name__ == "__main__":
    main()
