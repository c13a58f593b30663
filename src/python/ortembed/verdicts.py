"""The outcomes of self-tests, kept: a test is made once for each model, runtime, system and set of options."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ortembed.self_test import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# A provider that takes the process down is given up after so many tests; one could have been killed by its user.
_CRASHES = 2


def get_or_judge(path: Path, judge: Callable[[], Verdict], *, again: bool = False) -> tuple[Verdict, bool]:
    """Give the verdict that a file keeps, else make it; and tell whether it was made now.

    While a test runs, the file counts it as a crash, so that a process that ends meanwhile is known of afterwards.

    Args:
        path: The file, which need not exist; where it cannot be written, each load makes its own test.
        judge: Makes the test; what it raises passes on.
        again: Forget what the file says.
    """
    with _locked(path):
        known: Any = None if again else _read(path)
        try:
            return Verdict.from_json(known), False
        except (TypeError, KeyError, ValueError, ArithmeticError):
            crashes = _crashes(known)
        if crashes >= _CRASHES:
            return Verdict((), crashes), False
        _write(path, {"unfinished": crashes + 1})
        try:
            verdict = judge()
        except BaseException:
            _write(path, {"unfinished": crashes})
            raise
        _write(path, verdict.to_json())
        return verdict, True


def _crashes(known: object) -> int:
    count = known.get("unfinished") if isinstance(known, dict) else None
    return count if isinstance(count, int) else 0


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _write(path: Path, content: object) -> None:
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with suppress(OSError):
        partial.write_text(json.dumps(content, indent=1), "utf-8")
        partial.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from testing at the same time, which would spoil the times; where there are locks."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        lock.release()
