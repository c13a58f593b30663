"""How time grows with the number of texts, their length, threads and callers; each curve with its fitted exponent.

Run by ``python -m bench.scaling [--quick] [--dtype float32 int8]``; writes scaling.json, and draws it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import numpy as np

import ortembed
from bench.corpora.selection import select_texts
from bench.errors import EngineError
from bench.fit import PowerLaw, fit_power_law
from bench.machine import describe_machine
from bench.model import DTYPES, MODEL
from bench.scaling_picture import FILE, draw
from ortembed.cores import choose_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 512
COUNTS = (1, 4, 16, 64, 256, 1024, 2048)
LENGTHS = (8, 16, 32, 64, 128, 256, 512)
CALLERS = (1, 2, 3, 4)
QUICK_TEXTS = 256
SECONDS = 0.5  # that a job is repeated for
CALLER_SECONDS, CALLER_ROUNDS = 0.8, 2
LIST = 32  # texts a call, of callers that have many
MIXED = 200  # texts of many lengths, for the threads
MOST_REPEATS = 200


@dataclass(frozen=True)
class Curve:
    """One figure against another.

    Attributes:
        name: Of what was measured.
        dtype: Of the model.
        x_name, y_name: What the axes are, with units.
        x, y: The points; times are medians over repeats.
        fit: The power law through them; None where there is one point.
    """

    name: str
    dtype: str
    x_name: str
    y_name: str
    x: list[int]
    y: list[float]
    fit: PowerLaw | None


def main() -> None:
    """Measure all curves, print them, write JSON and picture."""
    parser = argparse.ArgumentParser(prog="bench.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", nargs="+", default=["float32", "int8"], choices=DTYPES)
    parser.add_argument("--quick", action="store_true", help=f"at most {QUICK_TEXTS} texts at once")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/results", help="folder of the results")
    options = parser.parse_args()
    cores = choose_threads(None)
    most = QUICK_TEXTS if options.quick else max(COUNTS)
    texts = select_texts(0, {"short": most, "mixed": MIXED, "long": 0})
    warnings.simplefilter("ignore", ortembed.TruncationWarning)  # long docstrings are cut, as they should be
    machine = describe_machine(cores)
    curves = []
    for dtype in options.dtype:
        for curve in measure(dtype, texts["short"], texts["mixed"], cores):
            print(describe(curve), flush=True)
            curves.append(curve)
    result = {"machine": machine, "curves": [asdict(curve) for curve in curves]}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / FILE).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    try:
        draw(options.output)
    except EngineError as error:
        print(f"no picture: {error}", file=sys.stderr)


def measure(dtype: str, short: Sequence[str], mixed: Sequence[str], cores: int) -> Iterable[Curve]:
    """Measure a model's curves one by one.

    Args:
        dtype: Of the default model.
        short: As many texts as the largest number to measure, of nearly equal length.
        mixed: Texts of many lengths.
        cores: The most threads.
    """
    embedder = ortembed.Embedder(MODEL, dtype=dtype, threads=cores, max_seq_length=LONGEST)
    counts = [count for count in COUNTS if count <= len(short)]
    yield _times("number of short texts", dtype, "texts a call", counts, lambda n: _encode(embedder, short[:n]))
    random = np.random.default_rng(0)
    ids = {n: random.integers(1000, 20_000, n).astype(np.int32) for n in LENGTHS}
    yield _times("length of one text", dtype, "tokens", list(LENGTHS), lambda n: _encode_ids(embedder, ids[n]))
    for name, part in (("single texts", short[:1]), (f"lists of {LIST}", short[:LIST])):
        rounds = [[_callers_rate(embedder, part, n) for n in CALLERS] for _ in range(CALLER_ROUNDS)]
        rates = np.median(rounds, axis=0).tolist()
        yield _curve(f"callers with {name}", dtype, "callers", "texts/s in total", list(CALLERS), rates)
    threads = [n for n in (2**power for power in range(cores.bit_length())) if n < cores] + [cores]
    makers = {n: ortembed.Embedder(MODEL, dtype=dtype, threads=n) for n in threads}
    yield _times("threads, mixed texts", dtype, "threads", threads, lambda n: _encode(makers[n], mixed))
    yield _times("threads, one text", dtype, "threads", threads, lambda n: _encode(makers[n], short[:1]))


def _encode(embedder: ortembed.Embedder, texts: Sequence[str]) -> Callable[[], object]:
    return lambda: embedder.encode(texts)


def _encode_ids(embedder: ortembed.Embedder, ids: np.ndarray) -> Callable[[], object]:
    offsets = np.array([0, len(ids)], np.int64)
    return lambda: embedder.encode_ids(ids, offsets)


def _times(name: str, dtype: str, x_name: str, x: list[int], job: Callable[[int], Callable[[], object]]) -> Curve:
    """Time a job at each x."""
    return _curve(name, dtype, x_name, "ms a call", x, [_median_seconds(job(n)) * 1e3 for n in x])


def _curve(name: str, dtype: str, x_name: str, y_name: str, x: list[int], y: list[float]) -> Curve:
    return Curve(name, dtype, x_name, y_name, x, y, fit_power_law(x, y) if len(x) > 1 else None)


def _median_seconds(job: Callable[[], object]) -> float:
    """Repeat a job for some time after a first run that does not count."""
    job()
    times: list[float] = []
    while sum(times) < SECONDS and len(times) < MOST_REPEATS:
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _callers_rate(embedder: ortembed.Embedder, texts: Sequence[str], callers: int) -> float:
    """Give the texts a second that so many threads get in total, each calling over and over."""
    done = [0] * callers
    together = Barrier(callers + 1)

    def call(number: int) -> None:
        together.wait()
        end = time.perf_counter() + CALLER_SECONDS
        while time.perf_counter() < end:
            embedder.encode(texts)
            done[number] += len(texts)

    threads = [Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    together.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - start)


def describe(curve: Curve) -> str:
    """Format a curve in a few lines."""
    points = ", ".join(f"{x}: {y:.3g}" for x, y in zip(curve.x, curve.y, strict=True))
    fit = curve.fit
    law = f"grows as x^{fit.exponent:.2f}, points {fit.residual:.0%} off" if fit else "one point"
    return f"{curve.dtype}, {curve.name} ({law})\n  {curve.y_name} by {curve.x_name}: {points}"


if __name__ == "__main__":
    main()
