"""One writer for each target: a lock beside it, which is gone when nobody writes."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}


@contextmanager
def target_lock(target: Path) -> Iterator[None]:
    """Hold the lock of a target; where the file system has no locks, there is none.

    Raises:
        InvalidInputError: Another process holds it.
        OSError: The folder cannot be written to.
    """
    path = target.with_name(f".{target.name}.lock")
    try:
        lock = _acquire(path)
    except Timeout as error:
        raise InvalidInputError(
            f"{target} is being written by another process; wait for it, or name another file"
        ) from error
    try:
        yield
    finally:
        if lock:
            with suppress(OSError):  # Windows deletes no file that is open
                path.unlink()
            lock.release()


def _acquire(path: Path) -> FileLock | None:
    """Lock the file that lies there. Its holder deletes it, so a lock may be that of a file which is gone."""
    while True:
        with path.open("ab") as known:  # while it is open, its number is no other file's
            lock = FileLock(path, timeout=0)
            try:
                lock.acquire()
            except NotImplementedError:
                return None
            except Timeout:
                raise
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return None
                raise
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(known.fileno()), path.stat()):
                    return lock
            lock.release()
