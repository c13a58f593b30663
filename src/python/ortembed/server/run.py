"""Runs a service on a socket until it is told to stop, and ends it gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import sys
from typing import TYPE_CHECKING

import uvicorn

from ortembed.errors import InvalidInputError
from ortembed.server.app import application
from ortembed.server.logs import configure_logs
from ortembed.server.protocol import timed_protocol
from ortembed.server.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ortembed.server.service import ModelSource
    from ortembed.server.settings import Settings

_BACKLOG = 2048
_KEEP_ALIVE = 75  # seconds between two requests, longer than clients and proxies keep a connection
_GRACE = 2.0  # seconds for answers that tell of the end

_log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn's server, which at its end lets requests go on for a while and then answers them with 503."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.drain()
        timer = asyncio.get_running_loop().call_later(self._service.settings.limits.drain_timeout, self._service.stop)
        await super().shutdown(sockets)
        timer.cancel()


def serve(
    sources: Sequence[ModelSource],
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    certificate: str | None = None,
    private_key: str | None = None,
    log_level: str = "info",
) -> None:
    """Serve models until SIGTERM or SIGINT; return when all is ended.

    Args:
        sources: The models, loaded once the socket is open.
        settings: How the service answers.
        host: Address to listen at.
        port: Port to listen at; 0 for a free one, which the log tells.
        certificate: File of the TLS certificate chain in PEM, for HTTPS.
        private_key: File of its private key, where the certificate's file does not have it.
        log_level: "debug", "info", "warning" or "error".

    Raises:
        InvalidInputError: A setting does not fit, or the files of TLS are not that.
        OSError: The address cannot be listened at.
        OrtembedError: A model cannot be loaded.
    """
    configure_logs(log_level)
    _allow_many_connections()
    failures: list[Exception] = []

    def give_up(error: Exception) -> None:
        failures.append(error)
        server.should_exit = True

    service = Service(sources, settings, give_up)
    listener = _listen(host, port)
    with listener:
        config = _config(service, certificate, private_key)
        server = _Server(config, service)
        scheme = "https" if config.ssl else "http"
        _log.info("listening", extra={"url": f"{scheme}://{_address(listener)}", "models": service.names})
        _run(server, listener)
    if failures:
        raise failures[0]


def _allow_many_connections() -> None:
    """Raise the limit of open files to what this process may have: many systems begin with 1,024."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows has none

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _run(server: _Server, listener: socket.socket) -> None:
    # uvicorn raises the signals that it caught once more at its end, for handlers that were there before.
    def end(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run([listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _config(service: Service, certificate: str | None, private_key: str | None) -> uvicorn.Config:
    limits = service.settings.limits
    if private_key and not certificate:
        raise InvalidInputError(f"{private_key} is a private key without a certificate")
    config = uvicorn.Config(
        application(service),
        http=timed_protocol(limits.head_timeout),
        ws="none",
        lifespan="on",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(limits.drain_timeout + _GRACE),
        backlog=_BACKLOG,
    )
    try:
        config.load()
    except ssl.SSLError as error:
        raise InvalidInputError(f"{certificate} and its private key cannot be used for TLS: {error}") from error
    except OSError as error:  # which does not say which file it is about
        raise OSError(f"cannot read {' or '.join(filter(None, (certificate, private_key)))}: {error}") from error
    return config


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise OSError(f"cannot listen at {host}, port {port}: {error}") from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
