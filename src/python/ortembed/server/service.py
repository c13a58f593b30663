"""The service's state: its models by name, whether it is ready, and what is in progress."""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from ortembed.errors import InvalidInputError
from ortembed.server.api_errors import ApiError, unavailable
from ortembed.server.daemon import in_daemon_thread
from ortembed.server.metrics import Metrics
from ortembed.server.model import ServedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ortembed.embedder import Embedder
    from ortembed.server.settings import Settings

_log = logging.getLogger(__name__)


class ModelSource(NamedTuple):
    """A model that is to be served.

    Attributes:
        name: What clients call it.
        load: Makes its Embedder; called in a thread.
    """

    name: str
    load: Callable[[], Embedder]


class Service:
    """What all requests share. Belongs to one event loop, once it has begun to load."""

    def __init__(
        self,
        sources: Sequence[ModelSource],
        settings: Settings,
        on_load_failure: Callable[[Exception], object] | None = None,
    ) -> None:
        """Start without models, which load() brings.

        Args:
            sources: The models.
            settings: How the service answers.
            on_load_failure: Gets the error where a model cannot be loaded, and lets requests be refused as long as
                models are being loaded; without it, the server starts when they are there, or fails.

        Raises:
            InvalidInputError: There is no model, or two of one name.
        """
        self.settings = settings
        self.metrics = Metrics()
        self.started = int(time.time())
        self.names = [source.name for source in sources]
        if not self.names or len(set(self.names)) < len(self.names):
            raise InvalidInputError(f"models need names of their own, at least one; there are {self.names}")
        self.is_draining = False
        self._sources = sources
        self._on_load_failure = on_load_failure
        self._models: dict[str, ServedModel] = {}
        self._stopped: asyncio.Future[None] | None = None

    @property
    def loads_in_background(self) -> bool:
        """Whether requests come in while models are being loaded."""
        return self._on_load_failure is not None

    @property
    def is_loaded(self) -> bool:
        """Whether all models can be asked."""
        return len(self._models) == len(self.names)

    async def load(self) -> None:
        """Load and warm up the models; raises what an Embedder raises, unless somebody is to be told of it."""
        try:
            await self._load()
        except Exception as error:
            if self._on_load_failure is None:
                raise
            self._on_load_failure(error)

    async def _load(self) -> None:
        loaded = {}
        for source in self._sources:
            embedder = await in_daemon_thread(source.load)
            model = ServedModel(source.name, embedder, self.settings, self.metrics.observe_batch)
            await in_daemon_thread(model.warm_up)
            self.metrics.watch_model(source.name, lambda queue=model.queue: queue.size, embedder.stats)  # type: ignore[misc]
            loaded[source.name] = model
        self._models = loaded
        _log.info("ready", extra={"models": self.names})

    def model(self, name: str | None) -> ServedModel:
        """Give a model by its name, the first one for no name; an ApiError when it is not there, or not yet."""
        known = self.known_name(name or self.names[0])
        if not self.is_loaded:
            raise unavailable("the models are being loaded", retry_after=2)
        return self._models[known]

    def known_name(self, name: str) -> str:
        """Give a name that a model has; an ApiError for another one."""
        if name not in self.names:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                f"no model is served under that name; there are {', '.join(self.names)}",
                "Validation",
                code="model_not_found",
                param="model",
            )
        return name

    async def check_ready(self) -> None:
        """Raise an ApiError unless requests can be answered."""
        if self.is_draining:
            raise unavailable("the service is shutting down")
        for name in self.names:
            await self.model(name).check_health()

    def drain(self) -> None:
        """Be no longer ready; what is in progress goes on."""
        self.is_draining = True

    def stop(self) -> None:
        """End what is still in progress with status 503."""
        self.is_draining = True
        if not self.stopped.done():
            self.stopped.set_result(None)
        for model in self._models.values():
            model.close()

    @property
    def stopped(self) -> asyncio.Future[None]:
        """What is done once the service has been stopped."""
        if self._stopped is None:
            self._stopped = asyncio.get_running_loop().create_future()
        return self._stopped
