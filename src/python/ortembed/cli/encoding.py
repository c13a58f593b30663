"""How ``ortembed embed`` turns texts into vectors: a model, a prompt, and the form of the vectors."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.cli.arguments import load, positive
from ortembed.instructions import instruction_set
from ortembed.options import DOCUMENT, QUERY
from ortembed.precision import PRECISIONS, takes_ranges
from ortembed.prepare import PACKED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    Vectors = npt.NDArray[Any]


def add_encoding(parser: argparse.ArgumentParser) -> None:
    """Add what decides on the vectors beside the model."""
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument("--query", action="store_true", help="with the model's prompt for queries")
    prompt.add_argument("--document", action="store_true", help="with the model's prompt for documents")
    prompt.add_argument("--prompt-name", metavar="NAME", help="with this one of the model's prompts (see info)")
    prompt.add_argument("--prompt", metavar="WORDS", help="with these words before each text")
    parser.add_argument("--truncate-dim", type=positive, metavar="N", help="keep the first N dimensions")
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="float32", help="number format of the vectors (default: float32)"
    )


class Encoding:
    """A loaded model and the options of each call.

    Attributes:
        precision: Number format of the result.
        needs_all: Whether the codes depend on the ranges of all vectors.
        columns: Numbers in a vector.
        dtype: Their dtype.
        chunk_dtype: That of vectors whose codes can only be made when all are there: float32; else the same.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        """Load the model.

        Raises:
            OrtembedError: It cannot be loaded, or has no such prompt or dimension.
        """
        self._embedder = load(options)
        self._options = {"truncate_dim": options.truncate_dim, "prompt": options.prompt}
        self._options["prompt_name"] = _prompt_name(options, self._embedder.prompts)
        self.precision: str = options.precision
        self.needs_all = takes_ranges(self.precision)
        empty = self._encode([], self.precision)  # which tells of options that do not fit, too
        self.columns, self.dtype = empty.shape[1], empty.dtype
        self.chunk_dtype = np.dtype(np.float32) if self.needs_all else self.dtype

    def encode_chunk(self, texts: Sequence[str]) -> Vectors:
        """Give the vectors [n, d] of some texts, of chunk_dtype."""
        return self._encode(texts, "float32" if self.needs_all else self.precision)

    def stream(self, texts: Iterable[str]) -> Iterator[Vectors]:
        """Give the vector of each text as they come, unless the codes depend on all of them."""
        if self.needs_all:
            return iter(self._encode(list(texts), self.precision))
        return self._embedder.iter_encode(texts, precision=self.precision, **self._options)

    def _encode(self, texts: Sequence[str], precision: str) -> Vectors:
        return self._embedder.encode(texts, precision=precision, show_progress_bar=False, **self._options)

    def identity(self) -> dict[str, Any]:
        """Give all that the vectors depend on beside the texts, in values that JSON has."""
        info = self._embedder.model_info()
        return {
            "model": self._embedder.fingerprint,
            "instructions": instruction_set() if info.form == PACKED else None,
            "providers": list(info.providers),
            "prompts": self._embedder.prompts,
            "prompt": [self._options["prompt_name"], self._options["prompt"]],
            "precision": self.precision,
            "dimensions": self.columns,
            "version": version("ortembed"),
        }


def _prompt_name(options: argparse.Namespace, prompts: dict[str, str]) -> str | None:
    names = QUERY if options.query else DOCUMENT if options.document else None
    if names is None:
        name: str | None = options.prompt_name
        return name
    return next((name for name in names if name in prompts), names[0])


def stack(vectors: list[Vectors], encoding: Encoding) -> Vectors:
    """Give vectors as one array [n, d]."""
    return np.stack(vectors) if vectors else np.empty((0, encoding.columns), encoding.dtype)
