"""huggingface_hub's InferenceClient and LangChain's OpenAIEmbeddings work with the service unchanged."""

from __future__ import annotations

import asyncio

import httpx
import numpy as np
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from langchain_openai import OpenAIEmbeddings

from tests.server.asking import KEY

TEXTS = ["A kitten on a rug.", "The stock market fell.", "Ein Kätzchen 🐱"]
LONG = " ".join(f"word{i}" for i in range(400))


@pytest.fixture(scope="module")
def client(service):
    return InferenceClient(base_url=service.url)


@pytest.fixture(scope="module")
def client_of_several(several):
    return InferenceClient(model=several.url)


@pytest.mark.parametrize("path", ["", "/", "/embed"])
def test_inference_client_embeds(service, embedder, path):
    found = InferenceClient(model=service.url + path).feature_extraction(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, embedder.encode(TEXTS), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_inference_client_embeds_one_text(client, embedder):
    found = client.feature_extraction(TEXTS[0])
    assert found.shape == (1, 384)
    np.testing.assert_allclose(found[0], embedder.encode(TEXTS[0]), atol=1e-5)


@pytest.mark.parametrize("normalize", [None, True, False])
def test_inference_client_normalizes(client_of_several, tiny, normalize):
    """By default, whatever the model's files say: that is text-embeddings-inference's rule."""
    found = client_of_several.feature_extraction("hello world", normalize=normalize)[0]
    expected = tiny.encode("hello world", normalize_embeddings=normalize is not False)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_inference_client_puts_a_prompt_before_texts(client_of_several, tiny):
    found = client_of_several.feature_extraction(["cat"], prompt_name="document")[0]
    expected = tiny.encode("cat", prompt_name="document", normalize_embeddings=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_inference_client_cuts_dimensions(client, embedder):
    found = client.feature_extraction(TEXTS, dimensions=32)
    np.testing.assert_allclose(found, embedder.encode(TEXTS, truncate_dim=32), atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_inference_client_truncates(client, embedder, side):
    found = client.feature_extraction(LONG, truncate=True, truncation_direction=side)[0]
    tokens = embedder.tokenize(LONG, truncation_side=side)
    np.testing.assert_allclose(found, embedder.encode_ids(tokens.ids, tokens.offsets)[0], atol=1e-5)


def test_inference_client_tells_what_is_wrong(client):
    with pytest.raises(HfHubHTTPError, match="the model takes 256 tokens") as failure:
        client.feature_extraction(LONG, truncate=False)
    assert failure.value.response.status_code == 422


def test_inference_client_shows_its_key(guarded):
    assert InferenceClient(model=guarded.url, token=KEY).feature_extraction("hello").shape == (1, 8)
    with pytest.raises(HfHubHTTPError) as failure:
        InferenceClient(model=guarded.url, token="wrong").feature_extraction("hello")  # noqa: S106
    assert failure.value.response.status_code == 401


def test_inference_client_compares_sentences(service, embedder):
    client = InferenceClient(model=f"{service.url}/similarity")
    found = client.sentence_similarity(TEXTS[0], TEXTS)
    vectors = embedder.encode(TEXTS)
    np.testing.assert_allclose(found, vectors @ vectors[0], atol=1e-5)


def test_async_inference_client(service, embedder):
    async def ask():
        async with AsyncInferenceClient(base_url=service.url) as client:
            return await asyncio.gather(*(client.feature_extraction(text) for text in TEXTS))

    np.testing.assert_allclose(np.concatenate(asyncio.run(ask())), embedder.encode(TEXTS), atol=1e-5)


def langchain(process, model, **options):
    """check_embedding_ctx_length=False has LangChain send texts, and not ids of OpenAI's own vocabulary."""
    url = f"{process.url}/v1"
    return OpenAIEmbeddings(
        model=model, base_url=url, api_key="anything", check_embedding_ctx_length=False, **options
    )


def test_langchain_embeds(service, embedder):
    expected = embedder.encode(TEXTS)
    with httpx.Client() as client:
        embeddings = langchain(service, "all-minilm-l6-v2", http_client=client)
        np.testing.assert_allclose(embeddings.embed_documents(TEXTS), expected, atol=1e-5)
        np.testing.assert_allclose(embeddings.embed_query(TEXTS[0]), expected[0], atol=1e-5)


def test_langchain_sends_more_texts_than_a_request_takes_in_parts(several, tiny):
    texts = ["hello", "world fish"] * 1100
    with httpx.Client() as client:
        found = langchain(several, "tiny", http_client=client).embed_documents(texts)
    np.testing.assert_allclose(found, tiny.encode(texts, normalize_embeddings=True), atol=1e-5)


def test_langchain_embeds_asynchronously(service, embedder):
    async def embed():
        async with httpx.AsyncClient() as client:
            embeddings = langchain(service, "all-minilm-l6-v2", dimensions=100, http_async_client=client)
            return await asyncio.gather(embeddings.aembed_documents(TEXTS), embeddings.aembed_query(TEXTS[0]))

    documents, query = asyncio.run(embed())
    expected = embedder.encode(TEXTS, truncate_dim=100)
    np.testing.assert_allclose(documents, expected, atol=1e-5)
    np.testing.assert_allclose(query, expected[0], atol=1e-5)
