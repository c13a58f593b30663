"""Fixtures of the tests that load models from a hub: a real server on the loopback interface, and who asks it."""

import pytest

from tests.python.hub_loading import COMMIT, REPO, Machine, tiny_bert
from tests.python.hub_server import HubServer


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("model"))


@pytest.fixture
def hub(files):
    with HubServer(REPO, COMMIT, dict(files)) as server:
        yield server


@pytest.fixture
def machine(tmp_path, hub):
    return Machine(tmp_path, hub.endpoint)
