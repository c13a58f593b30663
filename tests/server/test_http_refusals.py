"""Requests that are refused before or whatever they ask for: bodies, methods, paths, keys, load and size."""

from __future__ import annotations

import json

import pytest

from tests.server.asking import BODIES, JSON, PATHS, SECRET, check, http_client, requests_in_progress


@pytest.mark.parametrize(("path", "body"), BODIES, ids=PATHS)
def test_a_model_that_is_not_served(ask_several, path, body):
    is_openai = path.startswith("/v1/")
    kind, code = ("invalid_request_error", "model_not_found") if is_openai else ("Validation", None)
    message = check(ask_several.post(path, json={**body, "model": SECRET}), 404, kind, code=code, param="model")
    assert "tiny, org/mini" in message


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("content", "headers", "status", "part"),
    [
        (b"", JSON, 400, "not JSON: EOF"),
        (b"{", JSON, 400, "not JSON: EOF"),
        (f'{{"inputs": "{SECRET}"'.encode(), JSON, 400, "column 22"),
        (b"\xff\xfe", JSON, 400, "not JSON"),
        (b'{"inputs": "swordfish \\ud800"}', JSON, 400, "hex escape at line 1"),
        (b'{"inputs": "swordfish \\udfff"}', JSON, 400, "not JSON"),
        (b'{"inputs": "swordfish\xed\xa0\x80"}', JSON, 400, "not JSON: invalid unicode"),
        (b'{"inputs": "swordfish\0"}', JSON, 400, "not JSON: control character"),
        (b"[" * 5000, JSON, 400, "not JSON: recursion"),
        (b"[]", JSON, 422, "JSON object"),
        (b'"swordfish"', JSON, 422, "JSON object"),
        (b"null", JSON, 422, "JSON"),
        (b"5", JSON, 422, "JSON object"),
        (b"{}", JSON, 422, "missing"),
        (b'{"swordfish": 5}', JSON, 422, "missing"),
        (b'{"inputs": "swordfish"}', {}, 415, "Content-Type: application/json"),
        (b'{"inputs": "swordfish"}', {"Content-Type": "text/plain"}, 415, "Content-Type: application/json"),
        (b"inputs=swordfish", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "application/json"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bodies_that_are_no_request(ask_several, path, content, headers, status, part):
    is_openai = path.startswith("/v1/")
    kind = "invalid_request_error" if is_openai else "Validation"
    answer = ask_several.post(path, content=content, headers=headers)
    assert part in check(answer, 400 if is_openai and status == 422 else status, kind)


def test_json_may_name_its_encoding(ask_several):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    for path, body in BODIES:
        assert ask_several.post(path, content=json.dumps(body), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        *(("GET", path, "POST") for path in PATHS if path != "/"),
        *(("DELETE", path, "POST") for path in PATHS if path != "/"),
        *(("POST", path, "GET") for path in ("/health", "/ready", "/live", "/metrics", "/info", "/v1/models")),
        ("PUT", "/v1/models/tiny", "GET"),
    ],
)
def test_methods(ask_several, method, path, allowed):
    answer = ask_several.request(method, path)
    check(answer, 405, "invalid_request_error" if path.startswith("/v1/") else "Validation")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/swordfish", "/rerank", "/predict", "/v1/swordfish", "/v1/chat/completions"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_paths_that_are_not_there(ask_several, method, path):
    answer = ask_several.request(method, path)
    check(answer, 404, "invalid_request_error" if path.startswith("/v1/") else "Validation")


@pytest.mark.parametrize("shown", [None, "Bearer wrong", "Basic right-key", "right-key", "Bearer", ""])
@pytest.mark.parametrize("path", [*PATHS, "/info", "/v1/models", "/v1/models/tiny", "/v1/swordfish"])
def test_keys(guarded, path, shown):
    headers = {} if shown is None else {"Authorization": shown}
    with http_client(guarded) as client:
        answer = client.request("POST" if path in PATHS else "GET", path, headers=headers)
    is_openai = path.startswith("/v1/")
    kind, code = ("authentication_error", "invalid_api_key") if is_openai else ("Unauthorized", None)
    check(answer, 401, kind, code=code)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_what_needs_no_key(guarded):
    with http_client(guarded) as client:
        statuses = {
            path: client.get(path).status_code for path in ("/health", "/ready", "/live", "/metrics", "/docs")
        }
    assert set(statuses.values()) == {200}


@pytest.mark.parametrize(("path", "body"), BODIES, ids=PATHS)
def test_too_much_waits(ask_guarded, path, body):
    with requests_in_progress(ask_guarded):
        answer = ask_guarded.post(path, json=body)
    is_openai = path.startswith("/v1/")
    kind, code = ("rate_limit_error", "rate_limit_exceeded") if is_openai else ("Overloaded", None)
    check(answer, 429, kind, code=code)
    assert int(answer.headers["retry-after"]) >= 1
    assert ask_guarded.post(path, json=body).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_bodies_and_batches_that_are_too_large(ask_guarded, path):
    is_openai = path.startswith("/v1/")
    kind = "invalid_request_error" if is_openai else "Validation"
    check(ask_guarded.post(path, content=b" " * 2001, headers=JSON), 413, kind)
    field = {"/v1/embeddings": "input", "/decode": "ids"}.get(path, "inputs")
    many = [[2], [2], [2], [2]] if path == "/decode" else ["hello"] * 4
    value = {"source_sentence": "hello", "sentences": many} if path == "/similarity" else many
    message = check(ask_guarded.post(path, json={field: value}), 400 if is_openai else 422, kind)
    assert message == "batch size 4 > maximum allowed batch size 3"


def test_a_request_keeps_its_id(ask_several):
    for body in ({"inputs": "hello"}, {}):
        answer = ask_several.post("/embed", json=body, headers={"X-Request-Id": "trace-1"})
        assert answer.headers["x-request-id"] == "trace-1"
