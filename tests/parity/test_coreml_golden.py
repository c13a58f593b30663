"""The CoreML form on the CPU, with the engine's embedding tables, against the vectors of the reference."""

import json

import numpy as np
import pytest

from ortembed import CoreMLOptions, _native
from ortembed.prepare import onnx_file, prepare
from ortembed.prepare.coreml.check import check
from ortembed.prepare.export import export
from ortembed.runtime_library import find_runtime_library

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def exported(tmp_path_factory, model_folder):
    folder = tmp_path_factory.mktemp("coreml")
    config = json.loads((model_folder / "config.json").read_text("utf-8"))
    export(config, [model_folder / "model.safetensors"], folder, "coreml")
    return folder


@pytest.fixture(scope="module")
def make_engine(exported):
    tables = {path.name.split(".")[1]: np.load(path) for path in exported.glob("embeddings.*.npy")}
    embeddings = _native.EmbeddingTable(**tables, **json.loads((exported / "embeddings.json").read_text("utf-8")))

    def make(pooling, max_batch_tokens, buckets=()):
        return _native.Engine(
            library=find_runtime_library(),
            model=exported / "model.onnx",
            pooling=pooling,
            vocab_size=30522,
            max_tokens=256,
            max_batch_tokens=max_batch_tokens,
            threads=2,
            embeddings=embeddings,
            buckets=buckets,
            open_bucket=lambda _rows, _tokens, make: make(None),
            may_use_cpu=False,
        )

    return make


def encode(engine, rows, *, normalize=False):
    out = np.empty((len(rows), 384), np.float32)
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    engine.encode_ids(np.concatenate(rows, dtype=np.int64), offsets, out=out, normalize=normalize)
    return out


@pytest.mark.parametrize(
    ("pooling", "stage", "max_batch_tokens"),
    [
        ("mean", "mean", 256),  # few texts a run, so little padding
        ("mean", "mean", 4096),
        ("cls", "cls", 2048),
        ("max", "max", 2048),
        ("lasttoken", "last", 2048),
    ],
)
def test_each_pooling_agrees(make_engine, golden, pooling, stage, max_batch_tokens):
    vectors = encode(make_engine(pooling, max_batch_tokens), golden[0]["input_ids"])
    np.testing.assert_allclose(vectors, golden[1][stage], rtol=0, atol=TOLERANCE)


BUCKETS = CoreMLOptions().buckets(256)


@pytest.mark.one_runtime
@pytest.mark.parametrize("bucket", BUCKETS, ids=[f"{rows}x{tokens}" for rows, tokens in BUCKETS])
@pytest.mark.parametrize(("pooling", "stage"), [("mean", "mean"), ("cls", "cls")])
def test_every_bucket_agrees_however_much_of_it_is_padding(make_engine, golden, bucket, pooling, stage):
    chosen = [i for i, ids in enumerate(golden[0]["input_ids"]) if len(ids) <= bucket[1]]
    engine = make_engine(pooling, 1, [bucket])
    vectors = encode(engine, [golden[0]["input_ids"][i] for i in chosen])
    np.testing.assert_allclose(vectors, golden[1][stage][chosen], rtol=0, atol=TOLERANCE)
    assert engine.stats()["padded_tokens"] % (bucket[0] * bucket[1]) == 0
    assert [state[2] for state in engine.buckets] == [True]


def test_all_buckets_together_agree(make_engine, golden):
    engine = make_engine("mean", 1, BUCKETS)
    vectors = encode(engine, golden[0]["input_ids"], normalize=True)
    np.testing.assert_allclose(vectors, golden[1]["normalized"], rtol=0, atol=TOLERANCE)


def test_normalized_vectors_agree(make_engine, golden):
    vectors = encode(make_engine("mean", 2048), golden[0]["input_ids"], normalize=True)
    np.testing.assert_allclose(vectors, golden[1]["normalized"], rtol=0, atol=TOLERANCE)


def test_a_text_does_not_feel_its_batch_mates_or_their_padding(make_engine, golden):
    engine = make_engine("mean", 4096)
    longest = max(golden[0]["input_ids"], key=len)
    short = sorted(golden[0]["input_ids"], key=len)[:8]
    alone = np.concatenate([encode(engine, [row]) for row in short])
    together = encode(engine, [*short, longest])[:-1]
    np.testing.assert_allclose(together, alone, rtol=0, atol=2e-6)


@pytest.mark.one_runtime
def test_coreml_holds_the_real_graph_whole_in_every_bucket(exported):
    for report in check(exported / "model.onnx", BUCKETS):
        assert report.operators["Softmax"] == 6
        assert report.operators["LayerNormalization"] == 12


@pytest.mark.one_runtime
def test_the_weights_lie_in_the_graph_where_coreml_finds_them(tmp_path):
    prepared = prepare("all-minilm-l6-v2", cache_dir=tmp_path, local_files_only=True, form="coreml")
    names = {path.name for path in prepared.folder.iterdir() if not path.name.startswith("embeddings.")}
    assert names == {"model.onnx", "source", "facts.json", "complete.json"}
    assert prepared.graph.stat().st_size > 40_000_000


@pytest.mark.one_runtime
def test_weights_that_are_too_many_for_one_file_stay_beside_it(exported, monkeypatch):
    monkeypatch.setattr(onnx_file, "_INSIDE_TO_BYTES", 1_000_000)
    onnx_file.take_weights_in(exported)
    assert (exported / "model.onnx").stat().st_size < 1_000_000 < (exported / "model.onnx.data").stat().st_size
