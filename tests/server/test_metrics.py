"""Prometheus metrics: their names, and that they count what was asked."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.operating import ask, eventually, metrics, serve

MODEL = 'model="all-minilm-l6-v2"'
OF_TEI = {
    *("te_request_count", "te_request_success", "te_request_failure", "te_request_duration", "te_embed_count"),
    *("te_request_tokenization_duration", "te_request_queue_duration", "te_request_inference_duration"),
    *("te_request_input_length", "te_embed_success", "te_queue_size", "te_batch_next_size", "te_batch_next_tokens"),
}
OURS = {
    *(
        "ortembed_requests_in_progress",
        "ortembed_http_requests",
        "ortembed_truncated_texts",
        "ortembed_padding_ratio",
    ),
    *("ortembed_engine_tokens", "ortembed_engine_padded_tokens", "ortembed_engine_batches"),
    *("ortembed_engine_run_seconds", "ortembed_engine_plan_seconds", "ortembed_engine_pool_seconds"),
    *("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds"),
}


@pytest.fixture(scope="module")
def service(cache_dir):
    with serve(cache_dir) as running:
        yield running


def changes(service, call):
    """What a call adds to each sample; one that stays the same is left out."""
    before = metrics(service)
    call()
    after = metrics(service)
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def test_they_are_in_prometheus_format_under_the_known_names(service):
    ask(service, "/embed", {"inputs": 5})
    answer = ask(service, "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert set(families) >= OF_TEI | OURS
    assert all(family.documentation for family in families.values())


def test_a_text_counts_as_single_and_texts_as_batch(service):
    more = changes(service, lambda: ask(service, "/embed", {"inputs": "kitten"}))
    assert more['te_request_count{method="single"}'] == more['te_request_success{method="single"}'] == 1
    assert more['te_embed_count{method="single"}'] == more['te_embed_success{method="single"}'] == 1
    assert 'te_request_count{method="batch"}' not in more
    more = changes(service, lambda: ask(service, "/v1/embeddings", {"input": ["kitten", "rug", "word " * 300]}))
    assert more['te_request_count{method="batch"}'] == more['te_request_success{method="batch"}'] == 1
    assert more['te_embed_count{method="batch"}'] == more['te_embed_success{method="batch"}'] == 3
    assert more["ortembed_truncated_texts_total"] == 1
    assert more["te_request_input_length_count"] == 3
    assert more["te_request_input_length_sum"] == 3 + 3 + 256
    assert more[f"ortembed_engine_tokens_total{{{MODEL}}}"] == 3 + 3 + 256
    assert more["te_batch_next_size_sum"] == 3
    assert more["te_batch_next_tokens_sum"] == 3 + 3 + 256
    for stage in ("", "tokenization_", "queue_", "inference_"):
        assert more[f"te_request_{stage}duration_count"] == 1
    assert 0 < more["te_request_inference_duration_sum"] < more["te_request_duration_sum"]
    assert more['ortembed_http_requests_total{status="200"}'] == 2  # with the look before


@pytest.mark.parametrize(
    ("path", "value", "status", "kind"),
    [
        ("/embed", {"inputs": 5}, 422, "validation"),
        ("/embed", {"inputs": ""}, 400, "empty"),
        ("/embed", {"inputs": ["word " * 200] * 300}, 504, "overloaded"),
    ],
)
def test_failures_count_by_kind(service, path, value, status, kind):
    more = changes(service, lambda: ask(service, path, value, "X-Request-Timeout: 0.5"))
    assert more[f'te_request_failure{{err="{kind}"}}'] == 1
    assert more[f'ortembed_http_requests_total{{status="{status}"}}'] == 1
    assert not [name for name in more if "success" in name]


def test_what_asks_for_no_vectors_is_no_failed_request(service):
    more = changes(service, lambda: ask(service, "/nowhere", None))
    assert more['ortembed_http_requests_total{status="404"}'] == 1
    assert not [name for name in more if name.startswith("te_request_")]


def test_what_waits_and_runs_is_seen_and_goes(service):
    assert metrics(service)[f"te_queue_size{{{MODEL}}}"] == 0
    assert metrics(service)["ortembed_requests_in_progress"] == 0
    assert 0 <= metrics(service)[f"ortembed_padding_ratio{{{MODEL}}}"] < 1


def test_nothing_that_clients_send_becomes_a_label(service):
    for i in range(5):
        ask(service, f"/nowhere/{i}", {"inputs": "a", "model": f"m{i}"}, f"X-Request-Id: {i}")
        ask(service, "/embed", {"inputs": "a", "model": f"m{i}"})
    names = set(metrics(service))
    for i in range(5, 50):
        ask(service, f"/nowhere/{i}", {"inputs": "a", "model": f"m{i}"}, f"X-Request-Id: {i}")
        ask(service, "/embed", {"inputs": "a", "model": f"m{i}"})
    assert eventually(lambda: metrics(service)["ortembed_requests_in_progress"] == 0)
    assert set(metrics(service)) == names
