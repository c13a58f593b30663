"""Every exporter against transformers' implementation: each family on small random models, in both forms."""

import json
import re
import shutil
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import ortembed
from ortembed.prepare.architectures import MODEL_TYPES
from ortembed.prepare.export import export
from ortembed.runtime_library import VARIABLE
from tests.parity.reference.families import FAMILIES, Case
from tests.python.test_runtime_library import runtime
from tests.python.tiny_models import save_tokenizer

ROOT = Path(__file__).resolve().parents[2]
# The largest difference of any value of a hidden state, which are of the order of 1. Measured: docs/architectures.md.
TOLERANCE = 1e-4
CASES = [f"{family}-{index}" for family, cases in FAMILIES.items() for index in range(len(cases))]
FORMS = ("cpu", "coreml")
# One of each family, and those that attend to long texts by other operators.
ENGINE_CASES = [
    f"{family}-{index}"
    for family, cases in FAMILIES.items()
    for index, case in enumerate(cases)
    if index == 0 or case.longest > 1024
]


@pytest.fixture(scope="session")
def onnxruntime():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime  # noqa: PLC0415 - reads the variable

        onnxruntime.set_default_logger_severity(3)  # which makes its environment
    return onnxruntime


def batches(folder):
    """Give ids and mask, int64 [texts, longest], and the expected hidden states [tokens, width] of each batch."""
    with np.load(folder / "expected.npz") as arrays:
        for index in range(len(arrays.files) // 3):
            lengths = arrays[f"lengths_{index}"]
            mask = np.arange(lengths.max()) < lengths[:, None]
            ids = np.zeros(mask.shape, np.int64)
            ids[mask] = arrays[f"ids_{index}"]
            yield ids, mask, arrays[f"hidden_{index}"]


def embed(folder, ids):
    """Give what the CoreML form takes: the looked up embeddings, by the definition of its tables."""
    tables = {path.name.split(".")[1]: np.load(path) for path in folder.glob("embeddings.*.npy")}
    rest = json.loads((folder / "embeddings.json").read_text("utf-8"))
    hidden = tables["word"][ids].astype(np.float64)
    if "position" in tables:
        positions = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        if rest["padding_id"] is not None:
            token = ids != rest["padding_id"]
            positions = np.cumsum(token, axis=1) * token
        hidden += tables["position"][positions]
    if "scale" in tables:
        hidden -= hidden.mean(-1, keepdims=True)
        hidden /= np.sqrt(hidden.var(-1, keepdims=True) + rest["epsilon"])
        hidden = hidden * tables["scale"] + tables.get("bias", 0)
    return hidden.astype(np.float32)


def feeds(form, folder, ids, mask):
    if form == "cpu":
        return {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
    return {"hidden": embed(folder, ids), "mask": np.where(mask, 0, -10000)[:, None, None].astype(np.float32)}


def export_case(source, folder, form):
    config = json.loads((source / "config.json").read_text("utf-8"))
    export(config, sorted(source.glob("*.safetensors")), folder, form)


@pytest.fixture(scope="session")
def measure(models, onnxruntime, tmp_path_factory):
    """Give the largest error of any value in any batch of a case; each is computed once."""

    @cache
    def error_of(case, form):
        folder = tmp_path_factory.mktemp(f"{case}-{form}")
        export_case(models / case, folder, form)
        session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        errors = []
        for ids, mask, expected in batches(models / case):
            (hidden,) = session.run(None, feeds(form, folder, ids, mask))
            assert np.isfinite(hidden).all()  # in the padding, too
            errors.append(np.abs(hidden[mask] - expected).max())
        return float(max(errors))

    return error_of


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_hidden_states_agree(measure, case, form):
    assert measure(case, form) <= TOLERANCE


@pytest.mark.parametrize("case", CASES)
def test_the_files_are_stored_as_the_case_says(models, case):
    family, _, index = case.rpartition("-")
    expected = FAMILIES[family][int(index)]
    paths = list((models / case).glob("*.safetensors"))
    assert (len(paths) > 1) == (expected.shard_size != Case.shard_size)
    dtypes = set()
    for path in paths:
        with safe_open(path, framework="numpy") as tensors:
            dtypes |= {tensors.get_slice(name).get_dtype() for name in tensors.keys()}  # noqa: SIM118 - it cannot be iterated
    assert dtypes == {{"float32": "F32", "float16": "F16", "bfloat16": "BF16"}[expected.dtype]}


@pytest.mark.parametrize("version", ["newest", "1.21.0"])
@pytest.mark.parametrize("case", ENGINE_CASES)
def test_the_engine_gives_them_and_their_mean(models, tmp_path, monkeypatch, case, version):
    """From the files to vectors of tokens and texts, in the newest runtime and the floor: all of a case at once."""
    if version != "newest":
        monkeypatch.setenv(VARIABLE, str(runtime(version)))
    folder = shutil.copytree(models / case, tmp_path / "model")
    save_tokenizer(folder)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}', "utf-8")
    embedder = ortembed.Embedder(folder, cache_dir=tmp_path / "cache", local_files_only=True)
    assert (embedder.model_info().runtime_version == version) == (version != "newest")
    with np.load(folder / "expected.npz") as arrays:
        ids, lengths, hidden = (arrays[f"{name}_5"] for name in ("ids", "lengths", "hidden"))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    vectors = embedder.encode_ids(ids.astype(np.int32), offsets, normalize_embeddings=False)
    means = [hidden[a:b].mean(axis=0) for a, b in pairwise(offsets)]
    assert len(means) == 5
    states = embedder.token_embeddings_of_ids(ids.astype(np.int32), offsets)
    np.testing.assert_allclose(states, hidden, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(vectors, means, rtol=0, atol=TOLERANCE)


def documented():
    """Give the rows of the table in the documentation by model_type: how many models, and the error of each form."""
    rows = {}
    for line in (ROOT / "docs/architectures.md").read_text("utf-8").splitlines():
        if found := re.match(r"\| `([\w-]+)` \|.*\| (\d+) \| ([\d.e-]+) \| ([\d.e-]+) \|$", line):
            rows[found[1]] = int(found[2]), *map(float, found.groups()[2:])
    return rows


def test_every_exporter_is_compared_and_documented():
    assert sorted(documented()) == sorted(FAMILIES) == sorted(MODEL_TYPES)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_documented_errors_are_those_measured(measure, family):
    count = len(FAMILIES[family])
    measured = [max(measure(f"{family}-{index}", form) for index in range(count)) for form in FORMS]
    documented_count, *errors = documented()[family]
    assert documented_count == count
    # Other processors add up in another order, so figures differ a little from machine to machine.
    told = " | ".join(f"{error:.1e}" for error in measured)
    assert all(a <= 4 * b <= 4 * TOLERANCE for a, b in zip(measured, errors, strict=True)), f"measured: {told}"
