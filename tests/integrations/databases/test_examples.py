"""The programs of examples/ do what they say, and docs/integrations.md shows them as they are."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAMS = sorted((ROOT / "examples").glob("*_search.py"))
DOCUMENT = ROOT / "docs/integrations.md"
KEEPS = {"chroma_search", "qdrant_search", "lancedb_search"}  # a folder, which the second run finds


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_finds_the_cat_and_then_the_bread(program, tmp_path):
    for _ in range(2 if program.stem in KEEPS else 1):
        done = subprocess.run(
            [sys.executable, "-W", "error", program],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "A cat sat on the mat.\nBake the bread for forty minutes.\n"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_the_document_has_the_program(program):
    _, text = program.read_text("utf-8").split("\n\n", 1)  # after what the file says of itself
    assert f"```python\n{text}```\n" in DOCUMENT.read_text("utf-8")
