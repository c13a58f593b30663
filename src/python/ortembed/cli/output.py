"""Files of results: tried before the work, there only when complete."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

SUFFIXES = (".npy", ".jsonl")


@contextmanager
def target_file(name: str) -> Iterator[BinaryIO]:
    """Open a file of its own beside the target, which becomes the target when the block ends well.

    Raises:
        InvalidInputError: The name ends in none of SUFFIXES, is that of a folder, or lies in none.
        OSError: The folder cannot be written to.
    """
    target = Path(name).resolve()  # so that a link stays a link
    if target.suffix not in SUFFIXES:
        raise InvalidInputError(f"{name} ends in neither {' nor '.join(SUFFIXES)}")
    if target.is_dir():
        raise InvalidInputError(f"{name} is a folder")
    if not target.parent.is_dir():
        raise InvalidInputError(f"{name} cannot be written: {target.parent} is not a folder")
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def json_lines(texts: Iterable[str], vectors: Iterable[npt.NDArray[Any]]) -> Iterator[str]:
    """Give a line of JSON, in ASCII, for each text and its vector."""
    for vector, text in zip(vectors, texts, strict=True):  # an error comes from the vectors, after those before it
        yield json.dumps({"text": text, "embedding": vector.tolist()}) + "\n"
