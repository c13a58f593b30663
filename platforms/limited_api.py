"""Owns which of Python's symbols a module of the stable ABI may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abi3info import DATAS, FUNCTIONS
from abi3info.models import PyVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

OLDEST = PyVersion(3, 12)  # as the wheels' tag says


def known_symbols() -> tuple[set[str], set[str]]:
    """Give the names of the stable ABI's functions and of its variables."""
    functions = {symbol.name for symbol, entry in FUNCTIONS.items() if entry.added <= OLDEST}
    return functions, {symbol.name for symbol, entry in DATAS.items() if entry.added <= OLDEST}


def is_pythons(name: str) -> bool:
    """Tell whether a C symbol is one of Python's."""
    return name.startswith(("Py", "_Py"))


def outside_stable_abi(names: Iterable[str]) -> list[str]:
    """Give those of Python's symbols that the oldest Python does not promise."""
    functions, data = known_symbols()
    return sorted(name for name in names if is_pythons(name) and name not in functions | data)
