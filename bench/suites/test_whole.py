"""Texts to vectors, all stages: each engine on all cores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.suites.answers import check_answers
from bench.suites.engines import NAMES, OURS, ours, pure

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore::ortembed.TruncationWarning")


@pytest.mark.parametrize("engine", NAMES)
def test_whole(
    benchmark: Any,  # noqa: ANN401
    time_job: Callable[..., None],
    texts: list[str],
    engine: str,
    length: str,
    count: int,
    threads: int,
) -> None:
    """Encode a list of texts."""
    benchmark.group = f"whole: {count} {length}"
    benchmark.extra_info["threads"] = threads
    embedder = ours(engine, threads) if engine in OURS else pure(engine, threads)
    time_job(lambda: embedder.encode(texts), lambda found: check_answers(engine, texts, found, threads))
