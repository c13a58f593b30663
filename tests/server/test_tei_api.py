"""text-embeddings-inference's routes answer as its clients expect, with what the Embedder itself gives."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pytest

from tests.server.conftest import PROMPTS

TEXTS = ["A kitten on a rug.", "The stock market fell.", "Ein Kätzchen 🐱 e\u0301", "nul\0 and\nline", " "]
LONG = " ".join(f"word{i}" for i in range(400))
TIMES = ["x-total-time", "x-tokenization-time", "x-queue-time", "x-inference-time"]


def post(client, path, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer


def vectors(client, path="/embed", **body):
    return np.array(post(client, path, **body).json(), np.float32)


def test_embed(ask, embedder):
    found = vectors(ask, inputs=TEXTS)
    np.testing.assert_allclose(found, embedder.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("text", TEXTS)
def test_embed_one_text(ask, embedder, text):
    np.testing.assert_allclose(vectors(ask, inputs=text), embedder.encode([text]), atol=1e-5)


def test_embed_ids(ask_several, tiny):
    expected = tiny.encode(["hello world", "cat"], normalize_embeddings=True)
    np.testing.assert_allclose(vectors(ask_several, inputs=[[2, 4, 5, 3], [2, 7, 3]]), expected, atol=1e-5)
    np.testing.assert_allclose(vectors(ask_several, inputs=[2, 7, 3]), expected[1:], atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("dimensions", [None, 1, 5, 8])
@pytest.mark.parametrize("prompt_name", [None, *PROMPTS])
def test_embed_options(ask_several, tiny, normalize, dimensions, prompt_name):
    options = {"normalize": normalize, "dimensions": dimensions, "prompt_name": prompt_name}
    found = vectors(ask_several, inputs=["hello world", "cat"], **options)
    expected = tiny.encode(
        ["hello world", "cat"],
        normalize_embeddings=normalize,
        truncate_dim=dimensions,
        prompt_name=prompt_name,
    )
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_headers_tell_what_an_answer_took(ask, embedder):
    headers = post(ask, "/embed", inputs=TEXTS).headers
    assert headers["x-compute-type"] == "cpu"
    assert int(headers["x-compute-tokens"]) == embedder.token_count(TEXTS).sum()
    assert int(headers["x-compute-characters"]) == sum(map(len, TEXTS))
    assert headers["x-truncated-texts"] == "0"
    times = [int(headers[name]) for name in TIMES]
    assert times[0] >= max(times[1:]) >= 0
    ids = post(ask, "/embed", inputs=[[101, 102], [101, 2000, 102]]).headers
    assert (ids["x-compute-tokens"], ids["x-compute-characters"]) == ("5", "0")


@pytest.mark.parametrize("path", ["/embed", "/embed_all"])
@pytest.mark.parametrize("side", [None, "Left", "Right", "left", "right"])
def test_truncation(ask, embedder, path, side):
    answer = post(ask, path, inputs=["short", LONG], truncation_direction=side)
    assert answer.headers["x-truncated-texts"] == "1"
    tokens = embedder.tokenize(["short", LONG], truncation_side=side and side.lower())
    assert answer.headers["x-compute-tokens"] == str(len(tokens.ids))
    found = answer.json()
    if path == "/embed":
        np.testing.assert_allclose(found, embedder.encode_ids(tokens.ids, tokens.offsets), atol=1e-5)
    else:
        assert [len(rows) for rows in found] == np.diff(tokens.offsets).tolist()


@pytest.mark.parametrize(
    ("truncate", "status_of_auto", "status_of_no_auto"), [(None, 200, 422), (True, 200, 200), (False, 422, 422)]
)
def test_who_decides_on_truncation(ask, ask_several, truncate, status_of_auto, status_of_no_auto):
    comparison = {"source_sentence": "hello", "sentences": [LONG]}
    for client, status in ((ask, status_of_auto), (ask_several, status_of_no_auto)):
        for path in ("/embed", "/embed_all"):
            assert client.post(path, json={"inputs": LONG, "truncate": truncate}).status_code == status
        body = {"inputs": comparison, "parameters": {"truncate": truncate}}
        assert client.post("/similarity", json=body).status_code == status
        assert client.get("/info").json()["auto_truncate"] is (client is ask)


def test_openai_truncates_as_the_service_was_started(ask, ask_several):
    answer = ask.post("/v1/embeddings", json={"input": LONG})
    assert answer.json()["usage"]["total_tokens"] == 256
    assert ask_several.post("/v1/embeddings", json={"input": LONG}).status_code == 400


@pytest.mark.parametrize("name", ["tiny", "org/mini"])
def test_rows_of_embed_all_average_to_embed(ask_several, name):
    inputs = ["hello world", "cat"]
    answer = post(ask_several, "/embed_all", inputs=inputs, model=name)
    rows = [np.array(row, np.float32) for row in answer.json()]
    assert sum(map(len, rows)) == int(answer.headers["x-compute-tokens"])
    means = np.stack([row.mean(axis=0) for row in rows])
    found = vectors(ask_several, inputs=inputs, model=name, normalize=False)
    np.testing.assert_allclose(means, found, atol=1e-5)


def test_embed_all_takes_ids_and_prompts(ask_several):
    by_text = vectors(ask_several, "/embed_all", inputs="cat", prompt_name="query")
    by_ids = vectors(ask_several, "/embed_all", inputs=[2, 4, 7, 3])
    np.testing.assert_allclose(by_text, by_ids, atol=1e-5)
    assert by_text.shape == (1, 4, 8)


def test_similarity_is_the_cosine(ask, embedder):
    found = post(ask, "/similarity", inputs={"source_sentence": TEXTS[0], "sentences": TEXTS})
    encoded = embedder.encode(TEXTS)
    np.testing.assert_allclose(found.json(), encoded @ encoded[0], atol=1e-5)
    tokens = embedder.token_count([TEXTS[0], *TEXTS]).sum()
    assert int(found.headers["x-compute-tokens"]) == tokens


def test_similarity_with_a_prompt(ask_several, tiny):
    comparison = {"source_sentence": "cat", "sentences": ["fish", "dog world"]}
    found = post(ask_several, "/similarity", inputs=comparison, parameters={"prompt_name": "document"}).json()
    encoded = tiny.encode(["cat", "fish", "dog world"], prompt_name="document", normalize_embeddings=True)
    np.testing.assert_allclose(found, encoded[1:] @ encoded[0], atol=1e-5)


def test_tokenize(ask_several):
    def token(number, text, start, stop):
        return {"id": number, "text": text, "special": start is None, "start": start, "stop": stop}

    begin, end = token(2, "[CLS]", None, None), token(3, "[SEP]", None, None)
    words = [token(4, "hello", 1, 6), token(1, "zebra", 7, 12)]
    assert post(ask_several, "/tokenize", inputs=" hello zebra").json() == [[begin, *words, end]]
    plain = post(ask_several, "/tokenize", inputs=["cat", " hello zebra"], add_special_tokens=False).json()
    assert plain == [[token(7, "cat", 0, 3)], words]
    prompted = post(ask_several, "/tokenize", inputs="cat", prompt_name="query").json()
    assert [part["text"] for part in prompted[0]] == ["[CLS]", "hello", "cat", "[SEP]"]


def test_tokenize_cuts_nothing_and_starts_count_characters(ask, embedder):
    text = "Kätzchen 🐱 naïve " + LONG
    (tokens,) = post(ask, "/tokenize", inputs=text).json()
    assert len(tokens) == embedder.token_count(text)[0]
    words = [token for token in tokens if not token["special"]]
    assert all(token["text"] == text[token["start"] : token["stop"]] for token in words)


def test_decode_gives_back_what_tokenize_made(ask):
    texts = ["a kitten on a rug.", "the stock market fell"]
    rows = [[token["id"] for token in row] for row in post(ask, "/tokenize", inputs=texts).json()]
    assert post(ask, "/decode", ids=rows).json() == texts
    assert post(ask, "/decode", ids=rows[1]).json() == texts[1:]
    whole = post(ask, "/decode", ids=rows[1], skip_special_tokens=False).json()
    assert whole == ["[CLS] the stock market fell [SEP]"]


def test_info(ask, ask_several, embedder):
    info = ask.get("/info").json()
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}
    expected = {
        "model_id": "all-minilm-l6-v2",
        "model_sha": None,
        "model_dtype": "float32",
        "max_concurrent_requests": 512,
        "max_input_length": embedder.max_seq_length,
        "max_batch_tokens": 1536,
        "max_batch_requests": None,
        "max_client_batch_size": 2048,
        "auto_truncate": True,
        "tokenization_workers": 1,
        "dimension": embedder.dimension,
        "prompts": [],
        "form": "cpu",
        "form_reason": "padded: float32 runs on the runtime's operators",
        "version": version("ortembed"),
    }
    assert {name: info[name] for name in expected} == expected
    of_tiny, of_mini = (ask_several.get("/info", params={"model": name}).json() for name in ("tiny", "org/mini"))
    assert of_tiny == ask_several.get("/info").json()
    assert (of_tiny["model_id"], of_tiny["dimension"], of_tiny["prompts"]) == ("tiny", 8, sorted(PROMPTS))
    assert (of_mini["model_id"], of_mini["dimension"]) == ("org/mini", 384)
    assert ask_several.get("/info", params={"model": "nope"}).status_code == 404


@pytest.mark.parametrize("path", ["/embed", "/v1/embeddings"])
def test_as_many_texts_as_openai_allows(ask_several, tiny, path):
    texts = [f"{'hello ' * (i % 20)}world" for i in range(2048)]
    if path == "/embed":
        found = vectors(ask_several, inputs=texts)
    else:
        answer = post(ask_several, path, input=texts).json()
        found = [item["embedding"] for item in answer["data"]]
        assert answer["usage"]["total_tokens"] == tiny.token_count(texts).sum()
    np.testing.assert_allclose(found, tiny.encode(texts, normalize_embeddings=True), atol=1e-5)


def test_probes(ask):
    for path in ("/health", "/ready", "/live", "/ping"):
        answer = ask.get(path)
        assert (answer.status_code, answer.content) == (200, b"")


def test_the_front_door_leads_to_the_description(ask):
    answer = ask.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
