"""Reading a model's weights from safetensors, checked tensor by tensor."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt


class Weights:
    """An open safetensors file."""

    def __init__(self, path: Path, file: safe_open) -> None:
        """Wrap an open file; see open_weights."""
        self._path = path
        self._file = file
        self._names = frozenset(file.keys())  # type: ignore[no-untyped-call]
        # Some repositories saved the encoder inside a larger model.
        self._prefix = "bert." if "bert.embeddings.word_embeddings.weight" in self._names else ""

    def get(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Give a tensor as float32.

        Raises:
            ModelLoadError: It is missing, has another shape, is not float, or has values that are not finite.
        """
        full_name = self._prefix + name
        if full_name not in self._names:
            raise ModelLoadError(f"{self._path} has no tensor {full_name}")
        try:
            tensor: npt.NDArray[Any] = self._file.get_tensor(full_name)  # type: ignore[no-untyped-call]
        except Exception as error:  # of a dtype that numpy does not have, bfloat16 for one; the class varies
            raise ModelLoadError(f"{self._path}: tensor {full_name} cannot be read: {error}") from error
        if tensor.shape != shape:
            raise ModelLoadError(
                f"{self._path}: tensor {full_name} has shape {list(tensor.shape)} "
                f"where the model's config says {list(shape)}"
            )
        if tensor.dtype not in (np.float32, np.float16):
            raise ModelLoadError(f"{self._path}: tensor {full_name} has dtype {tensor.dtype}, not float32 or float16")
        if not np.isfinite(tensor).all():
            raise ModelLoadError(f"{self._path}: tensor {full_name} has values that are not finite")
        return np.asarray(tensor, np.float32)


@contextmanager
def open_weights(path: Path) -> Iterator[Weights]:
    """Open a safetensors file.

    Raises:
        ModelLoadError: The file is truncated or is not safetensors.
    """
    try:
        file = safe_open(path, framework="numpy")
    except (OSError, SafetensorError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    with file as opened:
        yield Weights(path, opened)
