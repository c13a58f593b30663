"""Bodies that are right as HTTP and as JSON and meant to be expensive: they are refused at little cost."""

import pytest

from tests.server.operating import ask, serve

MILLION = 1_000_000
BODIES = {
    "a million nulls": ("/v1/embeddings", b'{"input": [' + b"null," * MILLION + b"1]}"),
    "a million numbers and a text": ("/embed", b'{"inputs": [' + b"1," * MILLION + b'"a"]}'),
    "a million lists": ("/embed_all", b'{"inputs": [' + b"[1]," * MILLION + b"1]}"),
    "a million sentences": (
        "/similarity",
        b'{"inputs": {"source_sentence": "a", "sentences": [' + b"null," * MILLION + b"1]}}",
    ),
    "a million ids": ("/decode", b'{"ids": [' + b"null," * MILLION + b"1]}"),
    "a million texts": ("/tokenize", b'{"inputs": [' + b'"a",' * MILLION + b"1]}"),
    "a million fields": ("/embed", b"{" + b",".join(b'"%d":1' % i for i in range(MILLION // 2)) + b"}"),
    "a deep list": ("/embed", b'{"inputs": ' + b"[" * MILLION + b"]" * MILLION + b"}"),
    "a deep object": ("/embed", b'{"a":' * MILLION + b"1" + b"}" * MILLION),
    "a long number": ("/embed", b'{"inputs": [' + b"9" * MILLION + b"]}"),
}


@pytest.fixture(scope="module")
def service(cache_dir):
    with serve(cache_dir) as running:
        yield running


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_of_many_wrong_things_takes_little_memory(service, kind):
    path, body = BODIES[kind]
    before = service.resident_bytes()
    answer = ask(service, path, body)
    assert 400 <= answer.status < 500
    assert len(answer.body) < 1000
    assert service.resident_bytes() < before + 350 * 2**20
