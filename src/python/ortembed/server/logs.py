"""The service's log: JSON lines on standard error, without users' texts."""

from __future__ import annotations

import logging
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

if TYPE_CHECKING:
    from ortembed.server.record import Record

_LONGEST_PATH = 200

_log = logging.getLogger("ortembed.server")


def configure_logs(level: str) -> None:
    """Write what is logged as JSON lines on standard error, from a level on."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        OrjsonFormatter(
            "{levelname}{name}{message}",
            style="{",
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What it tells of its start and end, "listening" and "ready" tell better.
    logging.getLogger("uvicorn").setLevel("DEBUG" if level == "debug" else max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)


def log_request(record: Record) -> None:
    """Log a request that is over: at level info where it was answered, warning where not, debug for probes."""
    level = logging.INFO if record.texts else logging.DEBUG
    if record.error_type and not (record.method == "GET" and record.status == HTTPStatus.SERVICE_UNAVAILABLE):
        level = logging.WARNING
    if not _log.isEnabledFor(level):
        return
    milliseconds = {
        "total_ms": perf_counter() - record.started,
        "tokenization_ms": record.tokenization_seconds,
        "queue_ms": record.queue_seconds,
        "inference_ms": record.inference_seconds,
    }
    _log.log(
        level,
        "request",
        extra={
            "request_id": record.request_id,
            "method": record.method,
            "path": record.path[:_LONGEST_PATH],
            "status": record.status,
            "model": record.model,
            "texts": record.texts,
            "tokens": record.tokens,
            "truncated": record.truncated,
            "error_type": record.error_type,
            **{name: round(seconds * 1000, 3) for name, seconds in milliseconds.items()},
        },
    )
