"""Finding a model on the hub: what is asked for, what works without it, and where else a model is found."""

from __future__ import annotations

import shutil
import socket

import pytest
from huggingface_hub import constants

from ortembed.config import OPTIONAL_FILES, SENTENCE_CONFIG_NAMES
from ortembed.hub_client import without_telemetry
from ortembed.manifest import manifests
from tests.python.hub_loading import COMMIT, REPO, Machine, modules
from tests.python.hub_server import RESOLVE, HubServer

DEFAULT = manifests()["all-minilm-l6-v2"]
WIDTH = 8

NEEDED = {"config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json", "model.safetensors"}
ABSENT = {"config_sentence_transformers.json", *OPTIONAL_FILES, *SENTENCE_CONFIG_NAMES}
OFFLINE = pytest.mark.parametrize(
    "offline", [{"local_files_only": True}, {"environment": {"HF_HUB_OFFLINE": "1"}}], ids=str
)


@pytest.fixture
def closed_endpoint():
    """An address where nothing listens, nor will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def default_hub(model_folder):
    """The default model's repository, whose files the installed package has as well."""
    files = {name: (model_folder / name).read_bytes() for name in DEFAULT.sha256}
    with HubServer(DEFAULT.hub_id, DEFAULT.revision, files) as server:
        yield server


@pytest.fixture(scope="module")
def downloaded(files, tmp_path_factory):
    """A huggingface_hub cache that knows all there is to know of the model."""
    home = tmp_path_factory.mktemp("hub")
    with HubServer(REPO, COMMIT, files) as server:
        Machine(home, server.endpoint).find().assert_found(files, NEEDED)
    return home / "hf"


@pytest.fixture
def cached(downloaded, tmp_path):
    """The model's folder in such a cache; ``machine`` uses it."""
    home = shutil.copytree(downloaded, tmp_path / "hf", symlinks=True)
    return home / "hub/models--someone--tiny-bert"


def test_a_model_is_downloaded_once_and_then_needs_no_hub(machine, hub, tmp_path, closed_endpoint):
    downloaded = machine.load(REPO)
    downloaded.assert_loaded(WIDTH)
    hub.requests.clear()
    assert machine.load(REPO) == downloaded
    assert machine.load(REPO, local_files_only=True) == downloaded
    assert machine.load(REPO, environment={"HF_HUB_OFFLINE": "1"}) == downloaded
    assert hub.requests == []
    assert Machine(tmp_path, closed_endpoint).load(REPO) == downloaded


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_only_needed_files_of_the_revision_are_asked_for(machine, hub, revision):
    machine.find(revision=revision).assert_found(hub.files, NEEDED)
    first = revision or "main"
    assert hub.requests[0][1].startswith(f"/{REPO}/resolve/{first}/")
    asked = [RESOLVE.fullmatch(path) for path in hub.paths()]
    assert None not in asked  # nothing but files: no telemetry
    assert {each["name"] for each in asked} == NEEDED | ABSENT  # so no pickles and no code
    assert {each["revision"] for each in asked} <= {first, COMMIT}
    assert sorted(hub.downloads()) == sorted(set(hub.downloads()))


@pytest.mark.parametrize("first", ["modules.json", "config.json"])
def test_all_files_are_of_one_commit_when_the_branch_moves_meanwhile(machine, hub, first):
    """The first file that there is decides on the commit, with modules.json and without."""
    names = NEEDED if first == "modules.json" else NEEDED - {"modules.json", "1_Pooling/config.json"}
    before = {name: hub.files[name] for name in names}
    hub.history[COMMIT] = before
    after = dict.fromkeys(hub.files, b"of the next commit")
    hub.on_request = lambda _, name: name not in {"modules.json", first} and hub.push("f" * 40, after)
    machine.find().assert_found(before, names)


def test_a_modules_file_that_appears_meanwhile_is_not_missed(machine, hub):
    after = dict(hub.files)
    del hub.history[COMMIT]["modules.json"]
    hub.on_request = lambda _, name: name == "config.json" and hub.push("f" * 40, after)
    machine.find().assert_found(after, NEEDED)


def test_files_of_two_commits_in_the_cache_are_not_mixed(machine, hub, cached):
    (cached / f"snapshots/{COMMIT}/model.safetensors").unlink()
    hub.history = {"f" * 40: hub.files}
    hub.commit = "f" * 40
    machine.find().assert_failed("ModelNotFoundError", "model.safetensors")


@pytest.mark.parametrize("name", ["someone/tiny--bert", "bert.git"])
def test_a_name_that_the_hub_cannot_have(machine, hub, name):
    machine.find(name).assert_failed("ModelNotFoundError", name)
    assert hub.requests == []


@OFFLINE
def test_offline_with_an_empty_cache(machine, hub, offline):
    machine.find(**offline).assert_failed("ModelNotFoundError", REPO)
    assert hub.requests == []


@OFFLINE
def test_offline_with_a_full_cache(machine, hub, cached, offline):
    machine.find(**offline).assert_found(hub.files, NEEDED)
    assert hub.requests == []


@pytest.mark.parametrize(
    "name", ["modules.json", "1_Pooling/config.json", "model.safetensors", "sentence_bert_config.json"]
)
def test_offline_what_the_cache_does_not_know_is_not_guessed(machine, hub, cached, name):
    (cached / (".no_exist" if name in ABSENT else "snapshots") / COMMIT / name).unlink()
    machine.find(local_files_only=True).assert_failed("ModelNotFoundError", name)
    assert hub.requests == []


@pytest.mark.parametrize("path", ["../../evil", "/evil", "sub\\..\\..\\evil"])
@pytest.mark.parametrize("module", ["pooling", "transformer"])
def test_a_module_outside_the_model(machine, hub, module, path):
    hub.files["modules.json"] = modules(**{module: path})
    machine.find().assert_failed("ModelLoadError", "outside the model")
    assert not any("evil" in path for path in hub.paths())


def test_the_default_model_is_downloaded_and_verified(machine, default_hub, tmp_path):
    Machine(tmp_path, default_hub.endpoint).load(DEFAULT.name).assert_loaded(384)
    files = {f"/{DEFAULT.hub_id}/resolve/{DEFAULT.revision}/{name}" for name in DEFAULT.sha256}
    assert default_hub.paths() == files | {"/"}  # the root is asked once whether there is a hub


def test_the_package_stands_in_where_no_hub_answers(tmp_path, closed_endpoint):
    files = set(DEFAULT.sha256)
    assert set(Machine(tmp_path, closed_endpoint).find(DEFAULT.name).files) == files


@pytest.mark.parametrize("refusal", [(404, "RepoNotFound", {}), (401, "GatedRepo", {})])
def test_the_package_stands_in_where_the_hub_refuses(machine, hub, refusal):
    hub.refusal = refusal
    assert set(machine.find(DEFAULT.name).files) == set(DEFAULT.sha256)
    assert any(DEFAULT.hub_id in path for path in hub.paths())


def test_the_package_stands_in_where_the_download_breaks_off(tmp_path, default_hub):
    default_hub.cut = "close"
    outcome = Machine(tmp_path, default_hub.endpoint).find(DEFAULT.name, pauses=False)
    assert set(outcome.files) == set(DEFAULT.sha256)


def test_telemetry_is_off_until_the_last_of_several_downloads_ends_and_then_as_it_was(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    without_telemetry.__enter__()
    without_telemetry.__enter__()
    without_telemetry.__exit__()
    assert constants.HF_HUB_DISABLE_TELEMETRY is True
    without_telemetry.__exit__()
    assert constants.HF_HUB_DISABLE_TELEMETRY is False
