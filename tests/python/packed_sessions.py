"""Sessions of graphs with operators of ours, and what is said of those that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _ortembed_testing import Model, Session

from ortembed import ModelLoadError
from ortembed.runtime_library import find_runtime_library
from tests.python import packed_graphs as graphs

if TYPE_CHECKING:
    from pathlib import Path


def open_session(path: Path, threads: int = 1) -> Session:
    return Session(Model(find_runtime_library(), path), threads)


def message_of(path: Path) -> str:
    """What is said of a graph that cannot be loaded."""
    with pytest.raises(ModelLoadError) as caught:
        open_session(path)
    return str(caught.value)


def check_refused(path: Path, operator: str, complaint: str) -> None:
    """The message names file, operator, node and complaint; a good graph loads afterwards."""
    message = message_of(path)
    assert message.startswith(f"cannot load {path}: ")
    assert f"operator {operator} 'the.node': " in message
    assert complaint in message
    good = graphs.save_one(
        path.with_name("good.onnx"), "Layer", graphs.random_weights(0, "int8"), **graphs.ATTRIBUTES
    )
    open_session(good, 2)


def save_node(path: Path, operator: str, weights: dict[str, Any], **attributes: Any) -> Path:
    """Write a graph of one node; None as a weight leaves its input out, the offsets and the like too."""
    given = {name: array for name, array in weights.items() if array is not None}
    node = graphs.node_of(operator, given, "y", "the.node", **attributes)
    names = [name if weights.get(name, name) is not None else "" for name in node.input]
    del node.input[:]
    node.input.extend(names)
    return graphs.save_graph(path, [node], given)
