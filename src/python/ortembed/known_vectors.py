"""A few texts with their vectors from an independent implementation, for models that have such a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ortembed.manifest import find_manifest, models_folder

if TYPE_CHECKING:
    import numpy.typing as npt


class KnownVectors(NamedTuple):
    """Texts and what a model has to give for them.

    Attributes:
        texts: Without a prompt.
        vectors: float32 [n, dimension], to six decimal places.
        origin: What computed them.
    """

    texts: list[str]
    vectors: npt.NDArray[np.float32]
    origin: str


def known_vectors(name: str) -> KnownVectors | None:
    """Give those of the model with a short name or hub id; None where there are none."""
    manifest = find_manifest(name)
    entry = models_folder() / f"{manifest.name}.vectors.json" if manifest else None
    if entry is None or not entry.is_file():
        return None
    read = json.loads(entry.read_text("utf-8"))
    texts = [pair["text"] for pair in read["texts"]]
    return KnownVectors(texts, np.array([pair["vector"] for pair in read["texts"]], np.float32), read["origin"])
