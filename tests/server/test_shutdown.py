"""SIGTERM and SIGINT: what is in progress is finished or answered with 503, within a bound, whatever clients do."""

import signal
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
    metrics,
    read_answer,
    read_to_end,
    request,
    serve,
    tracebacks,
)

SOME_SECONDS = {"inputs": ["word " * 200] * 40}
A_MINUTE = {"inputs": ["word " * 200] * 2000}
BOUND = 15.0  # seconds, in which a service that drains for half a second has ended; it needs three or four


def brief(cache_dir):
    return serve(cache_dir, "--drain-timeout", "0.5")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_progress_are_finished(cache_dir, number):
    with serve(cache_dir) as service, connect_many(service, 3) as connections:
        for connection in connections:
            connection.sendall(request("/embed", SOME_SECONDS))
        assert eventually(lambda: in_progress(service) == 3)
        service.process.send_signal(number)
        answers = [read_answer(connection) for connection in connections]
        assert [answer.status for answer in answers] == [200] * 3
        assert [answer.headers["connection"] for answer in answers] == ["close"] * 3
        assert service.process.wait(BOUND) == 0
        assert not tracebacks(service)


def test_those_that_take_too_long_get_503_in_time(cache_dir):
    with brief(cache_dir) as service, connect_many(service, 2) as (waiting, sending):
        waiting.sendall(request("/embed", A_MINUTE))
        sending.sendall(head("/v1/embeddings", 100) + b"{")
        assert eventually(lambda: in_progress(service) == 2)
        begin = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        answer = read_answer(waiting)
        assert (answer.status, answer.value["error_type"]) == (503, "Unhealthy")
        assert int(answer.headers["retry-after"]) >= 1
        answer = read_answer(sending)
        assert (answer.status, answer.value["error"]["code"]) == (503, "service_unavailable")
        assert service.process.wait(BOUND) == 0
        assert time.monotonic() - begin < BOUND
        assert not tracebacks(service)


def test_readiness_ends_and_liveness_does_not(cache_dir):
    with serve(cache_dir) as service, connect_many(service, 2) as connections:
        for connection, path in zip(connections, ("/ready", "/live"), strict=True):
            connection.sendall(request("/embed", SOME_SECONDS) + request(path))
        assert eventually(lambda: in_progress(service) == 2)
        service.process.send_signal(signal.SIGTERM)
        statuses = [
            [part[:3] for part in read_to_end(connection).split(b"HTTP/1.1 ")[1:]] for connection in connections
        ]
        assert statuses == [[b"200", b"503"], [b"200", b"200"]]


def test_nobody_new_gets_in(cache_dir):
    with serve(cache_dir) as service, connect(service) as connection:
        connection.sendall(request("/embed", SOME_SECONDS))
        assert eventually(lambda: in_progress(service) == 1)
        service.process.send_signal(signal.SIGTERM)

        def is_refused():
            try:
                with socket.create_connection(("127.0.0.1", service.port)) as late:
                    late.sendall(request("/embed", {"inputs": "kitten"}))
                    answer = read_answer(late)
                    return answer is None or answer.status == 503
            except ConnectionError:
                return True

        assert eventually(is_refused)
        assert read_answer(connection).status == 200


def test_clients_that_do_nothing_hold_nothing_up(cache_dir):
    with brief(cache_dir) as service, connect_many(service, 5) as (silent, partial, idle, deaf, _):
        partial.sendall(b"POST /embed HT")
        idle.sendall(request("/live"))
        assert read_answer(idle).status == 200
        deaf.sendall(request("/embed_all", {"inputs": ["word " * 250] * 9}))
        assert eventually(lambda: metrics(service).get('te_request_success{method="batch"}') == 1)
        service.process.send_signal(signal.SIGTERM)
        assert all(is_closed(connection) for connection in (silent, partial, idle))
        assert service.process.wait(BOUND) == 0
        assert not [line for line in tracebacks(service) if "Traceback" in line]


def test_an_impatient_operator_ends_it_at_once(cache_dir):
    with serve(cache_dir, "--drain-timeout", "600") as service, connect(service) as connection:
        connection.sendall(request("/embed", A_MINUTE))
        assert eventually(lambda: in_progress(service) == 1)
        service.process.send_signal(signal.SIGINT)
        assert eventually(lambda: is_refusing(service))
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(BOUND) == 0


def is_refusing(service):
    try:
        ask(service, "/live")
    except ConnectionError:
        return True
    return False
