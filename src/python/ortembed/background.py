"""Threads that do the work of coroutines: made at first use, gone with the Embedder that owns them."""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from ortembed._native import Cancellation
from ortembed.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")


class Background:
    """Runs calls in a few threads.

    Nothing here knows the calls' owner: a cycle would keep the model in memory. The threads end when this object
    does, since the executor's own do.
    """

    def __init__(self, threads: int) -> None:
        """Run up to so many calls at once; no thread is started yet."""
        self._threads = threads
        self._lock = Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._process = os.getpid()

    async def run(self, call: Callable[[Control], T]) -> T:
        """Await a call. Cancelled, it never runs if it was still waiting, and else ends within a batch."""
        import asyncio  # noqa: PLC0415 - a third of what importing ortembed would take; here it is imported already

        cancellation = Cancellation()
        control = Control(None, cancellation, in_background=True)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._started(), _checked, call, control)
        finally:
            cancellation.cancel()  # of no effect on a call that is done

    def _started(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - not for those who never await

        with self._lock:
            if self._executor is None or self._process != os.getpid():  # threads do not survive fork()
                self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="ortembed-background")
                self._process = os.getpid()
            return self._executor


def _checked(call: Callable[[Control], T], control: Control) -> T:
    """Call, unless all has ended while the call waited."""
    control.check()
    return call(control)
