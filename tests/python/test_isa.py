"""The instruction set of ortembed's own operators: the machine's fastest, or the one that ORTEMBED_ISA names."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

import _ortembed_testing
import numpy as np
import pytest

from ortembed import _native
from ortembed.cli.arguments import add_loading
from ortembed.cli.encoding import Encoding, add_encoding
from ortembed.instructions import instruction_set
from ortembed.runtime_library import find_runtime_library
from tests.python import packed_graphs as graphs
from tests.python.packed_reference import layer_reference

TESTING = _ortembed_testing.__file__.rpartition("/")[0]
AVAILABLE = _native.available_isas()


def test_there_is_always_a_plain_one_and_the_fastest_is_first():
    assert AVAILABLE[-1] == "plain"
    assert len(AVAILABLE) == len(set(AVAILABLE))


@pytest.mark.parametrize("name", [*AVAILABLE, ""])
def test_the_variable_decides(run_python, name):
    chosen = run_python("from ortembed import _native; print(_native.chosen_isa())", ORTEMBED_ISA=name).strip()
    assert chosen == (name or AVAILABLE[0])


def complaint_of(code, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


@pytest.mark.parametrize("name", ["avx9", "PLAIN", "neon_dot" if "neon_dot" not in AVAILABLE else "avx2"])
def test_another_name_is_an_error_that_tells_the_choices(name):
    complaint = complaint_of("from ortembed import _native; _native.chosen_isa()", ORTEMBED_ISA=name)
    assert "InvalidInputError" in complaint
    assert f"ORTEMBED_ISA is '{name}'" in complaint
    assert complaint.rstrip().endswith(", ".join(AVAILABLE))


RUN = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import ortembed
from _ortembed_testing import Model, Session
session = Session(Model(sys.argv[2], sys.argv[3]), 2)
inputs = np.load(sys.argv[4])
np.save(sys.argv[5], session.run_with(dict(inputs)))
"""


def save_run(folder, dtype):
    weights = graphs.random_weights(5, dtype)
    path = graphs.save_one(folder / "model.onnx", "Layer", weights, **graphs.ATTRIBUTES)
    states = np.random.default_rng(6).standard_normal((30, graphs.WIDTH)).astype(np.float32)
    offsets = np.array([0, 7, 8, 30])
    np.savez(folder / "run.npz", hidden=states, offsets=offsets)
    return path, layer_reference(states, offsets, weights)


@pytest.mark.parametrize("dtype", ["int8", "bfloat16"])
@pytest.mark.parametrize("name", AVAILABLE)
def test_each_runs_the_operators(run_python, tmp_path, name, dtype):
    path, expected = save_run(tmp_path, dtype)
    arguments = (TESTING, find_runtime_library(), path, tmp_path / "run.npz", tmp_path / "out.npy")
    run_python(RUN, *arguments, ORTEMBED_ISA=name)
    found = np.load(tmp_path / "out.npy")
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < (0.03 if dtype == "int8" else 0.02)


def test_a_wrong_name_refuses_graphs_of_the_operators_alone(run_python, tmp_path):
    path, _ = save_run(tmp_path, "int8")
    arguments = (TESTING, find_runtime_library(), path, tmp_path / "run.npz", tmp_path / "out.npy")
    complaint = complaint_of(RUN, *arguments, ORTEMBED_ISA="avx9")
    assert "InvalidInputError: ORTEMBED_ISA is 'avx9'" in complaint


def test_info_and_doctor_tell_it_and_what_else_there_is(ortembed, embedder):
    for command in (("info", "all-minilm-l6-v2"), ("doctor",)):
        done = ortembed(*command, "--json", ORTEMBED_ISA="plain")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        others = AVAILABLE[:-1]
        expected = f"plain (also here: {', '.join(others)})" if others else "plain"
        assert found.get("machine", found)["instruction set"] == expected


def test_the_command_says_what_is_wrong_with_the_variable(ortembed):
    done = ortembed("doctor", ORTEMBED_ISA="avx9")
    assert done.returncode != 0
    assert b"ORTEMBED_ISA is 'avx9'" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(("dtype", "form"), [("int8", "packed"), ("int8", "cpu"), ("float32", "cpu")])
def test_what_an_interrupted_run_is_known_by_has_the_instructions_that_compute(cache_dir, embedder, dtype, form):
    """Vectors of our own operators differ among them, more than one file may have."""
    parser = argparse.ArgumentParser()
    add_loading(parser)
    add_encoding(parser)
    arguments = ["--dtype", dtype, "--form", form, "--cache-dir", str(cache_dir), "--offline"]
    known = Encoding(parser.parse_args(arguments)).identity()
    assert known["instructions"] == (instruction_set() if form == "packed" else None)
