"""Prometheus metrics: text-embeddings-inference's names, and ours for what it does not tell."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from ortembed.server.collectors import EngineCollector, PlainCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ortembed.responses import Stats
    from ortembed.server.record import Record

# Requests to these, whatever becomes of them, are what te_request_count and its like count.
_VECTOR_PATHS = frozenset({"/", "/embed", "/embed_all", "/similarity", "/v1/embeddings"})
_SECONDS = tuple(0.0005 * 2**i for i in range(18))  # half a millisecond to a minute
_TOKENS = tuple(2**i for i in range(4, 18))
_TEXTS = tuple(2**i for i in range(12))


class Metrics:
    """The metrics of one service. Called on its event loop's thread."""

    def __init__(self) -> None:
        """Start at zero, in a registry of our own."""
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def plain(name: str, text: str, label: str = "method") -> PlainCounter:
            return PlainCounter(name, text, label, registry)

        def histogram(name: str, text: str, buckets: Sequence[float] = _SECONDS) -> Histogram:
            return Histogram(name, text, buckets=buckets, registry=registry)

        self._requests = plain("te_request_count", "Requests for vectors, by single or batch")
        self._successes = plain("te_request_success", "Of them, those that were answered")
        self._failures = plain("te_request_failure", "Requests that were not, by kind of error", "err")
        self._texts = plain("te_embed_count", "Texts of requests for vectors")
        self._embedded = plain("te_embed_success", "Of them, those that got vectors")
        self._duration = histogram("te_request_duration", "Seconds of a request")
        self._tokenization = histogram("te_request_tokenization_duration", "Seconds of tokenization of a request")
        self._queue = histogram("te_request_queue_duration", "Seconds that a request waited for the engine")
        self._inference = histogram("te_request_inference_duration", "Seconds that a request was with the engine")
        self._input_length = histogram("te_request_input_length", "Tokens of a text", _TOKENS)
        self._batch_size = histogram("te_batch_next_size", "Texts that were given to the engine together", _TEXTS)
        self._batch_tokens = histogram("te_batch_next_tokens", "Tokens of those texts", _TOKENS)
        self._engines = EngineCollector(registry)
        self._queue_size = Gauge("te_queue_size", "Requests that wait", ["model"], registry=registry)
        self._active = Gauge("ortembed_requests_in_progress", "Requests read, waiting or running", registry=registry)
        self._truncated = Counter("ortembed_truncated_texts", "Texts that were cut", registry=registry)
        self._http = Counter("ortembed_http_requests", "HTTP requests", ["status"], registry=registry)

    def watch_requests(self, active: Callable[[], int]) -> None:
        """Ask this at each look for the number of requests in progress."""
        self._active.set_function(active)

    def watch_model(self, name: str, waiting: Callable[[], int], stats: Callable[[], Stats]) -> None:
        """Ask these at each look for what waits for a model, and for what its Embedder has done."""
        self._queue_size.labels(name).set_function(waiting)
        self._engines.add(name, stats)

    def observe_batch(self, texts: int, tokens: int) -> None:
        """Count a batch that is given to the engine."""
        self._batch_size.observe(texts)
        self._batch_tokens.observe(tokens)

    def observe(self, record: Record) -> None:
        """Count a request that is over."""
        self._http.labels(record.status).inc()
        if record.method != "POST" or record.path not in _VECTOR_PATHS:
            return
        method = "batch" if record.is_batch else "single"
        self._requests.add(method)
        if record.error_type:
            self._failures.add(record.error_type.lower())
        self._texts.add(method, record.texts)
        self._truncated.inc(record.truncated)
        for length in record.lengths:
            self._input_length.observe(length)
        if record.error_type:
            return
        self._successes.add(method)
        self._embedded.add(method, record.texts)
        self._duration.observe(perf_counter() - record.started)
        self._tokenization.observe(record.tokenization_seconds)
        self._queue.observe(record.queue_seconds)
        self._inference.observe(record.inference_seconds)

    def text(self) -> bytes:
        """Give all of them in Prometheus' text format."""
        return generate_latest(self._registry)
