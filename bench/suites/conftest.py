"""The texts of the suites, how often a job is repeated, and which sizes run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from bench.corpora.selection import CORPORA, select_texts
from ortembed.cores import choose_threads

if TYPE_CHECKING:
    from collections.abc import Callable

    Result = TypeVar("Result")

COUNTS = (1, 8, 32, 256)
LARGE = {("long", 256), ("mixed", 256)}  # where the pure-Python path takes many seconds
SECONDS = 0.5  # that a job is repeated for
LEAST_ROUNDS, MOST_ROUNDS = 3, 300
SLOW_SECONDS = 1.5  # a job that takes longer is timed once


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --every-size."""
    parser.addoption("--every-size", action="store_true", help="256 mixed and 256 long texts too: some minutes more")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with each number and length of texts."""
    if {"length", "count"} <= set(metafunc.fixturenames):
        every = metafunc.config.getoption("--every-size")
        sizes = [(name, count) for name in CORPORA for count in COUNTS if every or (name, count) not in LARGE]
        metafunc.parametrize(("length", "count"), sizes, ids=[f"{count}-{length}" for length, count in sizes])


@pytest.fixture(scope="session")
def corpora() -> dict[str, list[str]]:
    """Texts by length, as many as the largest count."""
    return select_texts(0, dict.fromkeys(CORPORA, max(COUNTS)))


@pytest.fixture
def texts(corpora: dict[str, list[str]], length: str, count: int) -> list[str]:
    """Give so many texts of a length."""
    return corpora[length][:count]


@pytest.fixture(scope="session")
def threads() -> int:
    """Give the cores that each engine may use, as ORTEMBED_NUM_THREADS and the process's limits say."""
    return choose_threads(None)


@pytest.fixture
def time_job(benchmark: Any) -> Callable[[Callable[[], Result], Callable[[Result], None]], None]:  # noqa: ANN401
    """Give a function that runs a job once, has its result checked, and only then times it."""

    def run(job: Callable[[], Result], check: Callable[[Result], None]) -> None:
        start = time.perf_counter()
        result = job()
        seconds = time.perf_counter() - start
        check(result)
        rounds = min(max(LEAST_ROUNDS, int(SECONDS / seconds)), MOST_ROUNDS) if seconds < SLOW_SECONDS else 1
        benchmark.pedantic(job, rounds=rounds)

    return run
