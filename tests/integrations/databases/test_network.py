"""The watch over the network sees what goes elsewhere."""

import socket

import pytest

from tests.integrations.databases.network import asked_host, contacted


@pytest.mark.parametrize(
    ("event", "arguments", "host"),
    [
        ("socket.connect", (None, ("192.0.2.1", 443)), "192.0.2.1"),
        ("socket.connect", (None, ("2001:db8::1", 443, 0, 0)), "2001:db8::1"),
        ("socket.sendto", (None, ("192.0.2.1", 53)), "192.0.2.1"),
        ("socket.getaddrinfo", ("hub.example", 443, 0, 0, 0), "hub.example"),
        ("socket.gethostbyname", (b"hub.example",), "hub.example"),
        ("socket.connect", (None, ("127.0.0.1", 80)), None),
        ("socket.connect", (None, ("::1", 80, 0, 0)), None),
        ("socket.connect", (None, "/run/a.socket"), None),
        ("socket.getaddrinfo", ("localhost", 80, 0, 0, 0), None),
        ("open", ("192.0.2.1", "r", 0), None),
    ],
)
def test_other_machines_are_noticed(event, arguments, host):
    assert asked_host(event, arguments) == host


def test_the_watch_is_on():
    with pytest.raises(OSError, match="."):
        socket.getaddrinfo("hub.invalid", 443)  # a name that cannot exist
    assert contacted == ["socket.getaddrinfo hub.invalid"]
    contacted.clear()
