"""Each model that is known by name, small and random: loaded from a hub, against sentence-transformers."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from ortembed.manifest import manifests

ROOT = Path(__file__).resolve().parents[2]
# Of vectors whose values are of the order of 1, or of norm 1.
TOLERANCE = 2e-5
TEXTS = ["a cat sat on the mat", "stocks fell sharply .", "cat"]
LOADING = "from tests.python.manifest_loading import main; main()"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory, run_reference, run_python):
    """What each Embedder told of itself, its vectors, and those of sentence-transformers."""
    folder = tmp_path_factory.mktemp("manifests")
    known = {name: asdict(manifest) for name, manifest in manifests().items()}
    (folder / "manifests.json").write_text(json.dumps(known), "utf-8")
    (folder / "texts.json").write_text(json.dumps(TEXTS), "utf-8")
    run_reference("sentence_models", folder)
    run_python(LOADING, folder, PYTHONPATH=str(ROOT))
    told = json.loads((folder / "loaded.json").read_text("utf-8"))
    return told, dict(np.load(folder / "loaded.npz")), dict(np.load(folder / "expected.npz"))


@pytest.mark.parametrize("name", manifests())
def test_a_model_of_each_manifest_is_as_in_sentence_transformers(loaded, name):
    told, vectors, expected = loaded
    assert "error" not in told[name], told[name]["error"]
    for kind in ("query", "document"):
        np.testing.assert_allclose(vectors[f"{name}/{kind}"], expected[f"{name}/{kind}"], atol=TOLERANCE)
    assert told[name]["dimension"] == vectors[f"{name}/query"].shape[1]
    assert told[name]["max_tokens"] == 32


@pytest.mark.parametrize("name", [name for name, manifest in manifests().items() if manifest.prompts])
def test_prompts_come_from_the_manifest(loaded, name):
    told, vectors, _ = loaded
    manifest = manifests()[name]
    assert {kind: prompt for kind, prompt in told[name]["prompts"].items() if prompt} == manifest.prompts
    assert np.abs(vectors[f"{name}/query"] - vectors[f"{name}/document"]).max() > 0.01


def test_pooling_comes_from_the_manifest_where_the_repository_has_no_pipeline(loaded):
    _, vectors, expected = loaded
    bare = [name for name in vectors if "/bare " in name]
    assert {
        (manifests()[name.split("/")[0]].pooling, manifests()[name.split("/")[0]].normalize) for name in bare
    } == {(manifest.pooling, manifest.normalize) for manifest in manifests().values()}
    for name in bare:
        np.testing.assert_allclose(vectors[name], expected[name.replace("bare ", "")], atol=TOLERANCE)
