"""The outcomes of self-tests, kept: a test is made once for each model, runtime, machine and set of options."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ortembed.locks import locked
from ortembed.self_test import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A provider that takes the process down is given up after so many tests; one could have been killed by its user.
_CRASHES = 2
# What rests on a failure is believed for so long: its cause may pass, and a test at each load would cost too much.
_FAILURE_SECONDS = 24 * 3600.0


def get_or_judge(
    path: Path, judge: Callable[[Callable[[], None]], Verdict], *, again: bool = False
) -> tuple[Verdict, bool]:
    """Give the verdict that a file keeps, else make it; and tell whether it was made now.

    Args:
        path: The file, which need not exist; where it cannot be written, each load makes its own test.
        judge: Makes the test. It calls what it is given when the part begins that could take the process down: from
            then on the file counts a crash, until the test is done. What it raises passes on.
        again: Forget what the file says.
    """
    with locked(path):  # others that test at the same time would spoil the times
        known = None if again else _read(path)
        verdict = _known_verdict(known)
        if verdict and not (verdict.may_change and _age(path) > _FAILURE_SECONDS):
            return verdict, False
        crashes = 0 if verdict else _crashes(known)
        if crashes >= _CRASHES:
            return Verdict((), crashes), False
        try:
            verdict = judge(lambda: _write(path, {"unfinished": crashes + 1}))
        except BaseException:
            _write(path, {"unfinished": crashes})
            raise
        _write(path, verdict.to_json())
        return verdict, True


def known_verdict(path: Path) -> Verdict | None:
    """Give the verdict that a file keeps; None where there is none."""
    return _known_verdict(_read(path))


def _known_verdict(known: Any) -> Verdict | None:  # noqa: ANN401 - whatever the file has
    try:
        return Verdict.from_json(known)
    except (TypeError, KeyError, ValueError, ArithmeticError, AttributeError):
        return None


def _crashes(known: object) -> int:
    count = known.get("unfinished") if isinstance(known, dict) else None
    return count if isinstance(count, int) else 0


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _write(path: Path, content: object) -> None:
    """Write the file whole, or leave none: an old one would tell of another time."""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(content, indent=1), "utf-8")
        partial.replace(path)
    except OSError:
        for leftover in (partial, path):
            with suppress(OSError):
                leftover.unlink()
