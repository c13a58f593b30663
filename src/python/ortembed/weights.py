"""Reading a model's weights from safetensors, in one file or several, checked tensor by tensor."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

_FLOATS = ("F32", "F16", "BF16")
_CHUNK = 1 << 20  # values that are checked at once, so that the check needs little memory


@dataclass(frozen=True)
class _Place:
    """Where a tensor lies."""

    path: Path
    data: npt.NDArray[np.uint8]  # the file, mapped
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Weights:
    """The tensors of one model by name. Values come mapped from the files where their format allows it."""

    def __init__(self, places: dict[str, _Place], prefixes: Sequence[str]) -> None:
        """Wrap opened files; see open_weights."""
        self._places = places
        # Some repositories saved the encoder inside a larger model: the longest known prefix that fits wins.
        self._prefix = next((p for p in prefixes if any(name.startswith(p) for name in places)), "")

    def __contains__(self, name: str) -> bool:
        """Tell whether there is such a tensor."""
        return self._find(name) is not None

    @property
    def names(self) -> frozenset[str]:
        """The names of all tensors, as the files have them."""
        return frozenset(self._places)

    def get(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Give a tensor as float32, read-only.

        Raises:
            ModelLoadError: It is missing, has another shape, is not float, or has values that are not finite.
        """
        place = self._find(name)
        if place is None:
            raise ModelLoadError(f"{self._where()} has no tensor {self._prefix}{name}")
        what = f"{place.path}: tensor {self._prefix}{name}"
        if place.shape != shape:
            raise ModelLoadError(f"{what} has shape {list(place.shape)} where the model's config says {list(shape)}")
        if place.dtype not in _FLOATS:
            raise ModelLoadError(f"{what} has dtype {place.dtype}, not float32, float16 or bfloat16")
        flat = _floats(place.data[place.begin : place.end], place.dtype)
        if not all(np.isfinite(flat[i : i + _CHUNK]).all() for i in range(0, flat.size, _CHUNK)):
            raise ModelLoadError(f"{what} has values that are not finite")
        return flat.reshape(shape)

    def _find(self, name: str) -> _Place | None:
        older = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        for spelling in (name, older):
            if place := self._places.get(self._prefix + spelling):
                return place
        return None

    def _where(self) -> str:
        paths = sorted({str(place.path) for place in self._places.values()})
        return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more" if paths else "the model"


def _floats(data: npt.NDArray[np.uint8], dtype: str) -> npt.NDArray[np.float32]:
    if dtype == "F32":
        return data.view(np.float32)
    if dtype == "F16":
        return data.view(np.float16).astype(np.float32)
    wide = data.view(np.uint16).astype(np.uint32)
    wide <<= 16  # bfloat16: the upper half of a float32
    return wide.view(np.float32)


@contextmanager
def open_weights(paths: Sequence[Path], prefixes: Sequence[str] = ()) -> Iterator[Weights]:
    """Open the safetensors files of one model.

    Args:
        paths: One file, or all the shards.
        prefixes: What the names may begin with where an encoder was saved inside a larger model, best first.

    Raises:
        ModelLoadError: A file is truncated, is not safetensors, or has a tensor that another one has too.
    """
    places: dict[str, _Place] = {}
    with ExitStack() as stack:
        for path in paths:
            for name, place in _read_places(path, stack).items():
                if name in places:
                    raise ModelLoadError(f"tensor {name} is both in {places[name].path} and in {path}")
                places[name] = place
        yield Weights(places, prefixes)


def _read_places(path: Path, stack: ExitStack) -> dict[str, _Place]:
    try:
        # The library checks the header: its size, the shapes, and that the tensors fill the file without overlap.
        stack.enter_context(safe_open(path, framework="numpy"))
        data = np.memmap(path, np.uint8, "r")
        start = 8 + int.from_bytes(data[:8].tobytes(), "little")
        header = json.loads(data[8:start].tobytes())
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    header.pop("__metadata__", None)
    return {
        name: _Place(path, data, entry["dtype"], tuple(entry["shape"]), *(start + o for o in entry["data_offsets"]))
        for name, entry in header.items()
    }
