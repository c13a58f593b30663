"""Who is asked over the network: every address but this machine's that Python code turns to."""

from __future__ import annotations

import ipaddress
import sys

contacted: list[str] = []


def watch() -> None:
    """Note from now on what is contacted. Native code is not seen: it runs where there is no network at all."""
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple) -> None:
    if (host := asked_host(event, arguments)) is not None:
        contacted.append(f"{event} {host}")


def asked_host(event: str, arguments: tuple) -> str | None:
    """Give the host that an event of the interpreter is about; None for this machine, and for other events."""
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return None
    host = host.decode() if isinstance(host, bytes) else host
    return None if host is None or _is_here(host) else host


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}
