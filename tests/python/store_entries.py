"""A small entry of the cache of prepared models, and how tests look at what is there."""

import pytest

KEY = "0123abcd"
OTHER = "4567cdef"


def write(folder):
    (folder / "model.onnx").write_text("graph", "utf-8")
    (folder / "source").mkdir()
    (folder / "source/tokenizer.json").write_text("words", "utf-8")


def must_not_build(folder):
    pytest.fail("built again")


def everything_below(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.suffix != ".lock")
