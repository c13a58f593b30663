"""Where the programs lie that an accelerator compiled: a folder for each bucket, locked while it is made."""

from __future__ import annotations

import hashlib
import json
import platform
import plistlib
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ortembed.errors import ModelLoadError, ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Make = Callable[[Path | None], None]

_MARKER = "complete.json"
_PROGRAMS = "programs"
_SYSTEM_VERSION = Path("/System/Library/CoreServices/SystemVersion.plist")


class CompiledCache:
    """Opens buckets, each with a folder of its own for what the provider compiles.

    CoreML's own key leaves out the shape, the weights, the options, the runtime and the system, and takes a folder
    that is there for complete. So each folder here is for one value of all of these, made under a lock, and counts
    only with a marker that lists its files; without one it is of a process that was killed, and is made anew.
    """

    def __init__(self, root: Path, material: Mapping[str, Any]) -> None:
        """Use a folder, which need not exist yet, for programs that depend on the material, JSON values by name."""
        self._root = root.absolute()
        self._material = {**material, "system": system_build()}

    def open_bucket(self, rows: int, tokens: int, make: Make) -> None:
        """Call make with the bucket's folder; where programs that are there cannot be opened, once more without.

        Raises:
            ProviderUnavailableError: The provider cannot make them; nothing is left behind.
        """
        entry = self._root / self.key(rows=rows, tokens=tokens)
        with self._locked(entry) as is_ours:
            programs = self._prepared(entry) if is_ours else None
            try:
                self._make(make, programs)
            except (ProviderUnavailableError, ModelLoadError) as error:
                if programs:
                    shutil.rmtree(entry, ignore_errors=True)
                raise ProviderUnavailableError(f"{rows} x {tokens} tokens: {error}") from error
            if programs:
                _complete(entry, self._material)

    def key(self, **more: Any) -> str:  # noqa: ANN401 - JSON values
        """Give the name for what depends on the material and these values."""
        content = json.dumps([self._material, more], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def _make(self, make: Make, programs: Path | None) -> None:
        were_there = programs is not None and any(programs.iterdir())
        try:
            make(programs)
        except (ProviderUnavailableError, ModelLoadError):
            if programs is None or not were_there:
                raise
            shutil.rmtree(programs)  # of a system or runtime that changed without a change of version, or damaged
            programs.mkdir()
            make(programs)

    def _prepared(self, entry: Path) -> Path:
        """Give the folder for programs, with those of a complete entry, else empty."""
        programs = entry / _PROGRAMS
        if not _is_complete(entry):
            shutil.rmtree(entry, ignore_errors=True)
            programs.mkdir(parents=True)
        return programs

    @contextmanager
    def _locked(self, entry: Path) -> Iterator[bool]:
        """Lock an entry; give False where the cache cannot be written to, so that programs are for this process."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(entry.with_suffix(".lock"))
            lock.acquire()
        except (OSError, NotImplementedError):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def system_build() -> str:
    """Name the build of the system that programs are compiled by."""
    if sys.platform == "darwin":
        try:
            with _SYSTEM_VERSION.open("rb") as file:
                version = plistlib.load(file)
            return f"{version['ProductVersion']} {version['ProductBuildVersion']}"
        except (OSError, ValueError, KeyError, plistlib.InvalidFileException):
            pass
    return f"{platform.system()} {platform.version()}"


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
