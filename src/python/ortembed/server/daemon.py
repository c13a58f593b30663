"""Work that may take minutes and that nobody waits for when the process is to end."""

from __future__ import annotations

import asyncio
import contextlib
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_daemon_thread(call: Callable[[], T]) -> T:
    """Await a call in a thread of its own, which ends with the process: those of executors are waited for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is for the one who awaits
            tell(done.set_exception, error)
        else:
            tell(done.set_result, result)

    def tell(finish: Callable[..., object], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody awaits any more
            loop.call_soon_threadsafe(lambda: done.done() or finish(value))

    Thread(target=work, name="ortembed-load", daemon=True).start()
    return await done
