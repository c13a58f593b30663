"""What a hub, a network or a disk that fails turns into: an error that says what to do, and nothing half done."""

from __future__ import annotations

import hashlib
import json
import os
import threading

import pytest

from ortembed.manifest import manifests
from tests.python.hub_loading import COMMIT, REPO, Machine
from tests.python.hub_server import HubServer, StorageServer

DEFAULT = manifests()["all-minilm-l6-v2"]
TOKEN = "hf_aTokenThatNobodyElseMayHave"  # noqa: S105 - a stand-in
WEIGHTS = f"/{REPO}/resolve/{COMMIT}/model.safetensors"


@pytest.fixture
def small_default(tmp_path):
    """A hub and a manifest's hashes that agree, under the default model's name but without its size."""
    names = ["config.json", "tokenizer.json"]
    files = {name: json.dumps({"content of": name}).encode() for name in names}
    with HubServer(DEFAULT.hub_id, DEFAULT.revision, files) as server:
        yield server, Machine(tmp_path, server.endpoint), {n: sha256(files[n]) for n in names}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("cut", ["close", "reset"])
def test_a_connection_dropped_once_is_taken_up_where_it_broke_off(machine, hub, cut):
    hub.cut, hub.cuts_left = cut, 3
    machine.find(pauses=False).assert_found(hub.files)
    assert list(machine.blobs.glob("*.incomplete")) == []


@pytest.mark.parametrize("cut", ["close", "reset"])
def test_a_connection_dropped_again_and_again_leaves_no_half_file(machine, hub, cut):
    hub.cut = cut
    machine.find(pauses=False).assert_failed("ModelNotFoundError", REPO)
    machine.find(local_files_only=True).assert_failed("ModelNotFoundError", REPO)
    hub.cut = None
    machine.find().assert_found(hub.files)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ((401, "RepoNotFound", {}), ["no such repository", "HF_TOKEN"]),
        ((404, "RepoNotFound", {}), ["no such repository", "HF_TOKEN"]),
        ((401, "GatedRepo", {}), ["gated", "HF_TOKEN"]),
        ((403, "GatedRepo", {}), ["gated", "HF_TOKEN"]),
        ((404, "RevisionNotFound", {}), ["main", "404"]),
        ((500, "", {}), ["500"]),
        ((503, "", {}), ["503"]),
    ],
)
def test_a_refusal_is_told(machine, hub, refusal, words):
    hub.refusal = refusal
    machine.find(revision="main", pauses=False).assert_failed("ModelNotFoundError", REPO, *words)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("headers", [{"Retry-After": 3600}, {"RateLimit": '"resolvers";r=0;t=299'}])
def test_a_long_pause_that_the_hub_asks_for_is_told_and_not_slept_through(machine, hub, method, headers):
    """huggingface_hub would wait as long as it is told, five times over."""
    hub.refusal, hub.refused_method = (429, "", headers), method
    seconds = "3600" if "Retry-After" in headers else "299"
    machine.find().assert_failed("ModelNotFoundError", REPO, "429", f"try again in {seconds} s")
    hub.refusal = None
    machine.find().assert_found(hub.files)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_short_pause_that_the_hub_asks_for_is_kept(machine, hub, method):
    hub.refusal, hub.refused_method, hub.refusals_left = (429, "", {"Retry-After": 1}), method, 2
    machine.find(pauses=False).assert_found(hub.files)
    assert hub.refusals_left == 0


def test_a_hub_that_keeps_asking_for_short_pauses_is_told(machine, hub):
    hub.refusal = (429, "", {"Retry-After": 7})
    machine.find(pauses=False).assert_failed("ModelNotFoundError", "429", "try again in 7 s")


def test_wrong_bytes_are_named(small_default):
    hub, machine, hashes = small_default
    hub.garbled = {"config.json"}
    outcome = machine.find(DEFAULT.name, sha256=hashes)
    wrong = sha256(bytes(byte ^ 1 for byte in hub.files["config.json"]))
    outcome.assert_failed("IntegrityError", "config.json", hashes["config.json"], wrong)
    assert len(hub.downloads()) == 2  # once more, and no more


def test_a_file_that_is_damaged_in_the_cache_is_downloaded_once_more(small_default):
    hub, machine, hashes = small_default
    hub.garbled = {"config.json"}
    machine.find(DEFAULT.name, sha256=hashes).assert_failed("IntegrityError")
    hub.garbled = set()
    hub.requests.clear()
    machine.find(DEFAULT.name, sha256=hashes, local_files_only=True).assert_failed("IntegrityError", "delete")
    assert hub.requests == []
    machine.find(DEFAULT.name, sha256=hashes).assert_found(hub.files, hashes)
    machine.find(DEFAULT.name, sha256=hashes, local_files_only=True).assert_found(hub.files, hashes)
    assert sorted(path.rpartition("/")[2] for path in hub.downloads()) == ["config.json", "tokenizer.json"]


def test_two_processes_that_download_at_once_download_once(machine, hub):
    """The first is held in the middle of the weights until the second has asked for them too."""
    asked = threading.Semaphore(0)
    hub.on_request = lambda method, name: (method, name) == ("HEAD", "model.safetensors") and asked.release()
    both_asked = threading.Event()

    def hold():
        if not both_asked.is_set() and WEIGHTS in hub.downloads():
            for _ in range(2):
                assert asked.acquire(timeout=30)
            both_asked.set()

    hub.on_chunk = hold
    both = [machine.begin() for _ in range(2)]
    for each in both:
        each.outcome().assert_found(hub.files)
    assert sorted(hub.downloads()) == sorted(set(hub.downloads()))


@pytest.mark.parametrize("place", ["variable", "file"])
def test_a_token_opens_a_private_repository_and_goes_nowhere_else(machine, hub, place):
    hub.token = f"Bearer {TOKEN}"
    machine.find().assert_failed("ModelNotFoundError", "HF_TOKEN")
    environment = {"HF_TOKEN": TOKEN, "HF_DEBUG": "1"} if place == "variable" else {"HF_DEBUG": "1"}
    if place == "file":
        (machine.home / "hf").mkdir()
        (machine.home / "hf/token").write_text(TOKEN, "utf-8")
    with StorageServer() as hub.storage:
        outcome = machine.find(environment=environment)
        outcome.assert_found(hub.files)
        assert hub.storage.downloads() == ["/stored/model.safetensors"]
        assert set(hub.storage.authorizations) == {None}
    assert TOKEN not in outcome.printed
    hub.refusal = (403, "GatedRepo", {})
    refused = Machine(machine.home / "other", hub.endpoint).find(environment={"HF_TOKEN": TOKEN, "HF_DEBUG": "1"})
    refused.assert_failed("ModelNotFoundError")
    assert TOKEN not in refused.message + refused.printed


def test_a_cache_that_cannot_be_written_to_is_told(machine, hub):
    (machine.home / "hf").write_text("not a folder", "utf-8")
    machine.find().assert_failed("ModelLoadError", str(machine.home / "hf"), "HF_HOME")


@pytest.mark.skipif(os.name == "nt", reason="a process can bound the size of its files on POSIX only")
def test_a_disk_that_takes_no_more_is_told(machine, hub):
    """A bound on the size of files stands in for a full disk: the write fails half-way."""
    outcome = machine.find(largest_file=len(hub.files["model.safetensors"]) // 2)
    outcome.assert_failed("ModelLoadError", "model.safetensors", str(machine.home / "hf"), "HF_HOME")
    assert list(machine.blobs.glob("*.incomplete")) == []
    machine.find().assert_found(hub.files)


def test_what_a_killed_download_left_is_deleted_once_nothing_writes_to_it(machine, hub):
    """Of the names that no later download continues; huggingface_hub itself leaves them for good."""
    machine.blobs.mkdir(parents=True)
    kept = {"e0.0a1b2c3d.incomplete": False, "e1.incomplete": True, "e2": True, "e3.0a1b2c3d.incomplete": True}
    for name in kept:
        (machine.blobs / name).write_bytes(b"half")
        if not name.startswith("e3"):  # which was written to just now
            os.utime(machine.blobs / name, (0, 0))
    machine.find().assert_found(hub.files)
    assert {name: (machine.blobs / name).exists() for name in kept} == kept
