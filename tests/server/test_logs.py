"""The log: JSON lines that tell what became of each request, and nothing of what was in it."""

import json

import pytest

from tests.server.operating import (
    ask,
    connect,
    eventually,
    head,
    in_progress,
    is_closed,
    read_answer,
    request,
    requests_logged,
    serve,
    write,
)

FIELDS = {
    *("level", "logger", "message", "time", "request_id", "method", "path", "status", "model", "texts", "tokens"),
    *("truncated", "error_type", "total_ms", "tokenization_ms", "queue_ms", "inference_ms"),
}
CANARY = "canary7391"
KEY = "key-canary7391"


@pytest.fixture(scope="module", params=["info", "debug"])
def service(request, cache_dir, tmp_path_factory):
    keys = write(tmp_path_factory.mktemp("keys") / "keys", KEY)
    arguments = ["--api-key-file", str(keys), "--log-level", request.param, "--request-timeout", "2"]
    with serve(cache_dir, *arguments, "--body-timeout", "1") as running:
        yield running


def logged(service, request_id):
    """The line of a request, which is written when its answer is on its way."""
    found = []

    def is_there():
        found[:] = [event for event in requests_logged(service) if event["request_id"] == request_id]
        return bool(found)

    assert eventually(is_there)
    (event,) = found
    return event


def ask_with_id(service, request_id, path, value=None, *lines, key=KEY):
    answer = ask(service, path, value, f"X-Request-Id: {request_id}", f"Authorization: Bearer {key}", *lines)
    assert answer.headers["x-request-id"] == request_id
    return answer, logged(service, request_id)


def test_a_request_has_one_line_with_what_became_of_it(service):
    answer, line = ask_with_id(service, "answered", "/v1/embeddings", {"input": ["kitten", "word " * 300]})
    assert answer.status == 200
    assert set(line) == FIELDS
    assert (line["level"], line["method"], line["path"], line["status"]) == ("INFO", "POST", "/v1/embeddings", 200)
    assert (line["model"], line["texts"], line["tokens"], line["truncated"]) == ("all-minilm-l6-v2", 2, 3 + 256, 1)
    assert line["error_type"] == ""
    assert 0 < line["inference_ms"] < line["total_ms"]
    assert 0 < line["tokenization_ms"] < line["total_ms"]


@pytest.mark.parametrize(
    ("name", "path", "value", "status", "kind"),
    [
        ("wrong", "/embed", {"inputs": 5}, 422, "Validation"),
        ("nowhere", "/nowhere?q=1", None, 404, "Validation"),
        ("empty", "/embed", {"inputs": ""}, 400, "Empty"),
        ("slow", "/embed", {"inputs": ["word " * 200] * 500}, 504, "Overloaded"),
    ],
)
def test_one_that_failed_has_a_warning(service, name, path, value, status, kind):
    answer, line = ask_with_id(service, name, path, value)
    assert answer.status == line["status"] == status
    assert (line["level"], line["error_type"], line["path"]) == ("WARNING", kind, path.partition("?")[0])


def test_a_client_that_goes_away_is_logged_as_proxies_do(service):
    with connect(service) as connection:
        connection.sendall(head("/embed", 100, f"Authorization: Bearer {KEY}", "X-Request-Id: gone"))
        assert eventually(lambda: in_progress(service) == 1)
    line = logged(service, "gone")
    assert (line["status"], line["error_type"]) == (499, "Gone")


@pytest.mark.parametrize("shown", ["", "a" * 129, "a b", "a\tb", 'a"b', "\xe9", "{}"])
def test_an_id_that_is_not_plain_is_replaced(service, shown):
    with connect(service) as connection:
        connection.sendall(head("/live", None, f"X-Request-Id: {shown}", method="GET", encoding="latin-1"))
        answer = read_answer(connection)
    assert answer.status == 200
    assert len(answer.headers["x-request-id"]) == 32


def test_nothing_of_a_request_is_in_the_log(service):
    texts = [CANARY, f"{CANARY} again"]
    known = [f"Authorization: Bearer {KEY}", f"X-Canary: {CANARY}", f"Cookie: {CANARY}", f"User-Agent: {CANARY}"]
    for value in (
        {"inputs": texts, "input": texts, "user": CANARY},
        {"inputs": [*texts, 5], "input": [*texts, 5]},
        {"inputs": texts, "input": texts, "model": CANARY, "prompt_name": CANARY},
        {"inputs": texts, "input": texts, "prompt_name": CANARY, "encoding_format": CANARY},
        {"inputs": [f"{CANARY} \ud800"], "input": [f"{CANARY} \ud800"], CANARY: {CANARY: CANARY}},
        {"inputs": [f"{CANARY} " * 500] * 500, "input": texts, "truncate": False},
        {"ids": [CANARY], "inputs": {"source_sentence": CANARY, "sentences": [CANARY, None]}},
        f'{{"inputs": "{CANARY}'.encode(),
        CANARY.encode(),
    ):
        for path in ("/embed", "/v1/embeddings", "/embed_all", "/similarity", "/tokenize", "/decode", "/nowhere"):
            ask(service, f"{path}?key={CANARY}", value, *known, f"X-Request-Id: {CANARY} {CANARY}")
            ask(service, path, value, f"Authorization: Bearer {CANARY}", f"X-Request-Timeout: {CANARY}")
    with connect(service) as connection:
        connection.sendall(request("/embed", {"inputs": CANARY}, *known).replace(b"HTTP/1.1", b"HTTP/x canary7391"))
        assert is_closed(connection)
    with connect(service) as connection:
        connection.sendall(head("/embed", 500, *known) + CANARY.encode())
        assert read_answer(connection).status == 408
    assert eventually(lambda: in_progress(service) == 0)
    assert len(requests_logged(service)) > 120
    assert CANARY not in "".join(service.log)


def test_each_line_is_json_without_colours(service):
    for line in list(service.log):
        event = json.loads(line)
        assert {"level", "logger", "message", "time"} <= set(event)
        assert "color_message" not in event
        assert "\\u001b" not in line


def test_the_first_lines_tell_the_address_and_when_it_is_ready(cache_dir):
    with serve(cache_dir) as service:
        told = [event["message"] for event in service.events() if event["message"] != "request"]
        assert told == ["listening", "ready"]
