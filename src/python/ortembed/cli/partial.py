"""What an interrupted run leaves beside its target, from which the same command goes on."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Partial:
    """A folder beside the target: data so far, and a record of what it was made from and how far it is whole.

    The record is written after what it counts has reached the disk, and data beyond it is cut off, so that it is
    right after a kill at any point.

    Attributes:
        done: Rows that are whole.
    """

    def __init__(self, target: Path) -> None:
        """Name the target, which is locked."""
        self._target = target
        self._folder = target.with_name(f".{target.name}.partial")
        self._data = self._folder / "data"
        self._record = self._folder / "record.json"
        self._identity: Mapping[str, Any] = {}
        self._bytes = 0
        self.done = 0

    def resume(self, identity: Mapping[str, Any]) -> list[str]:
        """Take up what an earlier run with the same identity left; else begin anew.

        Returns:
            The names of what is different from the run that left something, which then begins anew.
        """
        found = self._read()
        before = found.get("identity", {})
        self._identity = identity
        differing = [name for name in identity if before.get(name) != identity[name]] if found else []
        if not found or differing:
            self.discard()
        else:
            self.done, self._bytes = found["done"], found["bytes"]
        return differing

    @contextmanager
    def data(self) -> Iterator[BinaryIO]:
        """Open the data, at the end of what is whole."""
        self._folder.mkdir(exist_ok=True)
        with self._data.open("r+b" if self.done else "wb") as file:
            file.truncate(self._bytes)
            file.seek(self._bytes)
            yield file
            _sync(file)

    def checkpoint(self, file: BinaryIO, done: int) -> None:
        """Count what was written as whole."""
        _sync(file)
        self._bytes = file.tell()
        new = self._record.with_suffix(".new")
        with new.open("w", encoding="utf-8") as record:
            json.dump({"identity": self._identity, "done": done, "bytes": self._bytes}, record)
            _sync(record)
        new.replace(self._record)
        self.done = done

    @property
    def data_path(self) -> Path:
        """Where the data lies."""
        return self._data

    @contextmanager
    def result(self) -> Iterator[BinaryIO]:
        """Open a file for what the data becomes, which then becomes the target."""
        path = self._folder / "result"
        with path.open("wb") as file:
            yield file
            _sync(file)
        self.complete(path)

    def complete(self, path: Path) -> None:
        """Let a file become the target, and remove the rest."""
        path.replace(self._target)
        _sync_folder(self._target.parent)
        self.discard()

    def discard(self) -> None:
        """Remove all that there is."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.done = self._bytes = 0

    def _read(self) -> dict[str, Any]:
        """Give the record, empty where there is none or the data is less than it says."""
        try:
            record: dict[str, Any] = json.loads(self._record.read_text("utf-8"))
            is_whole = self._data.stat().st_size >= record["bytes"] and record["done"] > 0
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        return record if is_whole else {}


def _sync(file: Any) -> None:  # noqa: ANN401 - any open file
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # which opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
