"""Reading JSON files that come from outside: each failure is an error that names the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INT32_MAX = 2**31 - 1


def read_json(path: Path) -> Any:  # noqa: ANN401 - the shape is the caller's to check
    """Read a JSON file; ModelLoadError names it when it is not JSON."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error


def read_object(files: Mapping[str, Path], name: str) -> dict[str, Any]:
    """Read the JSON object of one of a model's files; a file that is absent gives an empty one."""
    if name not in files:
        return {}
    value = read_json(files[name])
    if not isinstance(value, dict):
        raise ModelLoadError(f"{files[name]} is not a JSON object")
    return value


def check_integer(value: object, what: str, where: object) -> int:
    """Give the value of a setting that is a positive int32, else raise ModelLoadError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= INT32_MAX:
        raise ModelLoadError(f"{where}: {what} is {value!r}, not an integer from 1 to {INT32_MAX}")
    return value


def check_flag(value: object, what: str, where: object) -> bool:
    """Give the value of a setting that is true or false, else raise ModelLoadError."""
    if not isinstance(value, bool):
        raise ModelLoadError(f"{where}: {what} is {value!r}, neither true nor false")
    return value
