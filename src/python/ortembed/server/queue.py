"""One queue a model: requests that wait are joined into batches, which start as soon as the engine is free."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ortembed.errors import ServiceUnavailableError
from ortembed.server.api_errors import OverloadedError
from ortembed.server.waiting_line import Ticket, WaitingLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ortembed.tokenizer import TokenizedTexts

    Floats = npt.NDArray[np.float32]
    Pieces = list[tuple["_Request", list[int]]]
    Encode = Callable[[npt.NDArray[Any], npt.NDArray[np.int64], "Kind"], Sequence[Floats]]


class Kind(NamedTuple):
    """What is made of a text; texts of one kind can run together.

    Attributes:
        per_token: A vector for each token, without pooling, in place of one for the text.
        normalize: Whether vectors are scaled to norm 1; None for what the model's files say.
        dimensions: Values of a vector that are kept; None for what the model's files say.
        skip_tokens: Tokens at the start of each text that pooling leaves out.
    """

    per_token: bool = False
    normalize: bool | None = None
    dimensions: int | None = None
    skip_tokens: int = 0


class Outcome(NamedTuple):
    """A request's vectors and the seconds that it waited and ran.

    Attributes:
        rows: For each text [dimensions], or [tokens, dimensions] where there is one a token.
        queue_seconds: From joining the line until the first of its texts ran.
        inference_seconds: From then until the last one was done.
    """

    rows: list[Floats]
    queue_seconds: float
    inference_seconds: float


class _Request(Ticket):
    __slots__ = ("done", "ids", "joined", "left", "offsets", "rows", "started")

    kind: Kind

    def __init__(self, tokens: TokenizedTexts, kind: Kind, done: asyncio.Future[None]) -> None:
        super().__init__(kind, np.diff(tokens.offsets).tolist())
        self.ids = tokens.ids
        self.offsets = tokens.offsets.tolist()
        self.done = done
        self.rows: list[Any] = [None] * len(self.lengths)
        self.left = len(self.rows)
        self.joined = perf_counter()
        self.started = 0.0


class JoiningQueue:
    """Runs requests of one model. Belongs to one event loop, whose thread calls all of its methods."""

    def __init__(
        self,
        encode: Encode,
        *,
        slots: int,
        batch_tokens: int,
        max_tokens: int,
        on_batch: Callable[[int, int], object],
    ) -> None:
        """Start with nobody waiting.

        Args:
            encode: Gives the vectors of ids and offsets, as Embedder.encode_ids takes them; called in threads.
            slots: Batches that are with the engine at once: one for each core that it uses.
            batch_tokens: Tokens of a batch.
            max_tokens: Tokens that may wait; requests beyond them are refused.
            on_batch: Gets the number of texts and of tokens of each batch.
        """
        self._encode = encode
        self._free = slots
        self._line = WaitingLine[_Request](batch_tokens)
        self._max_tokens = max_tokens
        self._on_batch = on_batch
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="ortembed-batch")
        self._waiting: set[_Request] = set()
        self._is_open = True

    @property
    def size(self) -> int:
        """Requests with texts that have not begun to run."""
        return len(self._line)

    async def run(self, tokens: TokenizedTexts, kind: Kind) -> Outcome:
        """Await the vectors of texts, at least one. Cancelled, what has not begun never runs.

        Raises:
            OverloadedError: Too many tokens wait.
            ServiceUnavailableError: The queue was closed.
            OrtembedError: As Embedder.encode_ids raises it for these texts, whatever they ran with.
        """
        if not self._is_open:
            raise ServiceUnavailableError("the service is shutting down")
        # One that nobody is before is taken whatever its size: it could never be served otherwise.
        if self._line.tokens and self._line.tokens + len(tokens.ids) > self._max_tokens:
            raise OverloadedError(f"{self._line.tokens} tokens wait already")
        request = _Request(tokens, kind, asyncio.get_running_loop().create_future())
        self._line.join(request)
        self._waiting.add(request)
        try:
            self._start()
            await request.done
        finally:
            self._line.leave(request)
            self._waiting.discard(request)
        end = perf_counter()
        return Outcome(request.rows, request.started - request.joined, end - request.started)

    def close(self) -> None:
        """Fail what waits and runs with ServiceUnavailableError, and take nothing any more."""
        self._is_open = False
        for request in list(self._waiting):
            self._fail(request, ServiceUnavailableError("the service is shutting down"))
        self._threads.shutdown(wait=False)

    def _start(self) -> None:
        """Give the engine what waits, as long as it has room."""
        while self._free and self._is_open:
            pieces = self._line.next_batch()
            if not pieces:
                return
            self._free -= 1
            now = perf_counter()
            for request, _ in pieces:
                request.started = request.started or now
            self._on_batch(
                sum(len(rows) for _, rows in pieces),
                sum(request.lengths[row] for request, rows in pieces for row in rows),
            )
            self._submit(pieces)

    def _submit(self, pieces: Pieces) -> None:
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, self._run, pieces)
        except RuntimeError as error:  # the system has no more threads
            self._free += 1
            for request, _ in pieces:
                self._fail(request, ServiceUnavailableError(f"no thread can be started: {error}"))
        else:
            work.add_done_callback(partial(self._deliver, pieces))

    def _fail(self, request: _Request, error: Exception) -> None:
        self._line.leave(request)
        if not request.done.done():
            request.done.set_exception(error)

    def _run(self, pieces: Pieces) -> list[Sequence[Floats] | Exception]:
        """In a thread: run pieces together; where that fails, each alone, so that only the guilty ones fail."""
        try:
            rows = self._encode(*_joined(pieces), pieces[0][0].kind)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for the one who awaits the texts
            return [error] if len(pieces) == 1 else [self._run([piece])[0] for piece in pieces]
        ends = accumulate(len(places) for _, places in pieces)
        return [rows[end - len(places) : end] for end, (_, places) in zip(ends, pieces, strict=True)]

    def _deliver(self, pieces: Pieces, work: asyncio.Future[list[Sequence[Floats] | Exception]]) -> None:
        self._free += 1
        for (request, places), rows in zip(pieces, work.result(), strict=True):
            if request.done.done():  # cancelled, or another piece of it has failed
                continue
            if isinstance(rows, Exception):
                self._fail(request, rows)
                continue
            for place, row in zip(places, rows, strict=True):
                request.rows[place] = row
            request.left -= len(places)
            if not request.left:
                request.done.set_result(None)
        self._start()


def _joined(pieces: Pieces) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Put the texts of pieces end to end, as encode_ids takes them."""
    texts = [request.ids[request.offsets[row] : request.offsets[row + 1]] for request, rows in pieces for row in rows]
    return np.concatenate(texts), np.array([0, *accumulate(map(len, texts))], np.int64)
