"""Each stage for itself, on one core: ours by the embedder's own clocks, the pure-Python path's by wall time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.pure_python import BATCH_SIZE
from bench.suites.answers import check_answers
from bench.suites.clock import CLOCK
from bench.suites.engines import OURS, PURE, ours, pure

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

pytestmark = [
    pytest.mark.filterwarnings("ignore::ortembed.TruncationWarning"),
    pytest.mark.benchmark(timer=CLOCK),
]

THREADS = 1
# Ours as Embedder.stats() names them, and what of the pure-Python path does the same.
STAGES = {"tokenize, plan, tensors": ("tokenize", "plan"), "run": ("run",), "pool, normalize": ("pool",)}
TOKENIZE, RUN, POOL = STAGES


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("engine", OURS)
def test_ours(
    benchmark: Any,  # noqa: ANN401
    time_job: Callable[..., None],
    texts: list[str],
    engine: str,
    stage: str,
    length: str,
    count: int,
) -> None:
    """Encode, and read the embedder's clock of the stage."""
    _describe(benchmark, stage, length, count)
    embedder = ours(engine, THREADS)
    CLOCK.use_stages(embedder, STAGES[stage])
    time_job(lambda: embedder.encode(texts), lambda found: check_answers(engine, texts, found, THREADS))


@pytest.mark.parametrize("form", PURE)
def test_pure_tokenize(
    benchmark: Any,  # noqa: ANN401
    time_job: Callable[..., None],
    texts: list[str],
    form: str,
    length: str,
    count: int,
) -> None:
    """Tokenize and pad batch by batch."""
    _describe(benchmark, TOKENIZE, length, count)
    tokenize = pure(form, THREADS).tokenize
    CLOCK.use_wall_time()
    time_job(lambda: [tokenize(batch) for batch in _batches(texts)], lambda found: _check(form, texts, found))


@pytest.mark.parametrize("stage", [RUN, POOL])
def test_pure_after_tokenizing(
    benchmark: Any,  # noqa: ANN401
    time_job: Callable[..., None],
    texts: list[str],
    stage: str,
    length: str,
    count: int,
) -> None:
    """Run the model, or pool what it gave; the same whatever the tokenizer."""
    _describe(benchmark, stage, length, count)
    embedder = pure("tokenizers", THREADS)
    CLOCK.use_wall_time()
    tokens = [embedder.tokenize(batch) for batch in _batches(texts)]
    _check("tokenizers", texts, tokens)
    if stage == RUN:
        time_job(lambda: [embedder.run(batch) for batch in tokens], lambda _: None)
        return
    pairs = [(embedder.run(batch), batch["attention_mask"]) for batch in tokens]
    time_job(lambda: [embedder.pool(*pair) for pair in pairs], lambda _: None)


def _describe(benchmark: Any, stage: str, length: str, count: int) -> None:  # noqa: ANN401
    benchmark.group = f"{stage}: {count} {length}"
    benchmark.extra_info["threads"] = THREADS


def _batches(texts: list[str]) -> list[list[str]]:
    return [texts[start : start + BATCH_SIZE] for start in range(0, len(texts), BATCH_SIZE)]


def _check(form: str, texts: list[str], batches: list[dict[str, npt.NDArray[np.int64]]]) -> None:
    """Check the vectors of the first batch, from these tokens."""
    embedder, first = pure(form, THREADS), batches[0]
    vectors = embedder.pool(embedder.run(first), first["attention_mask"])
    check_answers(form, texts[: len(vectors)], vectors, THREADS)
