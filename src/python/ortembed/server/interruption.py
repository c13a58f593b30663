"""What ends the work of a task before it is done: time, or something that comes to pass."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def interrupted_by(
    *ends: tuple[asyncio.Future[Any], Exception],
    seconds: float,
    late: Exception,
    unless: Callable[[], bool] = bool,
) -> Iterator[None]:
    """Cancel what the block awaits, and raise an error in its place. Tasks that wait for each other cost more.

    Args:
        *ends: Futures that end the block when they are done, each with its error.
        seconds: After which it ends.
        late: The error for that.
        unless: Tells at such a moment that the block is to go on nevertheless.
    """
    task = asyncio.current_task()
    found: list[Exception] = []
    is_open = True

    def interrupt(error: Exception) -> None:
        if is_open and not found and task is not None and not unless():
            found.append(error)
            task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, interrupt, late)
    watches = [(future, _watch(interrupt, error)) for future, error in ends]
    for future, watch in watches:
        future.add_done_callback(watch)
    try:
        yield
    except asyncio.CancelledError:
        if not found:
            raise
        if sys.version_info >= (3, 11) and task is not None:
            task.uncancel()
        raise found[0] from None
    finally:
        is_open = False  # a future that is done already calls later
        timer.cancel()
        for future, watch in watches:
            future.remove_done_callback(watch)


def _watch(interrupt: Callable[[Exception], None], error: Exception) -> Callable[[object], None]:
    return lambda _: interrupt(error)
