"""Whether an accelerator's vectors are right and sooner there: each bucket against the CPU, on the user's machine."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.errors import ModelLoadError, OrtembedError, ProviderUnavailableError
from ortembed.partition import Partition, partition_of
from ortembed.progress import steps_bar
from ortembed.quality import cosines
from ortembed.recipe import Prompt, Recipe
from ortembed.tokenizer import TokenizedTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from ortembed.pipeline import Pipeline

    Floats = npt.NDArray[np.float32]
    Row = npt.NDArray[np.int64]

# float16 keeps vectors within about 1e-5 of this; what the known faults give is far below.
COSINE_FLOOR = 0.9999
NORM_TOLERANCE = 0.01  # of the vectors before normalization, which the cosine does not see
MIN_SPEEDUP = 1.05  # less is noise, and not worth another's memory

_ROUNDS = 7
_SECONDS_A_BUCKET = 0.5  # of the race; a round is always finished
_WORDS = (
    "The committee published its annual report on coastal erosion, and nobody who had read the draft was surprised. "
    "In 1998 a small harbour town lost 14 metres of its northern beach; engineers answered with groynes, dunes and "
    "patience. Prices rose, tempers too. Why does the sea take from one shore and give to another? A short question "
    "with a long reply, which this text does not attempt: it wants to be ordinary, in sentences of many lengths. "
)


@dataclass(frozen=True)
class BucketResult:
    """What the self-test saw of one bucket.

    Attributes:
        rows: Texts of the bucket.
        tokens: Tokens that each is padded to.
        cosine: The least of any probe's vector to the CPU's; NaN where a value is not finite, 0 for zeros.
        norm_ratio: The norm that is farthest from the CPU's, divided by it.
        milliseconds: Median time of all the probes on the accelerator.
        cpu_milliseconds: Of the same on the CPU.
        failure: Why the bucket could not be opened or run; empty where it could.
        partition: Which provider runs how many of the graph's nodes.
    """

    rows: int
    tokens: int
    cosine: float
    norm_ratio: float
    milliseconds: float
    cpu_milliseconds: float
    failure: str
    partition: Partition

    @classmethod
    def failed(cls, rows: int, tokens: int, failure: str) -> BucketResult:
        """Give the result of a bucket that did not get as far as a vector."""
        return cls(rows, tokens, 0.0, 0.0, 0.0, 0.0, failure, partition_of(()))

    @property
    def fault(self) -> str:
        """What is wrong with its vectors; empty where nothing is."""
        name = f"{self.rows} x {self.tokens} tokens"
        if self.failure:
            return f"{name}: {self.failure}"
        if not self.cosine >= COSINE_FLOOR:
            return f"{name}: cosine {self.cosine:.6f} to the CPU's vectors, below {COSINE_FLOOR}"
        if not abs(self.norm_ratio - 1) <= NORM_TOLERANCE:
            return f"{name}: norm {self.norm_ratio:.4f} times the CPU's"
        if self.partition.takes_nothing:
            return f"{name}: the provider takes no node of the graph"
        return ""

    @property
    def speedup(self) -> float:
        """How many times the CPU's speed; 0 where it did not run."""
        return self.cpu_milliseconds / self.milliseconds if self.milliseconds > 0 else 0.0


@dataclass(frozen=True)
class Verdict:
    """The outcome of a self-test.

    Attributes:
        buckets: What was seen of each.
        crashes: How many times the process ended during the test instead; then there are no buckets.
    """

    buckets: tuple[BucketResult, ...]
    crashes: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether the accelerator is right and sooner there."""
        return not self.reason

    @property
    def is_right(self) -> bool:
        """Whether every bucket ran and gave the CPU's vectors."""
        return bool(self.buckets) and not any(bucket.fault for bucket in self.buckets)

    @property
    def speedup(self) -> float:
        """How many times the CPU's speed: the geometric mean over the buckets."""
        return statistics.geometric_mean(bucket.speedup for bucket in self.buckets) if self.is_right else 0.0

    @property
    def reason(self) -> str:
        """Why it is not kept, with figures; empty where it is."""
        if not self.buckets:
            again = "`ortembed doctor --self-test` tries again"
            return f"the process ended during its self-test, {self.crashes} times; {again}"
        if faults := [bucket.fault for bucket in self.buckets if bucket.fault]:
            return f"it is not right: {'; '.join(faults)}"
        if self.speedup >= MIN_SPEEDUP:
            return ""
        times = ", ".join(
            f"{b.rows} x {b.tokens} tokens {b.milliseconds:.2f} against {b.cpu_milliseconds:.2f}"
            for b in self.buckets
        )
        return f"it is not faster: {self.speedup:.2f} times the CPU's speed (ms: {times})"

    @property
    def may_change(self) -> bool:
        """Whether it rests on a failure, which may have had a passing cause, such as a full disk."""
        return any(bucket.failure for bucket in self.buckets)

    def to_json(self) -> dict[str, Any]:
        """Give the verdict as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Verdict:
        """Read what to_json gave; TypeError, KeyError or ValueError for anything else."""
        read = []
        for bucket in values["buckets"]:
            partition = Partition(**bucket["partition"])
            read.append(BucketResult(**{**bucket, "partition": partition}))
        verdict = cls(tuple(read), int(values["crashes"]))
        str(verdict.reason)  # which needs numbers where there should be some
        return verdict


def judge(load: Callable[[], Pipeline], on_cpu: Pipeline, buckets: Sequence[tuple[int, int]]) -> Verdict:
    """Load the accelerated pipeline, run probes of every bucket on both, and compare vectors and times."""
    try:
        accelerated = load()
    except (ProviderUnavailableError, ModelLoadError) as error:
        return Verdict((BucketResult.failed(*buckets[0], str(error)),))
    words = _probe_ids(on_cpu)
    previous = {1: 0}  # the longest text that goes to a smaller bucket of as many texts
    results = []
    with steps_bar(len(buckets), "compiling and testing for the accelerator", "shape") as advance:
        for rows, tokens in buckets:
            shortest = 1 + previous.get(rows, tokens // 2)
            probes = list(_probes(words, rows, shortest, tokens))
            results.append(_judge_bucket(accelerated, on_cpu, (rows, tokens), probes))
            previous[rows] = tokens
            advance(1)
    return Verdict(tuple(results))


def _probe_ids(pipeline: Pipeline) -> Row:
    """Give the ids of an ordinary text of the longest length, its special tokens at both ends."""
    text = _WORDS
    while True:
        ids = pipeline.tokenizer.encode([text]).ids.astype(np.int64)
        if len(ids) >= pipeline.max_seq_length:
            return ids
        text += text


def _probes(words: Row, rows: int, shortest: int, longest: int) -> Iterator[list[Row]]:
    """Give lists of texts that the plan puts into one bucket: each of its length, and each shorter than it."""
    if rows == 1:
        lengths = sorted({longest, (shortest + longest) // 2, shortest}, reverse=True)
        yield from ([_row(words, length, length)] for length in lengths)
    else:
        yield [_row(words, longest, i) for i in range(rows)]
        yield [_row(words, longest - i * (longest - shortest) // (2 * rows), i) for i in range(rows)]


def _row(words: Row, length: int, start: int) -> Row:
    """Give a text of so many tokens, others for another start, that begins and ends as the tokenizer has it."""
    inner = np.roll(words[1:-1], start)
    return np.concatenate([words[:1], inner[: max(length - 2, 0)], words[-1:]])[:length]


def _judge_bucket(
    accelerated: Pipeline, on_cpu: Pipeline, bucket: tuple[int, int], probes: Sequence[Sequence[Row]]
) -> BucketResult:
    failure, cosine, ratio, times = "", 0.0, 0.0, (0.0, 0.0)
    expected = _run_all(on_cpu, probes)
    try:
        first = _run_all(accelerated, probes)
        times, raced = _race(accelerated, on_cpu, probes)
        compared = [_compare(vectors, expected) for vectors in (first, *raced)]
        cosine = float(np.min([least for least, _ in compared]))  # NaN where one is
        ratio = max((farthest for _, farthest in compared), key=lambda farthest: abs(farthest - 1))
    except OrtembedError as error:
        failure = str(error)
    state = next(state for state in accelerated.engine.buckets if state[:2] == bucket)
    failure = failure or state[3]
    return BucketResult(*bucket, cosine, ratio, *times, failure, partition_of(state[4]))


def _compare(vectors: Floats, expected: Floats) -> tuple[float, float]:
    """Give the least cosine, and the ratio of norms that is farthest from 1."""
    norms, wanted = (np.linalg.norm(rows.astype(np.float64), axis=1) for rows in (vectors, expected))
    ratios = norms / np.maximum(wanted, np.finfo(np.float64).tiny)
    return float(cosines(vectors, expected).min()), float(ratios[np.abs(ratios - 1).argmax()])


def _race(
    accelerated: Pipeline, on_cpu: Pipeline, probes: Sequence[Sequence[Row]]
) -> tuple[tuple[float, float], list[Floats]]:
    """Give the median milliseconds of both, which take turns, and the accelerator's vectors; both have run before."""
    times: dict[Pipeline, list[float]] = {accelerated: [], on_cpu: []}
    vectors: list[Floats] = []
    begin = perf_counter()
    while not vectors or (len(vectors) < _ROUNDS and perf_counter() - begin < _SECONDS_A_BUCKET):
        for pipeline, own in times.items():
            start = perf_counter()
            given = _run_all(pipeline, probes)
            own.append((perf_counter() - start) * 1000)
            if pipeline is accelerated:
                vectors.append(given)
    return (statistics.median(times[accelerated]), statistics.median(times[on_cpu])), vectors


def _run_all(pipeline: Pipeline, probes: Sequence[Sequence[Row]]) -> Floats:
    return np.concatenate([_run(pipeline, texts) for texts in probes])


def _run(pipeline: Pipeline, texts: Sequence[Row]) -> Floats:
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    rows = np.empty((len(texts), pipeline.dimension), np.float32)
    recipe = Recipe(Prompt(), normalize=False, dimension=pipeline.dimension)
    pipeline.run(rows, TokenizedTexts(np.concatenate(texts), offsets, 0), recipe)
    return rows
