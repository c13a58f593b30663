"""How many cores this process may use: what the caller says, else its affinity and its cgroup's CPU quota."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from ortembed.options import check_int

if TYPE_CHECKING:
    from collections.abc import Iterator

NUM_THREADS_VARIABLE = "ORTEMBED_NUM_THREADS"
_MAX_THREADS = 1024  # more is a mistake, and the runtime would try


def choose_threads(threads: int | None) -> int:
    """Give the number asked for, else ORTEMBED_NUM_THREADS, else the number of cores that this process may use.

    Raises:
        InvalidInputError: A number that was given is not an int from 1 to 1024.
    """
    if threads is not None:
        check_int("threads", threads, _MAX_THREADS)
        return threads
    text = os.environ.get(NUM_THREADS_VARIABLE)
    if not text:
        return min(available_cores(), _MAX_THREADS)
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text
    check_int(NUM_THREADS_VARIABLE, number, _MAX_THREADS)
    return int(number)


def available_cores() -> int:
    """Give the number of cores that this process may use, at least 1."""
    quota = quota_cores()
    return affinity_cores() if quota is None else min(affinity_cores(), quota)


def affinity_cores() -> int:
    """Give the number of cores that this process may be scheduled on; all where the system has no such limit."""
    process_cpu_count = getattr(os, "process_cpu_count", None)  # Python 3.13; obeys its -X cpu_count too
    if process_cpu_count is not None:
        return int(process_cpu_count() or 1)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def quota_cores(root: Path = Path("/")) -> int | None:
    """Give the whole cores that this process's cgroups let it use at once, at least 1; None where there is no quota.

    A fraction is rounded down: with a thread more than the quota carries, all threads use it up early in each
    period and then stand still together until the next, tens of milliseconds in the slowest calls.

    Args:
        root: The folder that has /proc and the mounted cgroups.
    """
    quotas = [quota for folder, is_v2 in _cgroups(root) if (quota := _read_quota(folder, is_v2=is_v2)) is not None]
    return max(1, min(quotas)) if quotas else None


class _Mount(NamedTuple):
    """One line of /proc/self/mountinfo: the part of a hierarchy that is seen, and where."""

    is_v2: bool
    root: PurePosixPath
    point: PurePosixPath


def _cgroups(root: Path) -> Iterator[tuple[Path, bool]]:
    """Give the folders of this process's cgroup and of each one around it, and whether each is of version 2.

    Both versions may be mounted at once; a folder may be missing, where a sandbox shows only a part.
    """
    paths = _own_paths(_read(root / "proc/self/cgroup"))
    mounts = list(_cpu_mounts(_read(root / "proc/self/mountinfo")))
    for is_v2, path in paths.items():
        candidates = [mount for mount in mounts if mount.is_v2 == is_v2]
        around = [mount for mount in candidates if _is_inside(path, mount.root)]
        # A path outside of what is mounted comes from another namespace; what is mounted is the nearest to be seen.
        for mount in around or candidates:
            folder = root / mount.point.relative_to("/")
            yield folder, is_v2
            for name in path.relative_to(mount.root).parts if around else ():
                folder /= name
                yield folder, is_v2


def _own_paths(text: str) -> dict[bool, PurePosixPath]:
    """Read /proc/self/cgroup: for version 2 (True) and version 1's cpu controller (False), the process's path."""
    paths = {}
    for line in text.split("\n"):
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path.startswith("/"):
            continue
        if (hierarchy, controllers) == ("0", ""):
            paths[True] = PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            paths[False] = PurePosixPath(path)
    return paths


def _cpu_mounts(text: str) -> Iterator[_Mount]:
    """Read /proc/self/mountinfo: the mounts of version 2, and of version 1's cpu controller."""
    for line in text.split("\n"):
        before, _, after = line.partition(" - ")
        fields, system = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(system) < 3:  # noqa: PLR2004 - root and point are fields 4 and 5, options 3
            continue
        is_v2 = system[0] == "cgroup2"
        is_v1 = system[0] == "cgroup" and "cpu" in system[2].split(",")
        root, point = (_unescaped(field) for field in fields[3:5])
        if (is_v2 or is_v1) and root.startswith("/") and point.startswith("/"):
            yield _Mount(is_v2, PurePosixPath(root), PurePosixPath(point))


def _unescaped(field: str) -> str:
    """Undo the kernel's octal escapes of spaces, tabs, newlines and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _is_inside(path: PurePosixPath, folder: PurePosixPath) -> bool:
    return path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts


def _read_quota(cgroup: Path, *, is_v2: bool) -> int | None:
    """Give one cgroup's quota in whole cores; None where it has none or what it says cannot be understood."""
    if is_v2:
        words = _read(cgroup / "cpu.max").split()
    else:
        words = [*_read(cgroup / "cpu.cfs_quota_us").split(), *_read(cgroup / "cpu.cfs_period_us").split()]
    if len(words) != 2 or not all(re.fullmatch(r"[0-9]{1,19}", word) for word in words):  # noqa: PLR2004 - "max", -1
        return None
    quota, period = map(int, words)
    return quota // period if period else None


def _read(path: Path) -> str:
    """Give a file's text, empty where it cannot be read."""
    try:
        return path.read_text("utf-8", errors="surrogateescape")
    except OSError:
        return ""
