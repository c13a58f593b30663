"""A bridge's process, as its client holds it: started, written to, read from, ended."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import weakref
from typing import TYPE_CHECKING, cast

from ortembed.errors import InvalidInputError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO, Any

_PATIENCE_SECONDS = 1.0


class BridgeProcess:
    """A running bridge. It ends with its input, so that none is left behind by a client that was killed."""

    def __init__(self, command: Sequence[str], stderr: int | None) -> None:
        """Start a process.

        Args:
            command: The program and its arguments.
            stderr: A descriptor or subprocess.DEVNULL; None lets it write to this process's standard error.

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
        _running.add(self)

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

    def let_go_in_child(self) -> None:
        """Close a forked child's copies of the pipes, which would keep the process alive after this one's death."""
        for pipe in (self._process.stdin, self._process.stdout):  # not the buffer, which a thread may have locked
            cast("IO[bytes]", pipe).close()


def own_descriptor(stderr: int | IO[Any] | None) -> int | None:
    """Give what stays good for standard error, whatever the caller does with theirs: a copy, where it is one's own.

    Raises:
        InvalidInputError: It is not open, or a pipe that nobody would read.
    """
    if stderr is None or stderr == subprocess.DEVNULL:
        return stderr
    if stderr in (subprocess.PIPE, subprocess.STDOUT):
        raise InvalidInputError("stderr can be a descriptor, a file or subprocess.DEVNULL, not PIPE or STDOUT")
    try:
        return os.dup(stderr if isinstance(stderr, int) else stderr.fileno())
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"stderr is {stderr!r}, which is not open: {error}") from error


def close_own(stderr: int | None) -> None:
    """Close what own_descriptor gave."""
    if stderr is not None and stderr != subprocess.DEVNULL:
        os.close(stderr)


_running: weakref.WeakSet[BridgeProcess] = weakref.WeakSet()


def _let_go() -> None:
    for process in list(_running):
        process.let_go_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
