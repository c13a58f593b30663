"""The cache of prepared models: content-keyed folders that are complete or not there at all."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
import uuid
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ortembed.errors import ModelLoadError
from ortembed.manifest import sha256_of
from ortembed.responses import CacheWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CACHE_VARIABLE = "ORTEMBED_CACHE_DIR"
_MARKER = "complete.json"
_GRAPH = ("model.onnx",)

# Larger files are only measured when an entry is looked up: hashing costs 1 ms a MB. All that decides the meaning of
# the vectors but the weights (graph, tokenizer, settings) is smaller.
_HASHED_AT_LOOKUP = 20_000_000

# Names of folders in the making, and of damaged ones on their way out: the entry's key and something random.
_TEMPORARY = re.compile(r"(?P<key>[^.]+)\.[0-9a-f]{32}")
_LITTER_AGE_S = 3600.0

# Faults of a disk that is written to, never of one that is read.
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


def default_cache_dir() -> Path:
    """Give ORTEMBED_CACHE_DIR, else ``ortembed`` in XDG_CACHE_HOME, else ``~/.cache/ortembed``.

    Raises:
        ModelLoadError: None of them is known, as for a user without a home.
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "ortembed"
    except RuntimeError as error:
        raise ModelLoadError(
            f"there is no home for the cache ({error}); name a folder with cache_dir= or {CACHE_VARIABLE}"
        ) from error


class Store:
    """Entries are made in a temporary folder and renamed into place, under a lock for each key.

    So two processes that start together do the work once, and one that is killed leaves nothing that a later
    one takes for complete; what it does leave is deleted by the next. The marker, written last, lists the size and
    sha256 of every file. A look-up compares all sizes, and the sha256 of files up to 20 MB; ``verify`` compares
    everything. An entry that does not match is made anew, with a CacheWarning.
    """

    def __init__(self, root: Path) -> None:
        """Use a cache folder, which need not exist yet."""
        root = root.absolute()  # what is found there may be used from another current folder
        self._root = root
        self._entries = root / "prepared"
        self._locks = root / "locks"

    @classmethod
    def of(cls, entry: Path) -> Store:
        """Give the store that an entry's folder lies in."""
        return cls(entry.parent.parent)

    def find(self, key: str, expected: Sequence[str] = _GRAPH) -> Path | None:
        """Give the folder of a complete entry that has the expected files; None when there is none."""
        self._remove_litter()
        folder = self._entries / key
        return None if _damage(folder, expected, _HASHED_AT_LOOKUP) else folder

    def has(self, key: str) -> bool:
        """Tell whether there is an entry, be it damaged."""
        return (self._entries / key / _MARKER).exists()

    def verify(self, key: str, expected: Sequence[str] = _GRAPH) -> str | None:
        """Compare every byte of an entry with its marker; give what is wrong, None when nothing is."""
        return _damage(self._entries / key, expected, None)

    def get_or_build(
        self,
        key: str,
        build: Callable[[Path], None],
        expected: Sequence[str] = _GRAPH,
        *,
        bytes_needed: int | None = None,
    ) -> Path:
        """Give the folder of an entry, calling ``build`` to fill an empty folder when there is none.

        Args:
            key: What the content depends on, as one word without a dot.
            build: Writes files into the folder that it is given.
            expected: Names of files without which an entry is damaged.
            bytes_needed: About how much ``build`` writes, for the message when the disk is full.

        Raises:
            ModelLoadError: The cache cannot be written to, or ``build`` cannot read the model's own files; the
                message tells which.
        """
        if found := self.find(key, expected):  # without the lock, so that a complete cache may be read-only
            return found
        with self._cache_errors(bytes_needed):
            self._locks.mkdir(parents=True, exist_ok=True)
            self._entries.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._lock_path(key))
            lock.acquire()
        try:
            folder = self._entries / key
            damage = _damage(folder, expected, _HASHED_AT_LOOKUP)
            if damage is None:  # another process has made it in the meantime
                return folder
            if folder.exists():
                message = f"the prepared model in {folder} is damaged ({damage}); it is made anew"
                warnings.warn(message, CacheWarning, stacklevel=2)
            self._build(key, build, bytes_needed)
            return folder
        finally:
            lock.release()

    def _build(self, key: str, build: Callable[[Path], None], bytes_needed: int | None) -> None:
        temporary = self._temporary_path(key)
        try:
            with self._cache_errors(bytes_needed):
                for litter in self._entries.glob(f"{key}.*"):  # of a process that was killed; the lock is ours now
                    shutil.rmtree(litter, ignore_errors=True)
                temporary.mkdir()
            with self._build_errors(bytes_needed):
                build(temporary)
            with self._cache_errors(bytes_needed):
                _write_marker(temporary)
                self._replace(key, temporary)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise

    def _replace(self, key: str, temporary: Path) -> None:
        """Put a finished folder in its place; a damaged one moves out of the way first, whole."""
        folder = self._entries / key
        if folder.exists():
            damaged = self._temporary_path(key)
            folder.rename(damaged)
            shutil.rmtree(damaged, ignore_errors=True)
        temporary.rename(folder)

    def _temporary_path(self, key: str) -> Path:
        return self._entries / f"{key}.{uuid.uuid4().hex}"

    def _lock_path(self, key: str) -> Path:
        return self._locks / f"{key}.lock"

    def _remove_litter(self) -> None:
        """Delete what killed processes left, of any key: folders that are old and whose lock nobody holds."""
        try:
            names = [name for name in os.listdir(self._entries) if "." in name]  # noqa: PTH208 - as quick as can be
        except OSError:
            return
        for name in names:
            path, named = self._entries / name, _TEMPORARY.fullmatch(name)
            try:
                if named and time.time() - path.stat().st_mtime > _LITTER_AGE_S:
                    with FileLock(self._lock_path(named["key"]), timeout=0):
                        shutil.rmtree(path, ignore_errors=True)
            except (OSError, NotImplementedError):  # in use, or the cache is not ours to write to
                continue

    @contextmanager
    def _cache_errors(self, bytes_needed: int | None) -> Iterator[None]:
        try:
            yield
        except (OSError, NotImplementedError) as error:  # the latter where a file system has no locks
            raise self._cache_error(error, bytes_needed) from error

    @contextmanager
    def _build_errors(self, bytes_needed: int | None) -> Iterator[None]:
        """Tell the cache's faults from those of the files that it is built from."""
        try:
            yield
        except OSError as error:
            names = [str(name) for name in (error.filename, error.filename2) if name is not None]
            if error.errno in _WRITE_ERRORS or any(Path(name).is_relative_to(self._root) for name in names):
                raise self._cache_error(error, bytes_needed) from error
            raise ModelLoadError(f"cannot read the model's own files: {error}") from error

    def _cache_error(self, error: BaseException, bytes_needed: int | None) -> ModelLoadError:
        needed = "" if bytes_needed is None else f", about {_megabytes(bytes_needed)} needed"
        return ModelLoadError(
            f"cannot write to the cache {self._root} ({error}; {_free_space(self._root)}{needed}); "
            f"free space, or choose another folder with cache_dir= or {CACHE_VARIABLE}"
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _free_space(folder: Path) -> str:
    """Say how much room the disk of a folder has, which need not exist yet."""
    for existing in (folder, *folder.absolute().parents):
        try:
            return f"{_megabytes(shutil.disk_usage(existing).free)} free"
        except OSError:
            continue
    return "free space unknown"


def _write_marker(folder: Path) -> None:
    """List every file; all of them reach the disk before the list does, so that it is true after a power cut too."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb+" if os.name == "nt" else "rb") as file:  # Windows wants the right to write
            os.fsync(file.fileno())
        name = path.relative_to(folder).as_posix()
        files[name] = {"size": path.stat().st_size, "sha256": sha256_of(path)}
    with (folder / _MARKER).open("w", encoding="utf-8") as file:
        json.dump(files, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def _damage(folder: Path, expected: Sequence[str], hashed_up_to: int | None) -> str | None:
    """Say what is wrong with an entry; None when nothing is."""
    try:
        marker: Any = json.loads((folder / _MARKER).read_text("utf-8"))
        listed = {str(name): (entry["size"], entry["sha256"]) for name, entry in marker.items()}
    except OSError:
        return f"no {_MARKER}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"{_MARKER} is not readable"
    if missing := [name for name in expected if name not in listed]:
        return f"{_MARKER} does not list {', '.join(missing)}"
    for name, (size, sha256) in listed.items():
        if damage := _file_damage(folder / name, size, sha256, hashed_up_to):
            return f"{name} {damage}"
    return None


def _file_damage(path: Path, size: int, sha256: str, hashed_up_to: int | None) -> str | None:
    try:
        actual = path.stat().st_size
        if actual != size:
            return f"has {actual} bytes in place of {size}"
        if (hashed_up_to is None or size <= hashed_up_to) and sha256_of(path) != sha256:
            return "has other content than was written"
    except (OSError, ValueError, ModelLoadError) as error:  # ValueError: of a name with a zero byte
        return f"cannot be read: {error}"
    return None
