"""The session for runs on one core, made when it is first needed: right whatever became of the model by then."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ortembed import ModelLoadError, _native
from ortembed.runtime_library import find_runtime_library
from tests.python.tiny_graphs import TABLE, flatten, lookup_states, save_lookup

MANY = [[i % 50] * 90 for i in range(9)]  # tokens enough for two cores to run side by side


def open_engine(path, **limits):
    limits = {"pooling": "mean", "vocab_size": 50, "max_tokens": 128, "max_batch_tokens": 128, "threads": 2} | limits
    return _native.Engine(library=find_runtime_library(), model=path, **limits)


def encode(engine, texts, width=TABLE.shape[1]):
    ids, offsets = flatten(texts)
    out = np.empty((len(texts), width), np.float32)
    engine.encode_ids(ids, offsets, out=out, normalize=False)
    return out


EXPECTED = [lookup_states(text).mean(0) for text in MANY]


def test_many_texts_give_what_each_gives_alone(tmp_path):
    engine = open_engine(save_lookup(tmp_path / "model.onnx"))
    np.testing.assert_allclose(encode(engine, MANY), EXPECTED, rtol=1e-5)
    np.testing.assert_allclose([encode(engine, [text])[0] for text in MANY], EXPECTED, rtol=1e-5)


def test_a_model_that_was_removed_after_its_load_still_runs(tmp_path):
    path = save_lookup(tmp_path / "model.onnx")
    engine = open_engine(path)
    path.unlink()
    np.testing.assert_allclose(encode(engine, MANY), EXPECTED, rtol=1e-5)


def test_a_model_that_was_replaced_after_its_load_gives_no_other_vectors(tmp_path):
    path = save_lookup(tmp_path / "model.onnx")
    engine = open_engine(path)
    save_lookup(tmp_path / "other.onnx", table=-TABLE).replace(path)
    np.testing.assert_allclose(encode(engine, MANY), EXPECTED, rtol=1e-5)


def stored_outside(name, array, offset):
    tensor = TensorProto(name=name, dims=array.shape, data_type=TensorProto.FLOAT)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "weights", "offset": offset, "length": array.nbytes}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


@pytest.mark.parametrize("inner_name", ["other", "w"])
def test_a_weight_of_a_branch_keeps_its_value_beside_a_shared_one_of_its_name(inner_name, tmp_path):
    outer, inner = np.random.default_rng(3).standard_normal((2, 6, 6)).astype(np.float32)
    (tmp_path / "weights").write_bytes(outer.tobytes() + inner.tobytes())
    then = helper.make_graph(
        [helper.make_node("MatMul", ["h", inner_name], ["t"])],
        "then",
        [],
        [helper.make_tensor_value_info("t", TensorProto.FLOAT, None)],
        [stored_outside(inner_name, inner, outer.nbytes)],
    )
    otherwise = helper.make_graph(
        [helper.make_node("Identity", ["h"], ["e"])],
        "otherwise",
        [],
        [helper.make_tensor_value_info("e", TensorProto.FLOAT, None)],
    )
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w"], ["h"]),
        helper.make_node("ReduceMax", ["attention_mask"], ["largest"], keepdims=0),
        helper.make_node("Cast", ["largest"], ["condition"], to=TensorProto.BOOL),
        helper.make_node("If", ["condition"], ["last_hidden_state"], then_branch=then, else_branch=otherwise),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", 6])
    weights = [numpy_helper.from_array(TABLE, "table"), stored_outside("w", outer, 0)]
    graph = helper.make_graph(nodes, "branches", inputs, [output], weights)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx"
    )
    expected = (TABLE[[1, 2, 3]] @ outer @ inner).mean(0)
    np.testing.assert_allclose(encode(open_engine(tmp_path / "model.onnx"), [[1, 2, 3]])[0], expected, rtol=1e-4)


OPEN = """
import sys
from pathlib import Path
from tests.python.test_second_session import open_engine
open_engine(Path(sys.argv[1]))
"""


@pytest.mark.skipif(os.name == "nt", reason="no named pipes in folders")
def test_a_pipe_in_the_place_of_a_model_is_an_error_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.onnx")
    command = [sys.executable, "-c", OPEN, tmp_path / "model.onnx"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ModelLoadError.__name__ in done.stderr


EXIT = """
import sys, threading, time
from pathlib import Path
import numpy as np
from tests.python.test_second_session import MANY, flatten, open_engine
engine = open_engine(Path(sys.argv[1]))
ids, offsets = flatten(MANY * 20)
class Slow:
    def __del__(self):
        time.sleep(0.3)
slow = Slow()
reported = threading.Event()
def progress(rows):
    reported.set()
    for _ in range(400):
        time.sleep(0.0005)
def work():
    while True:
        out = np.empty((len(offsets) - 1, 6), np.float32)
        engine.encode_ids(ids, offsets, out=out, normalize=False, progress=progress)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
reported.wait()
time.sleep(0.2)
"""


@pytest.mark.skipif(
    "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="the address sanitizer takes a thread that the interpreter ends by unwinding for an overflow",
)
def test_a_thread_in_its_progress_does_not_crash_the_end_of_the_interpreter(tmp_path):
    save_lookup(tmp_path / "model.onnx")
    command = [sys.executable, "-c", EXIT, tmp_path / "model.onnx"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
