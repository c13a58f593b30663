"""One model of a service: its Embedder, its queue, and the texts of requests made into ids."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ortembed.errors import OrtembedError
from ortembed.server.api_errors import OverloadedError, invalid, unavailable
from ortembed.server.queue import JoiningQueue, Kind
from ortembed.tokenizer import join_tokens
from ortembed.windows import windows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ortembed.embedder import Embedder
    from ortembed.server.api_errors import ApiError
    from ortembed.server.inputs import Inputs
    from ortembed.server.record import Record
    from ortembed.server.settings import Settings
    from ortembed.tokenizer import TokenizedTexts

T = TypeVar("T")

_SHORT = 4096  # characters that are tokenized where they are: handing them to a thread would take as long
_BLOCK = 65_536  # characters that are tokenized in one go: a few hundredths of a second
_HEALTH_SECONDS = 1.0  # for which a run that went well speaks for the next one
_WARM_UP = [
    "warm up",
    *(f"text number {i} of those that warm the service up, each of many tokens" for i in range(32)),
]


class ServedModel:
    """A model that requests are answered with. Belongs to one event loop."""

    def __init__(
        self, name: str, embedder: Embedder, settings: Settings, on_batch: Callable[[int, int], object]
    ) -> None:
        """Start with nobody waiting; on_batch gets the texts and tokens of each batch."""
        self.name = name
        self.embedder = embedder
        self._settings = settings
        self.queue = JoiningQueue(
            self._encode,
            slots=embedder.threads,
            batch_tokens=settings.limits.max_batch_tokens,
            max_tokens=settings.limits.max_queue_tokens,
            on_batch=on_batch,
        )
        self._tokenizers = ThreadPoolExecutor(1, thread_name_prefix="ortembed-tokenize")
        self._writers = ThreadPoolExecutor(1, thread_name_prefix="ortembed-write")
        self._last_success = 0.0
        self._health = embedder.tokenize("health check", prompt="")

    def warm_up(self) -> None:
        """Run a query and a batch, so that the first requests find everything made."""
        self.embedder.encode("warm up")
        self.embedder.encode(_WARM_UP)

    async def embed(self, tokens: TokenizedTexts, kind: Kind, record: Record) -> list[npt.NDArray[np.float32]]:
        """Give the vectors of a request's texts, a row each, and tell the record what that took.

        Raises:
            ApiError: The answer would be too large, or too much waits.
        """
        values = (len(tokens.ids) if kind.per_token else record.texts) * (kind.dimensions or self.embedder.dimension)
        if values > self._settings.limits.max_answer_values:
            most = self._settings.limits.max_answer_values
            raise invalid(f"the answer would have {values} numbers, more than {most}; send fewer texts")
        outcome = await self.queue.run(tokens, kind)
        record.queue_seconds, record.inference_seconds = outcome.queue_seconds, outcome.inference_seconds
        self._last_success = perf_counter()
        return outcome.rows

    def kind(self, *, normalize: bool | None, dimensions: int | None, skip_tokens: int) -> Kind:
        """Give what is to be made of texts; raises an ApiError for dimensions that the model has not."""
        if dimensions is not None and dimensions > self.embedder.dimension:
            raise invalid(f"dimensions is {dimensions}; the model has {self.embedder.dimension}", param="dimensions")
        return Kind(normalize=normalize, dimensions=dimensions, skip_tokens=skip_tokens)

    async def tokenize(
        self,
        inputs: Inputs,
        record: Record,
        *,
        prompt_name: str | None = None,
        side: str | None = None,
        truncate: bool | None = None,
    ) -> TokenizedTexts:
        """Give the ids of a request's inputs, and tell the record of them.

        Raises:
            ApiError: A text is too long and is not to be cut, or there is no such prompt.
        """
        start = perf_counter()
        record.model, record.texts, record.is_batch = self.name, len(inputs), inputs.is_batch
        record.characters = inputs.characters
        if inputs.ids is not None:
            tokens = inputs.tokens()
        else:
            call = partial(self.embedder.tokenize, prompt_name=prompt_name, truncation_side=side)
            tokens = call(inputs.texts) if inputs.characters <= _SHORT else await self._in_blocks(call, inputs.texts)
            if tokens.truncated and not (self._settings.auto_truncate if truncate is None else truncate):
                raise await self._in_tokenizer(partial(self._too_long, inputs.texts, tokens.truncated))
        record.lengths = np.diff(tokens.offsets).tolist()
        record.truncated = tokens.truncated
        record.tokenization_seconds = perf_counter() - start
        return tokens

    async def _in_blocks(
        self, call: Callable[[Sequence[str]], TokenizedTexts], texts: Sequence[str]
    ) -> TokenizedTexts:
        """Tokenize block by block, between which those of other requests have their turn."""
        blocks = windows(texts, self._settings.limits.max_text_characters, _BLOCK)
        parts = [await self._in_tokenizer(partial(call, block)) for block in blocks]
        return join_tokens(parts)._replace(skip_tokens=parts[0].skip_tokens)

    def _too_long(self, texts: Sequence[str], count: int) -> ApiError:
        counts = self.embedder.token_count(texts)
        worst = int(counts.argmax())
        return invalid(
            f"the model takes {self.embedder.max_seq_length} tokens, prompt included, and {count} of the inputs have "
            f"more; the longest, input {worst}, has {counts[worst]} without a prompt; shorten them, or ask for "
            "truncation",
            code="context_length_exceeded",
        )

    async def check_health(self) -> None:
        """Await an embedding, unless one was made within the last second.

        Raises:
            ApiError: It cannot be made in time; status 503.
        """
        if perf_counter() - self._last_success < _HEALTH_SECONDS:
            return
        try:
            await asyncio.wait_for(self.queue.run(self._health, Kind()), self._settings.limits.request_timeout)
        except OverloadedError:
            return  # it has much to do, and does it
        except asyncio.TimeoutError as error:
            raise unavailable(f"{self.name} gives no vectors in time") from error
        except OrtembedError as error:
            raise unavailable(f"{self.name} gives no vectors: {error}") from error
        self._last_success = perf_counter()

    def info(self) -> dict[str, Any]:
        """Describe the model and the service's limits, as TEI's /info does."""
        limits, about = self._settings.limits, self.embedder.model_info()
        return {
            "model_id": self.name,
            "model_sha": None,
            "model_dtype": about.dtype,
            "model_type": {"embedding": {"pooling": "+".join(self.embedder.pooling)}},
            "max_concurrent_requests": limits.max_concurrent_requests,
            "max_input_length": about.max_tokens,
            "max_batch_tokens": limits.max_batch_tokens,
            "max_batch_requests": None,
            "max_client_batch_size": limits.max_client_batch_size,
            "auto_truncate": self._settings.auto_truncate,
            "tokenization_workers": 1,
            "dimension": about.dimension,
            "prompts": sorted(self.embedder.prompts),
            "form": about.form,
            "form_reason": about.form_reason,
            "providers": about.providers,
            "runtime_version": about.runtime_version,
            "version": version("ortembed"),
        }

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Await what would hold the event loop up: long answers, and what goes with them."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, call)

    async def _in_tokenizer(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._tokenizers, call)

    def close(self) -> None:
        """Fail what waits, and let the threads end."""
        self.queue.close()
        self._tokenizers.shutdown(wait=False)
        self._writers.shutdown(wait=False)

    def _encode(
        self, ids: npt.NDArray[Any], offsets: npt.NDArray[np.int64], kind: Kind
    ) -> Sequence[npt.NDArray[np.float32]]:
        if kind.per_token:
            return np.split(self.embedder.token_embeddings_of_ids(ids, offsets), offsets[1:-1])
        return list(
            self.embedder.encode_ids(
                ids,
                offsets,
                normalize_embeddings=kind.normalize,
                truncate_dim=kind.dimensions,
                skip_tokens=kind.skip_tokens,
            )
        )
