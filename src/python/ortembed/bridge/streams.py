"""The process's real standard input and output, taken away from everything but the bridge."""

from __future__ import annotations

import os

_CHUNK = 1 << 16  # what a pipe holds


class Streams:
    """Where requests come from and answers go to.

    File descriptors 0 and 1 are others' from then on: nothing to read, and standard error to write to. So what a
    library or the native runtime prints is no answer, and no child of this process reads a request.
    """

    def __init__(self) -> None:
        """Take both, which have to be open."""
        nothing = os.open(os.devnull, os.O_RDWR)  # as descriptor 2 where that was closed, which then is not free
        self._requests, self._answers = os.dup(0), os.dup(1)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        if nothing > 2:  # noqa: PLR2004 - standard error's
            os.close(nothing)
        if os.name != "nt":  # a host's own event loop may have left them so
            os.set_blocking(self._requests, True)
            os.set_blocking(self._answers, True)

    def read(self) -> bytes:
        """Wait for some bytes of requests; none at the end."""
        try:
            return os.read(self._requests, _CHUNK)
        except ConnectionError:  # a socket whose other end is gone
            return b""

    def write(self, line: bytes) -> bool:
        """Write an answer, in one piece where the system takes it so; False when nobody reads answers any more."""
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[os.write(self._answers, rest) :]
        except BrokenPipeError:
            return False
        return True
