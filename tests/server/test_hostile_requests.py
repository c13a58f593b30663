"""Ten thousand wrong requests: each gets an answer or a closed connection, and the service stays as it was."""

import asyncio
import contextlib
import re
from random import Random

import pytest

from tests.server.hostile_requests import hostile_requests
from tests.server.operating import PATIENCE, ask, eventually, in_progress, open_files, serve, tracebacks

COUNT = 10_000
SEED = 20
CONNECTIONS = 64
HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z '-]*\r\n((?:[a-z0-9-]+: [^\r\n\x00]*\r\n)+)\r\n")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MEBIBYTE = 2**20


class NotHttpError(Exception):
    pass


def statuses_of(received, *, bodies):
    """Read what came as answers; give their statuses, and whether the last one is whole."""
    statuses = []
    while received:
        received = received.removeprefix(CONTINUE)
        found = HEAD.match(received)
        if not found:
            if b"\r\n\r\n" in received:
                raise NotHttpError(received[:200])
            return statuses, False
        statuses.append(int(found[1]))
        length = re.search(rb"content-length: (\d+)", found[2])
        if length is None and b"transfer-encoding: chunked" not in found[2]:
            raise NotHttpError(received[:200])
        size = int(length[1]) if length else received.find(b"0\r\n\r\n", found.end()) + 5 - found.end()
        if not bodies:
            return statuses, True
        if len(received) < found.end() + size or (size < 5 and not length):
            return statuses, False
        received = received[found.end() + size :]
    return statuses, True


async def answers_to(port, request):
    """Send a request; give the statuses of what comes back until an answer is whole or the connection closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    bodies = not any(method in request for method in (b"HEAD", b"CONNECT"))
    try:
        writer.write(request)
        while piece := await reader.read(65536):
            received += piece
            statuses, is_whole = statuses_of(received, bodies=bodies)
            if statuses and is_whole:
                return statuses
    except ConnectionError:
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return statuses_of(received, bodies=bodies)[0]


async def attack(port, requests):
    """Send requests on many connections; give the statuses with the requests that they answer."""
    answered = []

    async def send():
        for request in requests:
            answer = await asyncio.wait_for(answers_to(port, request), PATIENCE)
            answered.append((request, answer))

    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return answered


@pytest.fixture(scope="module")
def service(cache_dir):
    with serve(cache_dir, "--head-timeout", "0.5", "--body-timeout", "0.5") as running:
        yield running


def test_each_gets_an_answer_or_a_closed_connection_and_memory_stays(service, embedder):
    requests = hostile_requests(COUNT, Random(SEED))  # noqa: S311 - no secret
    expected = embedder.encode("kitten", normalize_embeddings=True)
    asyncio.run(attack(service.port, (next(requests) for _ in range(COUNT // 2))))
    assert eventually(lambda: in_progress(service) == 0)
    assert not tracebacks(service)
    files, memory = open_files(service), service.resident_bytes()
    answered = asyncio.run(attack(service.port, requests))
    assert len(answered) == COUNT // 2
    assert not [(request, answer) for request, answer in answered if any(status >= 500 for status in answer)]
    kinds = {status for _, answer in answered for status in answer}
    assert kinds >= {200, 400, 404, 405, 408, 413, 422}
    assert eventually(lambda: open_files(service) <= files)
    assert service.resident_bytes() < memory + 16 * MEBIBYTE
    assert not tracebacks(service)
    assert ask(service, "/embed", {"inputs": "kitten"}).value == [pytest.approx(expected, abs=1e-6)]
