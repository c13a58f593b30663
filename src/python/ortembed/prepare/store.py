"""The cache of prepared models: content-keyed folders that are complete or not there at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE_VARIABLE = "ORTEMBED_CACHE_DIR"
_MARKER = "complete.json"


def default_cache_dir() -> Path:
    """Give ORTEMBED_CACHE_DIR, else ``ortembed`` in XDG_CACHE_HOME, else ``~/.cache/ortembed``."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ortembed"


class Store:
    """Entries are made in a temporary folder and renamed into place, under a lock for each key.

    So two processes that start together do the work once, and one that is killed leaves nothing that a later
    one takes for complete. The marker, written last, lists the size of every file; an entry that does not
    match it is made anew.
    """

    def __init__(self, root: Path) -> None:
        """Use a cache folder, which need not exist yet."""
        self._entries = root / "prepared"
        self._locks = root / "locks"

    def find(self, key: str) -> Path | None:
        """Give the folder of a complete entry."""
        folder = self._entries / key
        return folder if _is_complete(folder) else None

    def get_or_build(self, key: str, build: Callable[[Path], None]) -> Path:
        """Give the folder of an entry, calling ``build`` to fill an empty folder when there is none.

        Raises:
            ModelLoadError: The cache cannot be written to.
        """
        if found := self.find(key):  # without the lock, so that a complete cache may be read-only
            return found
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
            self._entries.mkdir(parents=True, exist_ok=True)
            with FileLock(self._locks / f"{key}.lock"):
                return self.find(key) or self._build(key, build)
        except OSError as error:
            raise ModelLoadError(
                f"cannot write to the cache {self._entries.parent} ({error}); "
                f"free space, or choose another folder with cache_dir= or {CACHE_VARIABLE}"
            ) from error

    def _build(self, key: str, build: Callable[[Path], None]) -> Path:
        for litter in self._entries.glob(f"{key}.*"):  # of a process that was killed; the lock is ours now
            shutil.rmtree(litter)
        folder = self._entries / key
        temporary = self._entries / f"{key}.{uuid.uuid4().hex}"
        temporary.mkdir()
        try:
            build(temporary)
            sizes = {path.name: path.stat().st_size for path in temporary.iterdir()}
            (temporary / _MARKER).write_text(json.dumps(sizes), "utf-8")
            if folder.exists():  # damaged
                shutil.rmtree(folder)
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return folder


def _is_complete(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / _MARKER).read_text("utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False
