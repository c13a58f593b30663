"""What the tests of operation share: the real service as a process, raw sockets to it, and looks into it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.service_process import ServiceProcess
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 30.0  # seconds after which a test gives up; none of them takes that long


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def value(self):
        return json.loads(self.body)


def serve(cache_dir, *arguments, **options):
    return ServiceProcess("--offline", "--cache-dir", str(cache_dir), *arguments, **options)


def connect(service):
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


@contextlib.contextmanager
def connect_many(service, count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(service)) for _ in range(count)]


def head(path, length, *lines, method="POST", encoding="ascii"):
    """The head of a request, with more header lines."""
    fixed = [f"{method} {path} HTTP/1.1", "Host: service", "Content-Type: application/json"]
    if length is not None:
        fixed.append(f"Content-Length: {length}")
    return "\r\n".join([*fixed, *lines, "", ""]).encode(encoding)


def request(path, value=None, *lines):
    """The bytes of a whole request: GET without a value, POST of its JSON otherwise."""
    if value is None:
        return head(path, None, *lines, method="GET")
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return head(path, len(body), *lines) + body


def read_answer(connection, method="POST"):
    """Read an answer; None where the connection is closed instead."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        return Answer(response.status, {name.lower(): text for name, text in response.getheaders()}, response.read())
    except (ConnectionError, http.client.BadStatusLine):  # which has RemoteDisconnected among its kinds
        return None
    finally:
        response.close()


def read_to_end(connection, pause=0.0):
    """Read until the other end closes the connection, at most 64 KiB a pause."""
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
        time.sleep(pause)
    return b"".join(pieces)


def is_cut_off(connection, pieces):
    """Tell whether the other end closes the connection while it is being sent to."""
    try:
        for piece in pieces:
            connection.sendall(piece)
    except ConnectionError:
        return True
    return False


def ask(service, path, value=None, *lines):
    """Ask on a connection of its own."""
    with connect(service) as connection:
        connection.sendall(request(path, value, *lines))
        return read_answer(connection)


def is_closed(connection, seconds=PATIENCE):
    """Wait for the other end to close the connection, and pass over what it sends before."""
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            connection.settimeout(max(0.01, end - time.monotonic()))
            if not connection.recv(2**20):
                return True
    except ConnectionError:
        return True
    except TimeoutError:
        pass
    return False


def metrics(service):
    """The samples by name and labels, as in ``te_request_count{method="batch"}``."""
    found = {}
    for family in text_string_to_metric_families(ask(service, "/metrics").body.decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{text}"' for name, text in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def in_progress(service):
    return metrics(service)["ortembed_requests_in_progress"]


def open_files(service):
    return len(os.listdir(f"/proc/{service.process.pid}/fd"))  # noqa: PTH208 - it counts what it opens as pathlib does


def eventually(condition, seconds=PATIENCE):
    """Wait for a condition; tell whether it came."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def requests_logged(service):
    """The lines of requests."""
    return [event for event in service.events() if event["message"] == "request"]


def tracebacks(service):
    """Lines that tell of an exception that nobody expected."""
    return [line for line in list(service.log) if "Traceback" in line or '"ERROR"' in line]


def write(path: Path, text):
    path.write_text(text, "utf-8")
    return path
