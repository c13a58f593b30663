"""Lines out of a stream of bytes, of which no more is held than a line may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def read_lines(read: Callable[[], bytes], most: int) -> Iterator[bytes | None]:
    """Give each line without its newline, or None for one that is too long; what follows the last newline too.

    Args:
        read: Gives the next bytes, as few as it likes, and none at the end.
        most: The longest line's length in bytes, without its newline.
    """
    held = bytearray()
    too_long = False  # the line at hand is, and its beginning is gone
    while data := read():
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if too_long or len(held) + end - start > most:
                yield None
            else:
                held += memoryview(data)[start:end]
                yield bytes(held)
            held, too_long = bytearray(), False
            start = end + 1
        too_long = too_long or len(held) + len(data) - start > most
        if too_long:
            held.clear()
        else:
            held += memoryview(data)[start:]
    if too_long:
        yield None
    elif held:
        yield bytes(held)
