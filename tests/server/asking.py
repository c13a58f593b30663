"""How tests ask a service, and how they fill one that takes a request at a time."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

KEY = "right-key"


def http_client(process, **options):
    return httpx.Client(base_url=process.url, timeout=60, **options)


@contextmanager
def one_request_in_progress(client):
    """Hold a request whose body does not come, which fills a service that takes one at a time."""
    address = urlsplit(str(client.base_url))
    head = f"POST /embed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode())
        wait_for(client, "ortembed_requests_in_progress 1.0")
        yield
    wait_for(client, "ortembed_requests_in_progress 0.0")


def wait_for(client, line):
    while line not in client.get("/metrics").text.splitlines():
        time.sleep(0.01)
