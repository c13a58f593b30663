"""The ASGI application in a process of the user's own: what it answers while it loads, ends or fails, and to whom."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
from starlette.testclient import TestClient

from ortembed.errors import InferenceError, InvalidInputError
from ortembed.server import Limits, ModelSource, Settings, create_app
from ortembed.server.app import application
from ortembed.server.service import Service
from tests.python.tiny_models import NAN_ID
from tests.server.asking import BODIES, PATHS, check

PROBES = ["/health", "/ready", "/ping"]


@asynccontextmanager
async def running(app):
    """Run an application's lifespan, and give a client of it: no socket, no server."""
    messages, done, started = asyncio.Queue(), asyncio.Event(), asyncio.Event()

    async def send(message):
        assert message["type"] in {"lifespan.startup.complete", "lifespan.shutdown.complete"}, message
        (started if "startup" in message["type"] else done).set()

    lifespan = asyncio.ensure_future(app({"type": "lifespan", "state": {}}, messages.get, send))
    await messages.put({"type": "lifespan.startup"})
    await started.wait()
    # Errors are answers, as with a server; httpx would raise what a server logs.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client
    await messages.put({"type": "lifespan.shutdown"})
    await done.wait()
    await lifespan


def kinds(path):
    """The name that an unavailable service's error has in the API of a path, and its code."""
    return ("server_error", "service_unavailable") if path.startswith("/v1/") else ("Unhealthy", None)


def test_several_models_by_name(tiny, embedder):
    async def ask():
        async with running(create_app({"tiny": tiny, "org/mini": embedder})) as client:
            answers = {}
            for name in ("", "tiny", "org/mini", None):
                answer = await client.post("/v1/embeddings", json={"input": ["hello world"], "model": name})
                embed = await client.post("/embed", json={"inputs": "hello world", "model": name})
                answers[name] = answer.json(), embed.json()
            return answers, (await client.get("/v1/models")).json()

    answers, models = asyncio.run(ask())
    assert [card["id"] for card in models["data"]] == ["tiny", "org/mini"]
    for name, (openai, tei) in answers.items():
        expected = (embedder if name == "org/mini" else tiny).encode(["hello world"], normalize_embeddings=True)
        assert openai["model"] == (name or "tiny")
        np.testing.assert_allclose([openai["data"][0]["embedding"]], expected, atol=1e-5)
        np.testing.assert_allclose(tei, expected, atol=1e-5)


def test_in_a_test_client(tiny):
    """As users try an application out; it starts and ends with the block."""
    with TestClient(create_app({"tiny": tiny})) as client:
        answer = client.post("/embed", json={"inputs": ["hello", "cat"]})
        expected = tiny.encode(["hello", "cat"], normalize_embeddings=True)
        np.testing.assert_allclose(answer.json(), expected, atol=1e-5)
        assert client.get("/health").status_code == 200
    with TestClient(create_app({"tiny": tiny})) as client:  # another one of the same Embedder
        assert client.post("/embed", json={"inputs": "hello"}).status_code == 200


def test_settings_are_the_applications_own(tiny):
    settings = Settings(Limits(max_client_batch_size=1), api_keys=("k",), auto_truncate=False)
    with TestClient(create_app({"tiny": tiny}, settings)) as client:
        check(client.post("/embed", json={"inputs": "hello"}), 401, "Unauthorized")
        client.headers["Authorization"] = "Bearer k"
        check(client.post("/embed", json={"inputs": ["hello", "cat"]}), 422, "Validation")
        assert client.get("/info").json()["auto_truncate"] is False


def test_without_models_there_is_no_application():
    with pytest.raises(InvalidInputError, match="at least one"):
        create_app({})


@pytest.fixture
def service_that_loads(tiny):
    """A service, and what lets its model be loaded."""
    gate = threading.Event()

    def load():
        gate.wait()
        return tiny

    yield Service([ModelSource("tiny", load)], Settings(), on_load_failure=pytest.fail), gate
    gate.set()


def test_while_models_are_loaded(service_that_loads):
    service, gate = service_that_loads

    async def ask():
        async with running(application(service)) as client:
            for path, body in BODIES:
                kind, code = kinds(path)
                answer = await client.post(path, json=body)
                assert "being loaded" in check(answer, 503, kind, code=code)
                assert answer.headers["retry-after"] == "2"
            for path in [*PROBES, "/info"]:
                check(await client.get(path), 503, "Unhealthy")
            check(await client.post("/embed", json={"inputs": "a", "model": "nope"}), 404, "Validation")
            check(await client.post("/embed", json={"inputs": 5}), 422, "Validation")
            for path in ("/live", "/metrics", "/docs", "/v1/models"):
                assert (await client.get(path)).status_code == 200
            gate.set()
            while (await client.get("/ready")).status_code == 503:  # noqa: ASYNC110 - nothing else tells a client
                await asyncio.sleep(0.01)
            assert (await client.post("/embed", json={"inputs": "hello"})).status_code == 200

    asyncio.run(ask())


@pytest.mark.parametrize("end", ["drain", "stop"])
def test_while_it_ends(tiny, end):
    service = Service([ModelSource("tiny", lambda: tiny)], Settings())

    async def ask():
        async with running(application(service)) as client:
            getattr(service, end)()
            for path, body in BODIES:
                kind, code = kinds(path)
                answer = await client.post(path, json=body)
                assert "shutting down" in check(answer, 503, kind, code=code)
                assert answer.headers["retry-after"] == "1"
            for path in PROBES:
                check(await client.get(path), 503, "Unhealthy")
            assert (await client.get("/live")).status_code == 200

    asyncio.run(ask())


class Failing:
    """An Embedder whose engine fails; everything else is the real one's."""

    def __init__(self, embedder, error):
        self._embedder = embedder
        self._error = error

    def __getattr__(self, name):
        return getattr(self._embedder, name)

    def encode_ids(self, *_, **__):
        raise self._error

    token_embeddings_of_ids = encode_ids


ENGINE_PATHS = [path for path in PATHS if path not in {"/tokenize", "/decode"}]


@pytest.mark.parametrize("path", ENGINE_PATHS)
@pytest.mark.parametrize(
    ("error", "status", "kind", "openai_kind", "code"),
    [
        (InferenceError("the run failed"), 424, "Backend", "server_error", "inference_failed"),
        (MemoryError(), 503, "Unhealthy", "server_error", "service_unavailable"),
        (ZeroDivisionError("secret"), 500, "Backend", "server_error", None),
    ],
    ids=str,
)
def test_failures_of_the_engine(tiny, path, error, status, kind, openai_kind, code):
    with TestClient(create_app({"tiny": Failing(tiny, error)}), raise_server_exceptions=False) as client:
        answer = client.post(path, json=dict(BODIES)[path])
        is_openai = path.startswith("/v1/")
        message = check(answer, status, openai_kind if is_openai else kind, code=code if is_openai else None)
        assert "secret" not in message
        assert client.get("/live").status_code == 200


def test_a_text_of_which_the_model_makes_no_number(nan_model):
    """A request that has it fails, and the next one does not."""
    texts = ["hello", "nan", "cat"]
    with TestClient(create_app({"nan": nan_model})) as client:
        check(client.post("/embed", json={"inputs": texts}), 424, "Backend")
        check(client.post("/embed", json={"inputs": [2, NAN_ID, 3]}), 424, "Backend")
        assert client.post("/embed", json={"inputs": ["hello", "cat"]}).status_code == 200
