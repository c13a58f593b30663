"""The models that a bridge has loaded, each once, whichever of its names it was asked for by."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ortembed.errors import InvalidInputError
from ortembed.hub import canonical_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortembed.embedder import Embedder


class Found(NamedTuple):
    """A loaded model, and whether it was loaded before it was asked for."""

    embedder: Embedder
    was_loaded: bool


class Models:
    """Loads models and keeps them. The first one loaded is the bridge's own, meant where no model is named."""

    def __init__(self, load: Callable[[str, Path | None], Embedder], default: str) -> None:
        """Begin with none.

        Args:
            load: Makes an Embedder of a model's name and the folder for prepared models, None for the usual one.
            default: The name of the model that becomes the bridge's own where one is needed and none was loaded.
        """
        self._load = load
        self._default = default
        self._loaded: dict[str, Embedder] = {}

    def load(self, name: str, cache_dir: str | None = None) -> Found:
        """Give a model, loading it first where it is not; errors are Embedder's."""
        key = canonical_name(name)
        if key in self._loaded:
            return Found(self._loaded[key], was_loaded=True)
        folder = _folder(cache_dir) if cache_dir else None
        embedder = self._loaded[key] = self._load(name, folder)
        return Found(embedder, was_loaded=False)

    def own(self) -> Embedder:
        """Give the bridge's own model, loading the default one where there is none."""
        return next(iter(self._loaded.values()), None) or self.load(self._default).embedder

    def loaded(self, name: str | None) -> Embedder:
        """Give a model that was loaded, None for the bridge's own.

        Raises:
            InvalidInputError: It was not.
        """
        found = next(iter(self._loaded.values()), None) if name is None else self._loaded.get(canonical_name(name))
        if found is None:
            what = "No model is loaded" if name is None else f"Model not loaded: {name}"
            raise InvalidInputError(f"{what}. Call load_model first.")
        return found


def _folder(name: str) -> Path:
    try:
        folder = Path(name).expanduser()
        has_zero = b"\0" in os.fsencode(folder)
    except (RuntimeError, ValueError) as error:  # no such home folder; half of a surrogate pair
        raise InvalidInputError(f"cache_dir is {name!r}: {error}") from error
    if has_zero:
        raise InvalidInputError(f"cache_dir is {name!r}, which no path can be")
    return folder
