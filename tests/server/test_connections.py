"""Connections: half open, slow, endless, pipelined, never read; each ends, and takes little until then."""

import contextlib
import json
import socket
import time

import pytest

from tests.server.operating import (
    ask,
    connect,
    connect_many,
    eventually,
    head,
    in_progress,
    is_closed,
    is_cut_off,
    metrics,
    open_files,
    read_answer,
    read_to_end,
    request,
    serve,
    tracebacks,
)

MANY = {"inputs": ["word " * 250] * 9}  # asked for a vector a token, its answer is some ten megabytes
BATCHES = 'te_request_success{method="batch"}'


@pytest.fixture(scope="module")
def service(cache_dir):
    with serve(cache_dir, "--head-timeout", "2", "--body-timeout", "2") as running:
        yield running


@pytest.fixture(autouse=True)
def still_serves(service):
    yield
    assert ask(service, "/embed", {"inputs": "kitten"}).status == 200
    assert eventually(lambda: in_progress(service) == 0)
    assert not tracebacks(service)


@pytest.mark.parametrize("start", [b"", b"POST /embed HT", head("/embed", 10)[:-2], b"\r\n"])
def test_hundreds_that_never_send_a_whole_head_are_closed(service, start):
    before = open_files(service)
    with connect_many(service, 200) as connections:
        for connection in connections:
            connection.sendall(start)
        assert ask(service, "/embed", {"inputs": "kitten"}).status == 200
        assert all(is_closed(connection) for connection in connections)
        assert eventually(lambda: open_files(service) <= before)


def test_a_head_that_comes_slowly_is_not_waited_for(service):
    def bytes_at_leisure():
        for byte in head("/embed", 10) * 100:
            yield bytes([byte])
            time.sleep(0.05)

    with connect(service) as connection:
        assert is_cut_off(connection, bytes_at_leisure())


def test_a_body_that_comes_slowly_gets_408(service):
    with connect(service) as connection:
        connection.sendall(head("/embed", 1000))
        for _ in range(8):
            time.sleep(0.5)
            connection.sendall(b" ")
            connection.setblocking(False)  # noqa: FBT003
            try:
                if connection.recv(1, socket.MSG_PEEK):
                    break
            except BlockingIOError:
                pass
            finally:
                connection.settimeout(30)
        answer = read_answer(connection)
    assert (answer.status, answer.value["error_type"]) == (408, "Validation")


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /live HTTP/1.1\r\nHost: x\r\nA: ", b"a" * 65536),
        (b"GET /live HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n" * 10_000),
        (b"GET /" + b"a" * 65536, b"a" * 65536),
        (b"POST /embed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n" * 10_000),
        (b"POST /embed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a" * 65536),
        (request("/embed_all", MANY) + b"GET /live HTTP/1.1\r\nA: ", b"a" * 65536),
    ],
    ids=["header", "headers", "path", "trailers", "chunk extension", "header of a pipelined request"],
)
def test_what_is_endless_ends_the_connection(service, start, piece):
    before = service.resident_bytes()
    with connect(service) as connection:
        assert is_cut_off(connection, [start, *[piece] * 4000])
    assert service.resident_bytes() < before + 100 * 2**20


def test_an_endless_chunked_body_is_too_large_and_passed_over_only_for_a_while(service):
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with connect(service) as connection:
        assert is_cut_off(connection, [head("/embed", None, "Transfer-Encoding: chunked"), *[chunk] * 2000])
    assert metrics(service)['ortembed_http_requests_total{status="413"}'] >= 1


def test_many_pipelined_requests_end_the_connection(service):
    before = service.resident_bytes()
    with connect_many(service, 5) as connections:
        for connection in connections:
            with contextlib.suppress(ConnectionError):
                connection.sendall(request("/embed_all", MANY))
                connection.sendall(b"GET /live HTTP/1.1\r\n\r\n" * 400_000)
        assert service.resident_bytes() < before + 100 * 2**20
        assert all(is_closed(connection) for connection in connections)


def test_a_large_pipelined_request_ends_the_connection(service):
    with connect(service) as connection:
        connection.sendall(request("/embed_all", MANY) + head("/embed", 1_000_000) + b" " * 500_000)
        assert read_answer(connection).status == 400  # and not the first one's answer, which would take longer
        assert is_closed(connection)


def test_a_few_pipelined_requests_are_answered_in_order(service):
    with connect(service) as connection:
        last = request("/nowhere", None, "Connection: close")
        connection.sendall(request("/embed", {"inputs": "kitten"}) + request("/info") + last)
        answers = read_to_end(connection).split(b"HTTP/1.1 ")
    assert [answer[:3] for answer in answers[1:]] == [b"200", b"200", b"404"]


@pytest.mark.parametrize("second", [b"", request("/embed", {"inputs": "b"})], ids=["alone", "with one behind"])
def test_an_answer_that_nobody_reads_is_dropped(service, second):
    before = open_files(service)
    succeeded = metrics(service).get(BATCHES, 0)
    with connect_many(service, 2) as connections:
        for connection in connections:
            connection.sendall(request("/embed_all", MANY) + second)
        assert eventually(lambda: metrics(service).get(BATCHES, 0) == succeeded + 2)
        assert eventually(lambda: open_files(service) <= before)


def test_an_answer_that_is_read_slowly_comes_whole(service):
    with connect(service) as connection:
        connection.sendall(request("/embed_all", MANY, "Connection: close"))
        start = connection.recv(65536)
        begin = time.monotonic()
        answer = start + read_to_end(connection, 0.025)
    assert time.monotonic() - begin > 2.5  # longer than the time for a head
    assert len(json.loads(answer.partition(b"\r\n\r\n")[2])) == 9


def test_a_refusal_reaches_a_client_that_sends_its_whole_body_first(service):
    body = b'{"inputs": "' + b"a" * 9_000_000 + b'"}'
    with connect(service) as connection:
        connection.sendall(request("/embed", body))
        assert read_answer(connection).status == 413
        connection.sendall(request("/embed", {"inputs": "kitten"}))
        assert read_answer(connection).status == 200


def test_two_in_flight_at_a_time_may_go_on_for_long(service):
    body = {"inputs": "x" * 20_000, "truncate": True}
    with connect(service) as connection:
        connection.sendall(request("/embed", body))
        for _ in range(20):
            connection.sendall(request("/embed", body))
            assert read_answer(connection).status == 200
        assert read_answer(connection).status == 200


@pytest.mark.parametrize("name", ["Upgrade", "upgrade"])
def test_an_offer_to_change_the_protocol_is_not_taken_and_its_body_is_read(service, name):
    offer = [f"Connection: {name}, HTTP2-Settings", f"{name}: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    with connect(service) as connection:
        for _ in range(2):
            connection.sendall(request("/embed", {"inputs": "\r\nupgrade: h2c"}, *offer))
            answer = read_answer(connection)
            assert (answer.status, len(answer.value)) == (200, 1)
