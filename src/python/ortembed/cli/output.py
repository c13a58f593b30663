"""Files of results: tried before the work, there only when complete."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    import numpy.typing as npt

SUFFIXES = (".npy", ".jsonl")


@contextmanager
def target_file(name: str) -> Iterator[BinaryIO]:
    """Open a file of its own beside the target, which becomes the target when the block ends well.

    Raises:
        InvalidInputError: The name ends in none of SUFFIXES, or is that of a folder.
        OSError: The folder is not there or cannot be written to.
    """
    target = Path(name).resolve()  # so that a link stays a link
    if target.suffix not in SUFFIXES:
        raise InvalidInputError(f"{name} ends in neither {' nor '.join(SUFFIXES)}")
    if target.is_dir():
        raise InvalidInputError(f"{name} is a folder")
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def write_vectors(file: BinaryIO, suffix: str, texts: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
    """Write texts and vectors in the form that a target's suffix says."""
    if suffix == ".npy":
        np.save(file, vectors, allow_pickle=False)
    else:
        file.writelines(line.encode() for line in json_lines(texts, vectors))


def write_json_lines(stream: TextIO, texts: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
    """Write one JSON object a text, in ASCII."""
    stream.writelines(json_lines(texts, vectors))


def json_lines(texts: Sequence[str], vectors: npt.NDArray[np.float32]) -> Iterator[str]:
    """Give a line of JSON for each text and its vector."""
    for text, vector in zip(texts, vectors, strict=True):
        yield json.dumps({"text": text, "embedding": vector.tolist()}) + "\n"
