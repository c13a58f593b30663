"""Metrics that Prometheus' library has no kind for: counters without a suffix, and what Embedders have counted."""

from __future__ import annotations

from collections import Counter as Counts
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, UnknownMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

    from ortembed.responses import Stats


class PlainCounter(Collector):
    """A counter whose name has no ``_total`` at its end, as TEI's dashboards ask for it."""

    def __init__(self, name: str, text: str, label: str, registry: CollectorRegistry) -> None:
        """Start at zero."""
        self._name, self._text, self._label = name, text, label
        self._counts: Counts[str] = Counts()
        registry.register(self)

    def add(self, label: str, amount: int = 1) -> None:
        """Count an amount for a value of the label."""
        self._counts[label] += amount

    def collect(self) -> Iterator[Metric]:
        """Give the counts."""
        family = UnknownMetricFamily(self._name, self._text, labels=[self._label])
        for label, count in list(self._counts.items()):
            family.add_metric([label], count)
        yield family


class EngineCollector(Collector):
    """What the Embedder of each model has done."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Start without models."""
        self._stats: dict[str, Callable[[], Stats]] = {}
        registry.register(self)

    def add(self, name: str, stats: Callable[[], Stats]) -> None:
        """Take a model by its name."""
        self._stats[name] = stats

    def collect(self) -> Iterator[Metric]:
        """Give tokens, padding, runs and seconds a stage, by model."""
        counts = {
            "tokens": "Tokens that the model read",
            "padded_tokens": "The same with padding",
            "batches": "Runs of the model",
            "run_seconds": "Seconds in the model, summed over cores",
            "plan_seconds": "Seconds of planning and filling tensors",
            "pool_seconds": "Seconds of pooling and normalization",
        }
        values = {name: stats() for name, stats in self._stats.items()}
        for field, text in counts.items():
            family = CounterMetricFamily(f"ortembed_engine_{field}", text, labels=["model"])
            for name, stats in values.items():
                family.add_metric([name], getattr(stats, field))
            yield family
        ratio = GaugeMetricFamily("ortembed_padding_ratio", "Share of the tokens that was padding", labels=["model"])
        for name, stats in values.items():
            ratio.add_metric([name], stats.padding_ratio)
        yield ratio
