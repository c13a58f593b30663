"""The project's own goals, each within one run, and what the run reached."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.limits import MIXED, TOKENIZED, limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bench.figures import Figures

LEAST, MOST, BELOW = "at least", "at most", "below"
_HOLDS = {LEAST: operator.ge, MOST: operator.le, BELOW: operator.lt}
_SENTENCE_TRANSFORMERS = "sentence-transformers-"
_AVX2 = "avx2"


@dataclass(frozen=True)
class Target:
    """A goal: LEAST, MOST or BELOW a value; ``reached`` is nan where the run cannot tell."""

    what: str
    bound: str
    value: float
    reached: float
    unit: str = ""

    @property
    def met(self) -> bool | None:
        """Tell whether it is reached; None where the run cannot tell."""
        return None if math.isnan(self.reached) else bool(_HOLDS[self.bound](self.reached, self.value))


def targets(figures: list[Figures], result: Mapping[str, Any]) -> list[Target]:
    """Compare our figures with everyone's and with the machine's limit."""
    by_name = {row.name: row for row in figures}
    float32, bfloat16, int8 = (by_name.get(f"ours-{dtype}") for dtype in ("float32", "bfloat16", "int8"))
    peers = [row for row in figures if not row.ours]
    found: list[Target] = []
    if float32:
        found += [*_float32_against_peers(float32, peers), *_part_of_limit(float32, 0.7, result)]
    if int8:
        found += [*_int8_against_peers(int8, peers), *_part_of_limit(int8, 0.72, result)]
        found += [*_cosines("int8", int8, least=0.996, mean=0.999)]
        if runtime := by_name.get("ours-int8-runtime"):
            found += [*_int8_against_runtime(int8, runtime)]
            if restricted := by_name.get(f"{int8.name}-{_AVX2}"):
                found += [*_avx2_against_runtime(restricted, runtime)]
    if bfloat16:
        if float32:
            found.append(_ratio("bfloat16, mixed texts against float32", 1.8, _rate(bfloat16), _rate(float32)))
        found += [*_part_of_limit(bfloat16, 0.7, result), *_cosines("bfloat16", bfloat16, mean=0.9999)]
    for row, most in ((float32, 250), (int8, 160)):
        if row:
            found.append(Target(f"{row.dtype}, import + load + first embedding", BELOW, 0.35, row.ready_s, "s"))
            found.append(Target(f"{row.dtype}, peak memory of the corpus job", BELOW, most, row.peak_mb, "MB"))
    return found


def _float32_against_peers(ours: Figures, peers: list[Figures]) -> Iterator[Target]:
    float32 = [row for row in peers if row.dtype == "float32"]
    sentence = [row for row in float32 if row.name.startswith(_SENTENCE_TRANSFORMERS)]
    yield _ratio("float32, single query p50 against the fastest float32 peer", 1.2, _p50(float32), ours.p50_ms)
    yield _ratio("float32, mixed texts against the pure-Python path", 5, _rate(ours), _best(_pure(peers)))
    what = "float32, mixed texts against sentence-transformers' best float32"
    yield _ratio(what, 1.7, _rate(ours), _best(sentence))


def _int8_against_peers(ours: Figures, peers: list[Figures]) -> Iterator[Target]:
    sentence = [row for row in peers if row.name.startswith(_SENTENCE_TRANSFORMERS)]
    rivals = [row for row in sentence if row.dtype == "int8" or "openvino" in row.name]
    yield _ratio("int8, single query p50 against the pure-Python path", 2.8, _p50(_pure(peers)), ours.p50_ms)
    yield _ratio("int8, mixed texts against the pure-Python path", 12, _rate(ours), _best(_pure(peers)))
    what = "int8, mixed texts against sentence-transformers with int8 or OpenVINO"
    yield _ratio(what, 2, _rate(ours), _best(rivals))


def _int8_against_runtime(ours: Figures, runtime: Figures) -> Iterator[Target]:
    query = ours.p50_ms / runtime.p50_ms
    yield Target("int8, single query p50, part of that on the runtime's operators", MOST, 0.62, query)
    yield _ratio("int8, mixed texts against the runtime's operators", 1.45, _rate(ours), _rate(runtime))
    memory = ours.peak_mb / runtime.peak_mb
    yield Target("int8, peak memory of the corpus job, part of that on the runtime's operators", MOST, 1, memory)


def _avx2_against_runtime(ours: Figures, runtime: Figures) -> Iterator[Target]:
    yield _ratio("int8 with AVX2 alone, mixed texts against the runtime's operators", 1, _rate(ours), _rate(runtime))
    query = ours.p50_ms / runtime.p50_ms
    yield Target("int8 with AVX2 alone, single query p50, part of that on the runtime's operators", MOST, 1, query)


def _part_of_limit(row: Figures, least: float, result: Mapping[str, Any]) -> Iterator[Target]:
    parts = {limit.what: limit.fraction for limit in limits(row, result)}
    for what in (MIXED, TOKENIZED):
        yield Target(f"{row.dtype}, {what}, part of the machine's limit", LEAST, least, parts.get(what, math.nan))


def _cosines(dtype: str, row: Figures, *, mean: float, least: float | None = None) -> Iterator[Target]:
    yield Target(f"{dtype}, mean cosine on the golden texts", LEAST, mean, row.mean_cosine)
    if least is not None:
        yield Target(f"{dtype}, least cosine on the golden texts", LEAST, least, row.min_cosine)


def _ratio(what: str, least: float, above: float, under: float) -> Target:
    """Give the goal of a ratio."""
    return Target(what, LEAST, least, above / under, "x")


def _pure(rows: Iterable[Figures]) -> list[Figures]:
    return [row for row in rows if row.name.startswith("pure-python")]


def _p50(rows: Iterable[Figures]) -> float:
    return min((row.p50_ms for row in rows), default=math.nan)


def _rate(row: Figures) -> float:
    return row.texts_per_s["mixed"]


def _best(rows: Iterable[Figures]) -> float:
    return max(map(_rate, rows), default=math.nan)
