"""More than the service can take: it is refused at once with when to try again, and what was taken is served."""

import select

import pytest

from tests.server.operating import (
    ask,
    connect,
    connect_many,
    eventually,
    head,
    in_progress,
    metrics,
    read_answer,
    request,
    serve,
    tracebacks,
)

LONG = {"inputs": ["word " * 200] * 120}  # takes the engine some seconds
LONG_TOKENS = 202 * 120
KITTEN = {"inputs": "kitten"}
TOKENS = 'ortembed_engine_tokens_total{model="all-minilm-l6-v2"}'
LIMITS = {
    "--max-concurrent-requests": 4,
    "--max-queue-tokens": 10_000,
    "--max-body-bytes": 2_000_000,
    "--max-pending-bytes": 3_000_000,
    "--max-client-batch-size": 300,
    "--request-timeout": 20,
}


@pytest.fixture(scope="module")
def service(cache_dir):
    with serve(cache_dir, *(str(part) for pair in LIMITS.items() for part in pair)) as running:
        yield running


@pytest.fixture(autouse=True)
def left_as_it_was(service):
    yield
    assert eventually(lambda: in_progress(service) == 0)
    assert ask(service, "/embed", KITTEN).status == 200
    assert not tracebacks(service)


def check_refusal(answer, status=429):
    assert answer.status == status
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.value["error_type"] == "Overloaded"


def test_too_many_requests_get_429_in_both_forms_while_probes_are_answered(service):
    with connect_many(service, 4) as connections:
        for connection in connections:
            connection.sendall(head("/embed", 100))
        assert eventually(lambda: in_progress(service) == 4)
        check_refusal(ask(service, "/embed", KITTEN))
        answer = ask(service, "/v1/embeddings", {"input": "kitten"})
        assert (answer.status, answer.value["error"]["type"]) == (429, "rate_limit_error")
        assert answer.value["error"]["code"] == "rate_limit_exceeded"
        assert int(answer.headers["retry-after"]) >= 1
        assert [ask(service, path).status for path in ("/health", "/live", "/metrics", "/info")] == [200] * 4
        connections[0].sendall(b'{"inputs": "kitten"}' + b" " * 80)
        assert read_answer(connections[0]).status == 200
        assert ask(service, "/embed", KITTEN).status == 200


def test_too_many_tokens_that_wait_get_429(service):
    with connect(service) as connection:
        connection.sendall(request("/embed", LONG))
        assert eventually(lambda: metrics(service)['te_queue_size{model="all-minilm-l6-v2"}'] == 1)
        check_refusal(ask(service, "/embed", LONG))
        assert read_answer(connection).status == 200


def test_too_many_bytes_in_progress_get_429(service):
    with connect_many(service, 3) as connections:
        for connection in connections[:2]:
            connection.sendall(head("/embed", 1_400_000) + b'{"inputs": "kitten"' + b" " * 1_200_000)
        assert eventually(lambda: in_progress(service) == 2)
        connections[2].sendall(request("/embed", b'{"inputs": "kitten"}' + b" " * 1_200_000))
        check_refusal(read_answer(connections[2]))
        connections[0].sendall(b" " * (1_400_000 - 1_200_000 - 20) + b"}")
        assert read_answer(connections[0]).status == 200
        assert ask(service, "/embed", KITTEN).status == 200


def test_bytes_of_requests_that_are_over_no_longer_count(service):
    for _ in range(3):
        assert ask(service, "/embed", b'{"inputs": "kitten"}' + b" " * 1_400_000).status == 200
        assert ask(service, "/embed", b'{"inputs": 5}' + b" " * 1_400_000).status == 422


def test_refusals_take_no_memory(service):
    def flood(count):
        for _ in range(count):
            check_refusal(ask(service, "/embed", body))

    body = b'{"inputs": "' + b"a" * 1_500_000 + b'"}'
    with connect_many(service, 4) as connections:
        for connection in connections:
            connection.sendall(head("/embed", 100))
        assert eventually(lambda: in_progress(service) == 4)
        flood(50)
        before = service.resident_bytes()
        flood(200)
        assert service.resident_bytes() < before + 16 * 2**20


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_a_request_ends_at_its_deadline_and_runs_no_further(service, path):
    before = metrics(service)[TOKENS]
    long = {"input": LONG["inputs"]} if path.startswith("/v1") else LONG
    answer = ask(service, path, long, "X-Request-Timeout: 0.1")
    assert answer.status == 504
    error = answer.value["error"]
    assert (error["code"] if path.startswith("/v1") else answer.value["error_type"]) in ("timeout", "Overloaded")
    assert eventually(lambda: metrics(service)['te_queue_size{model="all-minilm-l6-v2"}'] == 0)
    assert metrics(service)[TOKENS] - before < LONG_TOKENS / 2


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon", ""])
def test_a_deadline_that_is_none_is_refused(service, seconds):
    answer = ask(service, "/embed", KITTEN, f"X-Request-Timeout: {seconds}")
    assert (answer.status, answer.value["error_type"]) == (422, "Validation")


def test_no_deadline_is_later_than_the_services(cache_dir):
    with serve(cache_dir, "--request-timeout", "0.3") as service:
        assert ask(service, "/embed", LONG, "X-Request-Timeout: 1e9").status == 504
        assert ask(service, "/embed", LONG).status == 504


def test_small_requests_are_answered_while_a_large_one_runs(cache_dir):
    with serve(cache_dir) as service, connect(service) as large:
        large.sendall(request("/embed", LONG))
        assert eventually(lambda: metrics(service)['te_queue_size{model="all-minilm-l6-v2"}'] == 1)
        for _ in range(5):
            assert ask(service, "/embed", KITTEN).status == 200
        assert not select.select([large], [], [], 0)[0]
        assert len(read_answer(large).value) == 120


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_what_is_too_large_for_any_time_is_refused_as_such(service, path):
    field = "input" if path.startswith("/v1") else "inputs"
    assert ask(service, path, {field: "a" * 2_000_000}).status == 413
    answer = ask(service, path, {field: ["a"] * 301})
    assert answer.status == (400 if path.startswith("/v1") else 422)
    assert "301" in answer.body.decode()
