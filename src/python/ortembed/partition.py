"""Which execution provider runs how much of a graph, as the runtime tells it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ortembed.providers import CPU

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Partition:
    """How a graph is divided among providers.

    Attributes:
        parts: How many pieces the accelerators run, each without a hand-over; one is best.
        nodes: How many nodes each provider runs, by its name; empty where the runtime, older than 1.24, cannot tell.
        left_to_cpu: How many nodes of each operator the CPU runs beside an accelerator.
    """

    parts: int
    nodes: Mapping[str, int]
    left_to_cpu: Mapping[str, int]

    @property
    def takes_nothing(self) -> bool:
        """Whether it is known that no node runs on an accelerator."""
        return bool(self.nodes) and self.parts == 0

    def __str__(self) -> str:
        """Say it in one line."""
        if not self.nodes:
            return "not known (ONNX Runtime 1.24 or newer tells)"
        counts = ", ".join(f"{count} nodes on {name}" for name, count in self.nodes.items())
        return f"{counts}, in {self.parts} {'part' if self.parts == 1 else 'parts'}"


def partition_of(assignment: Sequence[tuple[str, Sequence[str]]]) -> Partition:
    """Sum up (provider, operators) of each part of a graph."""
    nodes: Counter[str] = Counter()
    for provider, operators in assignment:
        nodes[provider] += len(operators)
    left = Counter(operator for provider, operators in assignment if provider == CPU for operator in operators)
    return Partition(sum(provider != CPU for provider, _ in assignment), dict(nodes), dict(left))
