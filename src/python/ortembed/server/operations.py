"""Routes for those who run the service: probes and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST

from ortembed.server.described import errors
from ortembed.server.tei_schemas import TeiError

if TYPE_CHECKING:
    from ortembed.server.service import Service


def operations_router(service: Service) -> APIRouter:
    """Give the routes. None of them needs a key."""
    router = APIRouter(tags=["operations"])
    not_ready = errors(TeiError, (503,))

    @router.head("/ping", include_in_schema=False)
    @router.head("/ready", include_in_schema=False)
    @router.head("/health", include_in_schema=False)
    @router.get("/ping", include_in_schema=False)
    @router.get("/ready", response_class=Response, responses=not_ready)
    @router.get("/health", response_class=Response, responses=not_ready)
    async def health() -> Response:
        """Tell whether requests can be answered: every model is loaded and gives vectors."""
        await service.check_ready()
        return Response()

    @router.head("/live", include_in_schema=False)
    @router.get("/live", response_class=Response)
    async def live() -> Response:
        """Tell that the process answers, whatever its models do."""
        return Response()

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Give Prometheus metrics."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @router.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    return router
