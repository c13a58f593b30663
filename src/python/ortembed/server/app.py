"""The ASGI application: routes, errors in the form that each API's clients expect, and the border round them."""

from __future__ import annotations

import asyncio
import contextlib
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from ortembed.errors import OrtembedError
from ortembed.server.api_errors import ApiError
from ortembed.server.border import Border
from ortembed.server.described import without_defaults
from ortembed.server.direct import direct_routes
from ortembed.server.openai import openai_router
from ortembed.server.operations import operations_router
from ortembed.server.refusals import refuse
from ortembed.server.service import ModelSource, Service
from ortembed.server.settings import Settings
from ortembed.server.tei import tei_router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fastapi import Request
    from starlette.types import ASGIApp

    from ortembed.embedder import Embedder
    from ortembed.server.answers import JsonResponse

_DESCRIPTION = """\
Text to vectors. Three groups of routes on one queue: OpenAI's embeddings, Hugging Face's
text-embeddings-inference, and probes and metrics for those who run the service."""


def create_app(models: Mapping[str, Embedder], settings: Settings | None = None) -> ASGIApp:
    """Give an ASGI application for Embedders by name, the first of which is asked where a request names none.

    It has to be the server's root application, since its lifespan makes the queues.

    Raises:
        InvalidInputError: A setting does not fit, or there is no model.
    """
    sources = [ModelSource(name, lambda embedder=embedder: embedder) for name, embedder in models.items()]  # type: ignore[misc]
    return application(Service(sources, settings or Settings()))


def application(service: Service) -> ASGIApp:
    """Give the ASGI application of a service."""
    app = FastAPIOffline(
        title="ortembed",
        description=_DESCRIPTION,
        version=version("ortembed"),
        redoc_url=None,  # it loads a picture from its makers' server
        swagger_ui_parameters={"validatorUrl": None},  # nor is anybody else's server told of our description
        lifespan=lambda _app: _lifespan(service),
    )
    describe = app.openapi
    app.openapi = lambda: without_defaults(describe())  # type: ignore[method-assign] # as FastAPI has it done
    routers = (openai_router(service), tei_router(service), operations_router(service))
    for router in routers:
        app.include_router(router)
    for kind in (RequestValidationError, HTTPException, ApiError, OrtembedError, MemoryError, Exception):
        app.add_exception_handler(kind, _refuse)
    border = Border(app, service, direct_routes(routers))
    origins = service.settings.allowed_origins
    if not origins:
        return border
    # Outside, so that a browser may read refusals too.
    return CORSMiddleware(border, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["*"])


async def _refuse(request: Request, error: Exception) -> JsonResponse:
    return refuse(request.scope, error)


@contextlib.asynccontextmanager
async def _lifespan(service: Service) -> AsyncIterator[None]:
    loading = asyncio.ensure_future(service.load())
    try:
        if not service.loads_in_background:
            await loading
        yield
    finally:
        loading.cancel()
        service.stop()
