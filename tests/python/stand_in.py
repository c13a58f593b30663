"""The stand-in runtime of tests/cpp/stand_in, which claims to have CoreML: where it is, its variables, its record."""

from __future__ import annotations

import json
import os
import sys

from ortembed.runtime_library import VARIABLE, find_runtime_library
from tests.conftest import ROOT

LIBRARY = ROOT / ".dev/testing" / f"libortembed_stand_in.{'dylib' if sys.platform == 'darwin' else 'so'}"


def real_runtime():
    """Give the library that the product loads, or what stands behind it where that is the stand-in."""
    found = find_runtime_library()
    return os.environ["STAND_IN_RUNTIME"] if found == LIBRARY else found


def stand_in_environment(log=None, faults=(), runtime=None):
    """Give the variables with which ortembed loads the stand-in.

    They are for a process of its own, or one whose first use of the stand-in this is: it opens its runtime once.
    Faults and log are read at each call, and may change later. ``runtime`` defaults to the installed one.
    """
    variables = {
        VARIABLE: str(LIBRARY),
        "STAND_IN_RUNTIME": str(runtime or real_runtime()),
        "STAND_IN_FAULT": ",".join(faults),
    }
    if log is not None:
        variables["STAND_IN_LOG"] = str(log)
    return variables


def use_stand_in(monkeypatch, log=None, faults=(), runtime=None):
    """Set those variables in this process, for one test."""
    for name, value in stand_in_environment(log, faults, runtime).items():
        monkeypatch.setenv(name, value)


def read_log(path, event=None):
    """Give what the stand-in was asked, in order: all events, or those of one name."""
    if not path.exists():
        return []
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [entry for entry in events if event in (None, entry["event"])]
