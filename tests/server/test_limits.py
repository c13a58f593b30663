"""What one request may ask: characters of a text and numbers of an answer, on the ASGI application."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from starlette.testclient import TestClient

from ortembed.errors import InvalidInputError
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


def test_texts_to_tokenize_are_bounded_together(narrow):
    assert narrow.post("/tokenize", json={"inputs": ["cat" * 2] * 3}).status_code == 200
    answer = narrow.post("/tokenize", json={"inputs": ["cat" * 2] * 4})
    assert (answer.status_code, answer.json()["error_type"]) == (422, "Validation")
    assert "24 characters, more than 22 together" in answer.text


@pytest.mark.filterwarnings("ignore::ortembed.TruncationWarning")
def test_texts_that_are_tokenized_in_turns_get_the_embedders_vectors(embedder):
    texts = [f"{word} number {i} of many, " * (i % 90 + 1) for i in range(120) for word in ("a cat", "the market")]
    assert sum(map(len, texts)) > 3 * 65_536
    with TestClient(create_app({"mini": embedder})) as client:
        answer = client.post("/embed", json={"inputs": texts})
        np.testing.assert_allclose(answer.json(), embedder.encode(texts), atol=1e-5)
        refused = client.post("/embed", json={"inputs": texts, "truncate": False})
    assert answer.headers["x-truncated-texts"] == str((embedder.token_count(texts) > 256).sum())
    assert refused.status_code == 422
    assert "shorten them, or ask for truncation" in refused.text


@pytest.mark.parametrize("path", ["/live", "/health", "/metrics", "/docs", "/"])
def test_what_is_open_to_all_is_so_for_looking_alone(tiny, path):
    with TestClient(create_app({"tiny": tiny}, Settings(api_keys=("key",)))) as client:
        assert client.get(path).status_code == 200
        assert client.post(path, json={}).status_code == 401


@pytest.mark.parametrize("value", [0, -1, True, float("inf"), float("nan"), "5"])
def test_a_limit_that_is_none_is_refused(value):
    with pytest.raises(InvalidInputError, match="drain_timeout is .* not a positive number"):
        Limits(drain_timeout=value)
    with pytest.raises(InvalidInputError, match="max_client_batch_size is 65537, more than 65536"):
        Limits(max_client_batch_size=65_537)
