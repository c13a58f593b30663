"""``ortembed serve``: models behind HTTP."""

from __future__ import annotations

import argparse
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from ortembed.cli.arguments import add_running, add_source, load
from ortembed.cli.help import add_command
from ortembed.errors import OrtembedError
from ortembed.manifest import DEFAULT_MODEL

if TYPE_CHECKING:
    from ortembed.cli.arguments import Commands

_LIMITS = {
    "max_client_batch_size": (int, "N", "most texts of a request"),
    "max_text_characters": (int, "N", "most characters of a text"),
    "max_answer_values": (int, "N", "most numbers in an answer: texts, or tokens for /embed_all, times dimensions"),
    "max_body_bytes": (int, "N", "most bytes of a request's body"),
    "max_pending_bytes": (int, "N", "most bytes of all bodies in progress"),
    "max_concurrent_requests": (int, "N", "most requests in progress; others get status 429"),
    "max_queue_tokens": (int, "N", "most tokens that wait for a model; requests beyond get status 429"),
    "max_batch_tokens": (int, "N", "tokens that go to the engine together"),
    "request_timeout": (float, "S", "seconds until a request is given up with status 504"),
    "body_timeout": (float, "S", "seconds for a request's body to arrive"),
    "head_timeout": (float, "S", "seconds for headers to arrive, and for a client to read a quarter of its answer"),
    "drain_timeout": (float, "S", "seconds that requests may take after SIGTERM"),
}


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "serve",
        help="serve models over HTTP, as OpenAI's and text-embeddings-inference's APIs",
        description="Serve models over HTTP. Needs the extra: pip install 'ortembed[server]'. Clients of OpenAI's "
        "API take http://127.0.0.1:8080/v1 as their base URL, those of text-embeddings-inference the address itself; "
        "/docs shows the routes. SIGTERM ends the service once the requests in progress are answered; "
        "docs/service.md has the rest.",
        examples=[
            "ortembed serve",
            "ortembed serve bge-small-en-v1.5 --dtype int8 --host 0.0.0.0 --api-key-file keys.txt",
            "ortembed serve small=all-minilm-l6-v2 large=bge-large-en-v1.5 --port 9000",
        ],
    )
    parser.add_argument(
        "models",
        nargs="*",
        default=[DEFAULT_MODEL],
        metavar="MODEL",
        help="short name, hub name or folder, or NAME=MODEL for what clients call it; the first one is asked where a "
        f"request names none (default: {DEFAULT_MODEL})",
    )
    add_running(parser)
    add_source(parser)
    _add_network(parser)
    _add_answers(parser)
    _add_limits(parser)
    parser.set_defaults(run=run)


def _add_network(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network")
    network.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all (default: %(default)s)"
    )
    network.add_argument(
        "--port", type=int, default=8080, metavar="N", help="0 for a free one (default: %(default)s)"
    )
    network.add_argument("--tls-certificate", metavar="FILE", help="certificate chain in PEM, for HTTPS")
    network.add_argument("--tls-key", metavar="FILE", help="its private key, where the certificate's file has none")
    network.add_argument(
        "--api-key-file", metavar="FILE", help="keys, one a line, of which clients show one (or set ORTEMBED_API_KEY)"
    )
    network.add_argument(
        "--cors-allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="a web page's origin that may call from a browser, * for any; may come more than once",
    )


def _add_answers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-auto-truncate",
        action="store_true",
        help="refuse texts that are too long, unless a request asks for truncation",
    )
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="info", help="default: %(default)s"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    limits = parser.add_argument_group("limits")
    for name, (kind, letter, text) in _LIMITS.items():
        limits.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=letter, help=text)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    try:
        from ortembed.server import Limits, Settings, serve  # noqa: PLC0415 - the extra may not be there
        from ortembed.server.keys import read_keys  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise OrtembedError(f"{error}; the service needs its extra: pip install 'ortembed[server]'") from error
    chosen = {field.name: getattr(options, field.name) for field in fields(Limits)}
    settings = Settings(
        Limits(**{name: value for name, value in chosen.items() if value is not None}),
        api_keys=read_keys(options.api_key_file),
        auto_truncate=not options.no_auto_truncate,
        allowed_origins=tuple(options.cors_allow_origin),
    )
    serve(
        [_source(text, options) for text in options.models],
        settings,
        host=options.host,
        port=options.port,
        certificate=options.tls_certificate,
        private_key=options.tls_key,
        log_level=options.log_level,
    )
    return 0


def _source(text: str, options: argparse.Namespace) -> Any:  # noqa: ANN401 - a class of the extra
    from ortembed.server import ModelSource  # noqa: PLC0415 - as above

    name, separator, model = text.partition("=")
    own = argparse.Namespace(**{**vars(options), "model": model if separator else name})
    return ModelSource(name, partial(load, own))
