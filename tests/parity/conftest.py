"""Fixtures of several files: random models of each family, with what transformers computes from them."""

import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory, run_reference):
    """A folder with the files of each case, and what transformers computes from them."""
    folder = tmp_path_factory.mktemp("architectures")
    run_reference("architectures", folder)
    return folder
