"""The progress bars of long work."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONG = 512  # texts from which on there is a bar, where stderr is a terminal and nothing else was asked


@contextmanager
def progress_bar(total: int, *, show: bool | None) -> Iterator[Callable[[int], object] | None]:
    """Give what to call with the number of texts done since the last time; None where no bar is shown."""
    if not (total > _LONG if show is None else show):
        yield None
        return
    from tqdm import tqdm  # noqa: PLC0415 - a quarter of what importing ortembed would take

    disable = None if show is None else False  # None: shown only on a terminal
    with tqdm(total=total, desc="embedding", unit="text", disable=disable) as bar:
        yield None if bar.disable else bar.update


@contextmanager
def rows_bar(total: int | None, done: int, *, show: bool = True) -> Iterator[Callable[[int], object]]:
    """Give what to call with the number of rows done since the last time; shown where stderr is a terminal.

    Args:
        total: All rows, None where that is not known.
        done: Those that were done before, which count for no speed.
        show: False never shows it.
    """
    if not show or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm  # noqa: PLC0415 - as above

    with tqdm(total=total, initial=done, desc="embedding", unit="text") as bar:
        yield bar.update


@contextmanager
def steps_bar(total: int, description: str, unit: str) -> Iterator[Callable[[int], object]]:
    """Give what to call after each of a few long steps; shown where stderr is a terminal."""
    from tqdm import tqdm  # noqa: PLC0415 - as above

    with tqdm(total=total, desc=description, unit=unit, disable=None, leave=False) as bar:
        yield bar.update
