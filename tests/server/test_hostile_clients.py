"""Clients that are killed in the middle of a request: their place is freed, and what had not begun never runs."""

import signal
import socket
import subprocess
import sys

import pytest

from tests.server.operating import (
    ask,
    connect,
    eventually,
    head,
    in_progress,
    metrics,
    open_files,
    request,
    requests_logged,
    serve,
    tracebacks,
)

# Sends what it reads from standard input, tells it, and waits to be killed; "reading": once an answer begins.
CLIENT = """
import socket, sys, time
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.sendall(sys.stdin.buffer.read())
if sys.argv[2] == "reading":
    connection.recv(1)
print("ready", flush=True)
time.sleep(60)
"""
LONG = {"inputs": ["word " * 200] * 2000}  # takes the engine half a minute and more
LONG_TOKENS = 200 * 2000
TOKENS = 'ortembed_engine_tokens_total{model="all-minilm-l6-v2"}'
STAGES = {
    "in its head": head("/embed", 100)[:-2],
    "in its body": head("/embed", 100_000) + b"{" + b" " * 50_000,
    "waiting": request("/embed", LONG),
    "waiting, with a request behind": request("/embed", LONG) + request("/embed", {"inputs": "kitten"}),
    "reading": request("/embed_all", {"inputs": ["word " * 250] * 9}),
}


@pytest.fixture(scope="module")
def service(cache_dir):
    with serve(cache_dir) as running:
        yield running


@pytest.fixture(autouse=True)
def left_as_it_was(service):
    files = open_files(service)
    yield
    assert eventually(lambda: in_progress(service) == 0)
    assert metrics(service)['te_queue_size{model="all-minilm-l6-v2"}'] == 0
    assert eventually(lambda: open_files(service) <= files)
    assert ask(service, "/embed", {"inputs": "kitten"}).status == 200
    assert not tracebacks(service)


def gone(service):
    return sum(event["status"] == 499 for event in requests_logged(service))


@pytest.mark.parametrize("stage", STAGES)
def test_killed_clients_leave_nothing(service, stage):
    counted, ran = gone(service), metrics(service)[TOKENS]
    command = [sys.executable, "-c", CLIENT, str(service.port), stage]
    clients = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for client in clients:
        client.stdin.write(STAGES[stage])
        client.stdin.close()
    for client in clients:
        assert client.stdout.readline() == b"ready\n"
    if stage not in ("in its head", "reading"):
        assert eventually(lambda: in_progress(service) == 2)
    for client in clients:
        client.send_signal(signal.SIGKILL)
        client.wait()
        client.stdout.close()
    assert eventually(lambda: in_progress(service) == 0)
    if "waiting" in stage:
        assert metrics(service)[TOKENS] - ran < LONG_TOKENS / 2  # of twice as many, or four times
    if stage not in ("in its head", "reading"):
        assert eventually(lambda: gone(service) == counted + 2)


def test_a_request_that_comes_behind_a_running_one_does_not_hide_that_the_client_has_gone(service):
    counted = gone(service)
    with connect(service) as connection:
        connection.sendall(request("/embed", LONG))
        assert eventually(lambda: metrics(service)['te_queue_size{model="all-minilm-l6-v2"}'] == 1)
        connection.sendall(request("/embed", {"inputs": "kitten"}))
        ask(service, "/live")
    assert eventually(lambda: gone(service) == counted + 1, 5)


def test_one_that_closes_its_sending_half_is_gone(service):
    counted = gone(service)
    with connect(service) as connection:
        connection.sendall(request("/embed", LONG))
        assert eventually(lambda: in_progress(service) == 1)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert eventually(lambda: gone(service) == counted + 1)
