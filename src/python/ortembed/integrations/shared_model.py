"""The model behind an adapter: arguments that a database can keep, and this process's one Embedder for them."""

from __future__ import annotations

import os
import threading
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ortembed.embedder import Embedder
from ortembed.errors import InvalidInputError
from ortembed.hub import canonical_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Unpack

    Floats = npt.NDArray[np.float32]


class ModelArguments(TypedDict, total=False):
    """What decides an adapter's vectors beside the model's name: Embedder's arguments, and encode's truncate_dim."""

    dtype: str
    form: str | None
    revision: str | None
    max_seq_length: int | None
    onnx_file: str | None
    truncate_dim: int | None


@dataclass(frozen=True)
class SharedModel:
    """What decides vectors, as plain values. It can be pickled; the Embedder is found, or loaded, where it is used.

    Databases make an adapter anew from what they have kept, some for every query. So an Embedder belongs to the
    process, and stays until it ends. After a fork the child loads its own.
    """

    model: str
    dtype: str = "float32"
    form: str | None = None
    revision: str | None = None
    max_seq_length: int | None = None
    onnx_file: str | None = None
    truncate_dim: int | None = None

    @property
    def embedder(self) -> Embedder:
        """The process's Embedder for this."""
        key = replace(self, truncate_dim=None)
        return _embedders.get(key) or _load(key)

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self.documents([]).shape[1]

    def documents(self, texts: Iterable[str]) -> Floats:
        """Encode documents: float32 [n, dimension]."""
        return cast("Floats", self.embedder.encode_document(texts, truncate_dim=self.truncate_dim))

    def queries(self, texts: str | Iterable[str]) -> Floats:
        """Encode queries: float32 [n, dimension], [dimension] for one text."""
        return cast("Floats", self.embedder.encode_query(texts, truncate_dim=self.truncate_dim))

    async def adocuments(self, texts: Iterable[str]) -> Floats:
        """Encode documents without blocking the event loop."""
        return cast("Floats", await (await self._aembedder()).aencode_document(texts, truncate_dim=self.truncate_dim))

    async def aqueries(self, texts: str | Iterable[str]) -> Floats:
        """Encode queries in the same way."""
        return cast("Floats", await (await self._aembedder()).aencode_query(texts, truncate_dim=self.truncate_dim))

    async def _aembedder(self) -> Embedder:
        """Give the Embedder; where it has to be loaded first, as after unpickling, that is done in a thread."""
        import asyncio  # noqa: PLC0415 - only where it is in use already

        key = replace(self, truncate_dim=None)
        return _embedders[key] if key in _embedders else await asyncio.to_thread(_load, key)

    def config(self) -> dict[str, Any]:
        """Give the arguments that make it anew."""
        return asdict(self)


def share(model: str | os.PathLike[str] | Embedder, **arguments: Unpack[ModelArguments]) -> SharedModel:
    """Load a model, or take an Embedder, for all adapters of this process with the same arguments.

    Raises:
        InvalidInputError: An argument is out of range, or comes with an Embedder, which has its own.
        OrtembedError: As Embedder's.
    """
    check_config(arguments)
    if isinstance(model, Embedder):
        if given := arguments.keys() - {"truncate_dim"}:
            raise InvalidInputError(f"{min(given)} is for a model's name; an Embedder has its own")
        config: Mapping[str, Any] = model.config()
    else:
        config = {**arguments, "model": os.fspath(model)}
    key = SharedModel(**{**config, "model": canonical_name(config["model"]), "truncate_dim": None})
    if isinstance(model, Embedder):
        _embedders[key] = model
    shared = replace(key, truncate_dim=arguments.get("truncate_dim"))
    shared.documents([])  # loads, and checks truncate_dim
    form = cast("str | None", shared.embedder.config()["form"])  # which other machines might not choose
    _embedders[replace(key, form=form)] = shared.embedder
    return replace(shared, form=form)


def check_config(config: Mapping[str, object]) -> None:
    """Refuse arguments that are not known here: the vectors might be others without them.

    Raises:
        InvalidInputError: It names one.
    """
    known = {field.name for field in fields(SharedModel)}
    if unknown := config.keys() - known:
        raise InvalidInputError(f"{min(unknown)!r} is none of an adapter's arguments: {', '.join(sorted(known))}")


def check_same(old: Mapping[str, object], new: Mapping[str, object]) -> None:
    """Refuse a change of what decides vectors, for those that are there would not compare with new ones.

    Raises:
        InvalidInputError: It names an argument that differs.
    """
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            instead = f"Give {name}={old[name]!r}, or make" if name in old else "Make"
            raise InvalidInputError(
                f"{name} was {old.get(name)!r} and would be {new.get(name)!r}: the vectors that are there would not "
                f"compare with new ones. {instead} a new collection."
            )


_embedders: dict[SharedModel, Embedder] = {}
_loading = threading.Lock()


def _load(key: SharedModel) -> Embedder:
    arguments = key.config()
    del arguments["truncate_dim"]
    with _loading:
        if key not in _embedders:
            _embedders[key] = Embedder(**arguments)
        return _embedders[key]


def _forget() -> None:
    """Let go of the Embedders of the process that this one was forked from, and of a lock that nobody here holds."""
    global _loading  # noqa: PLW0603 - a lock that a thread of the parent held is never released here
    _embedders.clear()
    _loading = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
