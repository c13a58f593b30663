"""How much a run measures: everything, or what fits into a few minutes."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Plan:
    """Numbers of texts and of repeats. In each round every engine has one turn, in a new random order."""

    queries: int  # of one turn of the latency job
    query_rounds: int
    texts: dict[str, int]  # of one turn of the corpus job, by corpus
    corpus_rounds: int
    extra_starts: int  # of fresh processes, beyond those of the two jobs
    processes_apart: bool  # the latency job and the corpus job each in processes of their own

    def with_texts(self, count: int) -> Plan:
        """Give the plan with another number of mixed texts, and the other corpora in proportion."""
        ratio = count / self.texts["mixed"]
        return replace(self, texts={name: max(1, round(ratio * number)) for name, number in self.texts.items()})


FULL = Plan(
    queries=50,
    query_rounds=24,  # many short turns: a shared machine's state changes within seconds
    texts={"short": 384, "mixed": 384, "long": 48},
    corpus_rounds=5,
    extra_starts=1,
    processes_apart=True,
)
QUICK = Plan(
    queries=25,
    query_rounds=3,
    texts={"short": 96, "mixed": 128, "long": 12},
    corpus_rounds=2,
    extra_starts=0,
    processes_apart=False,
)
SMOKE = Plan(
    queries=3,
    query_rounds=1,
    texts={"short": 4, "mixed": 8, "long": 2},
    corpus_rounds=1,
    extra_starts=0,
    processes_apart=False,
)
