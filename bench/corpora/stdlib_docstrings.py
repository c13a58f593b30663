"""The docstrings of the Python standard library: thousands of real texts that are at hand everywhere."""

from __future__ import annotations

import ast
import sysconfig
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT_OUT = {"site-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo", "__pycache__"}
_Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Docstring:
    """A docstring and what it documents, for example ``shutil.copytree``, of the module ``shutil``."""

    name: str
    text: str
    module: str

    @property
    def passage(self) -> str:
        """The text with its name before it, as a search wants it."""
        return f"{self.name}: {self.text}"


def docstrings() -> list[Docstring]:
    """Read every docstring of the running Python's library from its sources, in order of name, each text once."""
    root = Path(sysconfig.get_path("stdlib"))
    found = (
        docstring
        for path in sorted(root.rglob("*.py"))
        if not _LEFT_OUT & set(path.relative_to(root).parts)
        for docstring in _of_file(path, _module_name(path.relative_to(root)))
    )
    return list({docstring.text: docstring for docstring in found}.values())


def _module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _of_file(path: Path, module: str) -> Iterator[Docstring]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in the sources
            tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError):  # some sources are there to be wrong
        return
    yield from _of_node(tree, module, module)


def _of_node(node: ast.AST, name: str, module: str) -> Iterator[Docstring]:
    if isinstance(node, _Documented) and (text := ast.get_docstring(node)):
        yield Docstring(name, text, module)
    for child in ast.iter_child_nodes(node):
        yield from _of_node(child, f"{name}.{child.name}" if isinstance(child, _Documented[1:]) else name, module)
