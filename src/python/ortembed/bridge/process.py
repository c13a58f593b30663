"""A bridge's process, as its client holds it: started, written to, read from, ended."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
from typing import TYPE_CHECKING, cast

from ortembed.errors import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

_PATIENCE_SECONDS = 1.0


class BridgeProcess:
    """A running bridge. It ends with its input, so that none is left behind by a client that was killed."""

    def __init__(self, command: Sequence[str], stderr: int | None) -> None:
        """Start a process.

        Args:
            command: The program and its arguments.
            stderr: As for subprocess.Popen; None lets it write to this process's standard error.

        Raises:
            ServiceUnavailableError: The system cannot start it.
        """
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the caller's choice
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                start_new_session=os.name != "nt",  # Ctrl-C in a terminal is for the client
            )
        except (OSError, ValueError) as error:
            raise ServiceUnavailableError(f"cannot start {command[0]!r}: {error}") from error
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = io.BufferedReader(cast("io.RawIOBase", self._process.stdout))

    def send(self, line: bytes) -> None:
        """Write a line; OSError when the process is gone."""
        rest = memoryview(line)
        while rest:
            rest = rest[self._input.write(rest) :]

    def answers(self) -> Iterator[bytes]:
        """Give each line that the process writes, until it ends; the last one may be the beginning of one."""
        return iter(self._output)

    def kill(self) -> None:
        """End the process at once, where it has not ended, with what it has started: a command may be a wrapper."""
        if os.name == "nt":
            self._process.kill()
        elif self._process.returncode is None:  # not reaped, so that the number is still its group's
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS's word for one that has just ended
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Give the exit status of a process that has closed its output, ending it where it goes on all the same."""
        try:
            return self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def close(self) -> None:
        """Let go of the pipes."""
        self._input.close()
        self._output.close()
