"""Where the programs lie that an accelerator compiled: a folder for each bucket, locked while it is made."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError, ProviderUnavailableError
from ortembed.locks import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    Make = Callable[[Path | None], None]

_MARKER = "complete.json"
_PROGRAMS = "programs"
_UNUSED_SECONDS = 60 * 24 * 3600.0  # of other runtimes and systems, mostly; whoever comes back compiles again


class CompiledCache:
    """Opens buckets, each with a folder of its own for what the provider compiles.

    CoreML's own key leaves out the shape, the weights, the options, the runtime and the system, and takes a folder
    that is there for complete. So each folder here is for one value of all of these, made under a lock, and counts
    only with a marker that lists its files; without one it is of a process that was killed, and is made anew.
    """

    def __init__(self, root: Path, material: Mapping[str, Any]) -> None:
        """Use a folder, which need not exist yet, for programs that depend on the material, JSON values by name."""
        self._root = root.absolute()
        self._material = dict(material)

    def open_bucket(self, rows: int, tokens: int, make: Make) -> None:
        """Call make with the bucket's folder; where programs that are there cannot be opened, once more without.

        Raises:
            ProviderUnavailableError: The provider cannot make them; nothing is left behind.
        """
        entry = self._entry(rows, tokens)
        with locked(entry) as is_ours:
            programs = self._prepared(entry) if is_ours else None
            try:
                is_new = _make(make, programs)
            except (ProviderUnavailableError, ModelLoadError) as error:
                if programs:
                    shutil.rmtree(entry, ignore_errors=True)
                raise ProviderUnavailableError(f"{rows} x {tokens} tokens: {error}") from error
            with suppress(OSError):  # programs without a marker are made anew some time, which is no failure now
                _complete(entry, self._material) if is_new else os.utime(entry / _MARKER)

    def remove(self, buckets: Iterable[tuple[int, int]]) -> None:
        """Delete the programs of buckets that will not be used."""
        for rows, tokens in buckets:
            entry = self._entry(rows, tokens)
            with locked(entry) as is_ours:
                if is_ours:
                    shutil.rmtree(entry, ignore_errors=True)

    def remove_unused(self) -> None:
        """Delete programs, and verdicts, of any model, that were not opened or made for two months."""
        for path in list(self._root.glob("*")):
            if path.suffix == ".lock" or not _is_old(path):
                continue
            with locked(path) as is_ours:
                if is_ours and _is_old(path):  # nobody has opened it meanwhile
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def missing(self, buckets: Iterable[tuple[int, int]]) -> int:
        """Tell how many buckets have no programs yet."""
        return sum(not _is_complete(self._entry(rows, tokens)) for rows, tokens in buckets)

    def key(self, **more: Any) -> str:  # noqa: ANN401 - JSON values
        """Give the name for what depends on the material and these values."""
        content = json.dumps([self._material, more], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def _entry(self, rows: int, tokens: int) -> Path:
        return self._root / self.key(rows=rows, tokens=tokens)

    def _prepared(self, entry: Path) -> Path | None:
        """Give the folder for programs, with those of a complete entry, else empty; None where it cannot be made."""
        programs = entry / _PROGRAMS
        try:
            if not _is_complete(entry):
                shutil.rmtree(entry, ignore_errors=True)
                programs.mkdir(parents=True)
        except OSError:
            return None
        return programs


def _make(make: Make, programs: Path | None) -> bool:
    """Call make; tell whether the folder for programs needs a marker now."""
    if programs is None:
        make(None)
        return False
    is_new = not any(programs.iterdir())
    try:
        make(programs)
    except (ProviderUnavailableError, ModelLoadError):
        if is_new:
            raise
        shutil.rmtree(programs)  # of a system or runtime that changed without a change of version, or damaged
        programs.mkdir()
        make(programs)
        return True
    return is_new


def _is_old(path: Path) -> bool:
    """Tell whether a file, or what a folder has for a marker, was not touched for long."""
    try:
        marker = path / _MARKER
        return time.time() - (marker if marker.exists() else path).stat().st_mtime > _UNUSED_SECONDS
    except OSError:
        return False


def _complete(entry: Path, material: Mapping[str, Any]) -> None:
    programs = entry / _PROGRAMS
    sizes = {p.relative_to(programs).as_posix(): p.stat().st_size for p in sorted(programs.rglob("*")) if p.is_file()}
    partial = entry / f"{_MARKER}.partial"
    partial.write_text(json.dumps({"files": sizes, "made for": material}, indent=1), "utf-8")
    partial.replace(entry / _MARKER)


def _is_complete(entry: Path) -> bool:
    """Tell whether the marker is there, and every file that it lists, in its size."""
    try:
        sizes = json.loads((entry / _MARKER).read_text("utf-8"))["files"]
        return all((entry / _PROGRAMS / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
