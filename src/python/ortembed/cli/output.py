"""Files of results: tried before the work, there only when complete."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".npy", ".jsonl", ".parquet")


def check_target(name: str) -> Path:
    """Give where a result will lie; a link stays a link.

    Raises:
        InvalidInputError: The name ends in none of SUFFIXES, is what is no file, or lies in no folder.
    """
    try:
        target = Path(name).resolve()
    except (OSError, RuntimeError):  # the latter of a loop, before Python 3.13
        target = Path(name)
    if target.is_symlink():  # though links have been followed
        raise InvalidInputError(f"{name} is a loop of links")
    if target.suffix not in SUFFIXES:
        raise InvalidInputError(f"{name} ends in none of {', '.join(SUFFIXES)}")
    if target.is_dir():
        raise InvalidInputError(f"{name} is a folder")
    if target.exists() and not target.is_file():
        raise InvalidInputError(f"{name} is not a regular file, which it would be replaced by")
    if not target.parent.is_dir():
        raise InvalidInputError(f"{name} cannot be written: {target.parent} is not a folder")
    return target


@contextmanager
def target_file(target: Path) -> Iterator[BinaryIO]:
    """Open a file of its own beside the target, which becomes the target when the block ends well.

    Raises:
        OSError: The folder cannot be written to.
    """
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
