"""How tests ask a service, what they look at in each refusal, and how they fill one that takes two requests."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx

KEY = "right-key"
SECRET = "swordfish"  # noqa: S105 - what no answer may repeat
JSON = {"Content-Type": "application/json"}
BODIES = [
    ("/embed", {"inputs": "hello"}),
    ("/embed_all", {"inputs": "hello"}),
    ("/similarity", {"inputs": {"source_sentence": "hello", "sentences": ["cat"]}}),
    ("/tokenize", {"inputs": "hello"}),
    ("/decode", {"ids": [4]}),
    ("/", {"inputs": "hello"}),
    ("/v1/embeddings", {"input": "hello"}),
]
PATHS = [path for path, _ in BODIES]


def http_client(process, **options):
    return httpx.Client(base_url=process.url, timeout=60, **options)


@contextmanager
def requests_in_progress(client):
    """Hold requests whose bodies do not come, which fill a service that takes two at a time."""
    address = urlsplit(str(client.base_url))
    head = f"POST /embed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 9\r\n\r\n"
    wait_for(client, "ortembed_requests_in_progress 0.0")
    with ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(socket.create_connection((address.hostname, address.port)))
            connection.sendall(head.encode())
        wait_for(client, "ortembed_requests_in_progress 2.0")
        yield
    wait_for(client, "ortembed_requests_in_progress 0.0")


def wait_for(client, line):
    while line not in client.get("/metrics").text.splitlines():
        time.sleep(0.01)


def check(answer, status, kind, *, code=None, param=...):
    """An error in the form of the API that its path belongs to, which repeats nothing of what was sent."""
    body = answer.json()
    assert answer.status_code == status, body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert SECRET not in answer.text
    if answer.request.url.path.startswith("/v1/"):
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert (body["error"]["type"], body["error"]["code"]) == (kind, code)
        assert param is ... or body["error"]["param"] == param
        return body["error"]["message"]
    assert set(body) == {"error", "error_type"}
    assert body["error_type"] == kind
    return body["error"]
