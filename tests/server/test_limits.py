"""What one request may ask: characters of a text and numbers of an answer, on the ASGI application."""

from __future__ import annotations

import logging

import pytest
from starlette.testclient import TestClient

from ortembed.server import Limits, Settings, create_app
from tests.server.asking import SECRET

LONG = " ".join(["hello"] * 4)  # 23 characters
FIELDS = [
    ("/embed", {"inputs": ["hello", LONG]}, "input 1"),
    ("/embed_all", {"inputs": LONG}, "input 0"),
    ("/tokenize", {"inputs": LONG}, "input 0"),
    ("/similarity", {"inputs": {"source_sentence": LONG, "sentences": ["cat"]}}, "input 0"),
    ("/similarity", {"inputs": {"source_sentence": "cat", "sentences": ["cat", LONG]}}, "input 1"),
    ("/v1/embeddings", {"input": LONG}, "input 0"),
]


@pytest.fixture(scope="module")
def narrow(tiny):
    """A service of texts of 22 characters, and of answers of as many numbers as five vectors have."""
    limits = Limits(max_text_characters=22, max_answer_values=5 * tiny.dimension)
    with TestClient(create_app({"tiny": tiny}, Settings(limits))) as client:
        yield client


@pytest.mark.parametrize(("path", "body", "place"), FIELDS)
def test_a_text_of_too_many_characters_is_refused(narrow, path, body, place):
    answer = narrow.post(path, json=body)
    assert answer.status_code == (400 if path.startswith("/v1") else 422)
    assert f"{place} has 23 characters, more than 22" in answer.text
    assert "hello" not in answer.text


def test_one_of_as_many_is_not(narrow):
    assert narrow.post("/embed", json={"inputs": LONG[:22]}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "dimensions"),
    [
        ("/embed", {"inputs": ["cat"] * 5}, None),
        ("/embed", {"inputs": ["cat"] * 10}, 0.5),
        ("/v1/embeddings", {"input": ["cat"] * 5}, None),
        ("/embed_all", {"inputs": "cat dog cat"}, None),  # with its two special tokens
    ],
)
def test_an_answer_of_too_many_numbers_is_refused(narrow, tiny, path, body, dimensions):
    if dimensions:
        body = {**body, "dimensions": int(tiny.dimension * dimensions)}
    assert narrow.post(path, json=body).status_code == 200
    field = "input" if path.startswith("/v1") else "inputs"
    more = f"{body[field]} dog" if isinstance(body[field], str) else [*body[field], "cat"]
    answer = narrow.post(path, json={**body, field: more})
    assert answer.status_code == (400 if path.startswith("/v1") else 422)
    assert f"numbers, more than {5 * tiny.dimension}; send fewer texts" in answer.text


@pytest.mark.parametrize("path", ["/live", "/ready", "/health", "/ping"])
def test_probes_answer_head(narrow, path):
    assert narrow.head(path).status_code == 200


def test_an_internal_error_is_logged_without_its_words(narrow, monkeypatch, caplog):
    def fail(*_arguments, **_options):
        raise RuntimeError(SECRET)

    monkeypatch.setattr("ortembed.server.model.ServedModel.kind", fail)
    with caplog.at_level(logging.DEBUG):
        answer = narrow.post("/embed", json={"inputs": "cat"})
    assert answer.status_code == 500
    (record,) = [record for record in caplog.records if record.message == "internal error"]
    assert (record.error, record.request_id) == ("RuntimeError", answer.headers["x-request-id"])
    assert "in fail" in record.where
    assert all(SECRET not in str(vars(record)) for record in caplog.records)
