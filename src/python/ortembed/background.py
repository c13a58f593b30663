"""Threads that do the work of coroutines: there while there is work, and never idle.

The standard library's executor keeps idle threads, and lets the exit of the interpreter wait for all that was
submitted to it. Here a thread starts where there is work for it and ends when there is none: nothing is left behind
by an Embedder that goes, or in a forked child; and calls see the end of the interpreter and stop.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Lock, Thread
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ortembed._native import Cancellation
from ortembed.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

T = TypeVar("T")


class _Work(NamedTuple, Generic[T]):
    future: Future[T]
    call: Callable[[Control], T]
    control: Control


class Background:
    """Runs calls in a few threads, in their order. It knows the calls' owner only while they wait or run."""

    def __init__(self, threads: int) -> None:
        """Run up to so many calls at once."""
        self._most = threads
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._waiting: deque[_Work[Any]] = deque()
        self._threads = 0

    async def run(self, call: Callable[[Control], T]) -> T:
        """Await a call. Cancelled, it never runs if it was still waiting, and else ends within a batch."""
        import asyncio  # noqa: PLC0415 - a third of what importing ortembed would take; here it is imported already
        from concurrent.futures import Future  # noqa: PLC0415

        cancellation = Cancellation()
        work = _Work(Future[T](), call, Control(None, cancellation, in_background=True))
        try:
            self._submit(work)
            return await asyncio.wrap_future(work.future)
        finally:
            cancellation.cancel()  # of no effect on a call that is done
            del work  # an error knows this frame: a cycle would keep the model in memory

    def _submit(self, work: _Work[T]) -> None:
        if self._process != os.getpid():  # a forked child has none of the threads
            self._reset()
        with self._lock:
            self._waiting.append(work)
            if self._threads == self._most:
                return
            self._threads += 1
        try:
            Thread(target=self._work, name="ortembed-background").start()
        except RuntimeError as error:  # the system has no more threads
            self._fail_what_nobody_runs(error)

    def _fail_what_nobody_runs(self, error: BaseException) -> None:
        """Take back a thread that did not start; without another one, all that waits gets the error."""
        with self._lock:
            self._threads -= 1
            if self._threads:
                return
            stranded, self._waiting = self._waiting, deque()
        for work in stranded:
            if work.future.set_running_or_notify_cancel():
                work.future.set_exception(error)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                work = self._waiting.popleft()
            _perform(work)
            del work  # or its model would stay until the next


def _perform(work: _Work[T]) -> None:
    if not work.future.set_running_or_notify_cancel():
        return
    try:
        work.control.check()
        result = work.call(work.control)
    except BaseException as error:  # noqa: BLE001 - all of them are for the one who awaits
        work.future.set_exception(error)
        del work  # the error knows this frame: a cycle would keep the model in memory
    else:
        work.future.set_result(result)
