"""OpenAI's own client works with the service unchanged."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
import openai
import pytest

from tests.server.asking import KEY, requests_in_progress

TEXTS = ["A kitten on a rug.", "The stock market fell.", "Ein Kätzchen 🐱", "A kitten on a rug."]


def make_client(process, kind=openai.OpenAI, key="anything"):
    return kind(base_url=f"{process.url}/v1", api_key=key, max_retries=0)


@pytest.fixture(scope="module")
def client(service):
    with make_client(service) as client:
        yield client


@pytest.fixture(scope="module")
def client_of_several(several):
    with make_client(several) as client:
        yield client


@pytest.fixture(scope="module")
def client_of_guarded(guarded):
    with make_client(guarded, key=KEY) as client:
        yield client


def vectors(answer):
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return np.array([item.embedding for item in answer.data], np.float32)


@pytest.mark.parametrize("options", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_texts(client, embedder, options):
    answer = client.embeddings.create(model="all-minilm-l6-v2", input=TEXTS, **options)
    if options.get("encoding_format") == "base64":  # asked for by name, it is the caller's to decode
        found = np.array([np.frombuffer(base64.b64decode(item.embedding), "<f4") for item in answer.data])
    else:
        found = vectors(answer)
    np.testing.assert_allclose(found, embedder.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (answer.object, answer.model, answer.data[0].object) == ("list", "all-minilm-l6-v2", "embedding")
    tokens = int(embedder.token_count(TEXTS).sum())
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (tokens, tokens)


def test_what_the_client_asks_when_nothing_is_said(client):
    """It is base64, which it decodes by itself: the path that has to work best."""
    raw = client.embeddings.with_raw_response.create(model="all-minilm-l6-v2", input="hello")
    assert b'"encoding_format":"base64"' in raw.http_response.request.content
    assert isinstance(raw.http_response.json()["data"][0]["embedding"], str)
    assert isinstance(raw.parse().data[0].embedding[0], float)


def test_one_text(client, embedder):
    answer = client.embeddings.create(model="all-minilm-l6-v2", input=TEXTS[0])
    np.testing.assert_allclose(vectors(answer), embedder.encode(TEXTS[:1]), atol=1e-5)


def test_dimensions(client, embedder):
    found = vectors(client.embeddings.create(model="all-minilm-l6-v2", input=TEXTS, dimensions=64))
    np.testing.assert_allclose(found, embedder.encode(TEXTS, truncate_dim=64), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_token_ids(client, embedder):
    tokens = embedder.tokenize(TEXTS)
    rows = [row.tolist() for row in np.split(tokens.ids, tokens.offsets[1:-1])]
    answer = client.embeddings.create(model="all-minilm-l6-v2", input=rows)
    np.testing.assert_allclose(vectors(answer), embedder.encode(TEXTS), atol=1e-5)
    assert answer.usage.total_tokens == len(tokens.ids)
    one = client.embeddings.create(model="all-minilm-l6-v2", input=rows[1])
    np.testing.assert_allclose(vectors(one), embedder.encode(TEXTS[1:2]), atol=1e-5)


def test_models_by_name(client_of_several, embedder, tiny):
    """Vectors have norm 1 whatever a model's files say, as those of OpenAI have."""
    assert [model.id for model in client_of_several.models.list()] == ["tiny", "org/mini"]
    card = client_of_several.models.retrieve("org/mini")
    assert (card.id, card.object, card.owned_by) == ("org/mini", "model", "ortembed")
    for name, expected in {"org/mini": embedder, "tiny": tiny}.items():
        answer = client_of_several.embeddings.create(model=name, input=["hello world"])
        assert answer.model == name
        unit = expected.encode(["hello world"], normalize_embeddings=True)
        np.testing.assert_allclose(vectors(answer), unit, atol=1e-5)


def test_a_prompt(client_of_several, tiny):
    answer = client_of_several.embeddings.create(model="tiny", input="cat", extra_body={"prompt_name": "document"})
    expected = tiny.encode("cat", prompt_name="document", normalize_embeddings=True)
    np.testing.assert_allclose(vectors(answer)[0], expected, atol=1e-5)
    assert answer.usage.total_tokens == int(tiny.token_count("fish dog cat")[0])


@pytest.mark.parametrize(
    ("options", "error", "param", "code"),
    [
        ({"input": []}, openai.BadRequestError, "input", None),
        ({"input": ""}, openai.BadRequestError, "input", None),
        ({"input": ["hello"] * 2049}, openai.BadRequestError, "input", None),
        ({"dimensions": 0}, openai.BadRequestError, "dimensions", None),
        ({"dimensions": 9}, openai.BadRequestError, "dimensions", None),
        ({"encoding_format": "int8"}, openai.BadRequestError, "encoding_format", None),
        ({"input": "hello " * 40}, openai.BadRequestError, None, "context_length_exceeded"),
        ({"model": "nope"}, openai.NotFoundError, "model", "model_not_found"),
    ],
)
def test_refusals_become_the_clients_exceptions(client_of_several, options, error, param, code):
    with pytest.raises(error) as failure:
        client_of_several.embeddings.create(**{"model": "tiny", "input": "hello", **options})
    assert (failure.value.param, failure.value.code) == (param, code)
    assert failure.value.type == "invalid_request_error"
    assert failure.value.request_id == failure.value.response.headers["x-request-id"]


def test_an_unknown_model_is_not_found(client_of_several):
    with pytest.raises(openai.NotFoundError, match=r"tiny, org/mini"):
        client_of_several.models.retrieve("nope")


def test_a_wrong_key(guarded, client_of_guarded):
    with make_client(guarded, key="wrong") as client, pytest.raises(openai.AuthenticationError) as failure:
        client.embeddings.create(model="tiny", input="hello")
    assert (failure.value.code, failure.value.type) == ("invalid_api_key", "authentication_error")
    assert len(client_of_guarded.embeddings.create(model="tiny", input="hello").data) == 1


def test_overload(client_of_guarded, ask_guarded):
    with requests_in_progress(ask_guarded), pytest.raises(openai.RateLimitError) as failure:
        client_of_guarded.embeddings.create(model="tiny", input="hello")
    assert (failure.value.code, failure.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert failure.value.response.headers["retry-after"] == "1"


def test_many_at_once(service, embedder):
    async def embed_all():
        async with make_client(service, openai.AsyncOpenAI) as client:
            texts = [f"text number {i}" for i in range(20)]
            answers = await asyncio.gather(*(client.embeddings.create(model="", input=text) for text in texts))
            return texts, np.concatenate([vectors(answer) for answer in answers])

    texts, found = asyncio.run(embed_all())
    np.testing.assert_allclose(found, embedder.encode(texts), atol=1e-5)


def test_async_refusals(several):
    async def embed():
        async with make_client(several, openai.AsyncOpenAI) as client:
            await client.embeddings.create(model="tiny", input=[[10]])

    with pytest.raises(openai.BadRequestError, match="outside the vocabulary"):
        asyncio.run(embed())
