"""Kill -9 at random points of preparation and of a download: the next start works and leaves no litter."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.python.hub_loading import COMMIT, REPO, Machine, tiny_bert
from tests.python.hub_server import HubServer
from tests.python.tiny_models import BERT_CONFIG, bert_weights, save_bert

SEED = 20261122
PREPARATIONS, DOWNLOADS = 20, 10
CONFIG = BERT_CONFIG | {
    "hidden_size": 96,
    "intermediate_size": 384,
    "num_hidden_layers": 3,
    "vocab_size": 2000,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that takes long enough to prepare for a kill to fall inside."""
    return save_bert(tmp_path_factory.mktemp("model"), config=CONFIG, weights=bert_weights(CONFIG))


def seconds_of_preparation(machine, model):
    started = machine.begin_to_prepare(str(model))
    started.wait_until_at_work()
    began = time.monotonic()
    assert started.outcome().error is None
    return time.monotonic() - began


def test_a_preparation_that_is_killed(tmp_path, model):
    nowhere = "http://127.0.0.1:9"  # a folder asks no hub
    undisturbed = Machine(tmp_path / "undisturbed", nowhere)
    seconds = seconds_of_preparation(undisturbed, model)
    expected = undisturbed.load(str(model)).vector
    assert np.linalg.norm(expected) > 0

    def trial(number_and_fraction):
        """Tell whether the kill left something half made."""
        number, fraction = number_and_fraction
        machine = Machine(tmp_path / str(number), nowhere)
        killed = machine.begin_to_prepare(str(model))
        killed.wait_until_at_work()
        time.sleep(fraction * seconds)
        killed.kill()
        killed.join()
        half_made = entries(machine, ".")
        again = machine.load(str(model))
        assert again.vector == expected, f"trial {number} of seed {SEED}, killed at {fraction:.3f}: {again}"
        assert again.printed == ""  # a warning would mean that something half made was taken for complete
        assert entries(machine, ".") == []
        assert len(entries(machine, "")) == 1
        return half_made != []

    randomness = random.Random(SEED)  # noqa: S311 - not for secrets
    with ThreadPoolExecutor(2) as pool:
        left_half_made = list(pool.map(trial, enumerate(randomness.random() for _ in range(PREPARATIONS))))
    assert any(left_half_made)  # else nothing was interrupted


def entries(machine, part):
    folder = machine.home / "prepared/prepared"
    return [path.name for path in folder.glob("*") if part in path.name]


def test_a_download_that_is_killed(tmp_path, model):
    files = tiny_bert(tmp_path / "small") | {"model.safetensors": (model / "model.safetensors").read_bytes()}
    randomness = random.Random(SEED)  # noqa: S311
    left_half_made = 0
    with HubServer(REPO, COMMIT, files) as hub:
        undisturbed, chunks = Machine(tmp_path / "undisturbed", hub.endpoint), []
        hub.on_chunk = lambda: chunks.append(None)
        expected = undisturbed.find()
        expected.assert_found(files)
        for trial in range(DOWNLOADS):
            machine = Machine(tmp_path / str(trial), hub.endpoint)
            last = randomness.randrange(len(chunks))
            kill_after(hub, last, machine.begin())
            for path in machine.blobs.glob("*.incomplete"):
                left_half_made += 1
                os.utime(path, (0, 0))  # as if the next start came later
            again = machine.find()
            assert again == expected, f"trial {trial} of seed {SEED}, killed after chunk {last} of {len(chunks)}"
            assert list(machine.blobs.glob("*.incomplete")) == []
    assert left_half_made > 0


def kill_after(hub, chunks, started):
    """Kill a process when the hub has sent it so many chunks."""
    left = [None] * chunks

    def count():
        if left:
            left.pop()
        else:
            started.kill()

    hub.on_chunk = count
    started.join()
    hub.on_chunk = None
