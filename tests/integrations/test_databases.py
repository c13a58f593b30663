"""The databases' own tests, in their environment and where there is no network, with this one's ortembed."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.integrations.environment import PYTHON


def without_network():
    """What to put before a command so that it has no network at all; nothing where this system cannot."""
    for options in ([], ["--map-root-user"]):
        command = ["unshare", "--net", *options]
        if (
            shutil.which("unshare")
            and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
        ):
            return command
    return []


def test_the_databases_work(embedder, cache_dir, tmp_path):
    assert PYTHON.exists(), "the environment of the databases is missing; ./dev test makes it"
    command = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'work'}"]
    done = subprocess.run(
        [*without_network(), *command, "tests/integrations/databases"],
        cwd=ROOT,
        env={**os.environ, "ORTEMBED_CACHE_DIR": str(cache_dir), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can take a network away so simply")
def test_where_there_is_no_network_there_is_none():
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    prefix = without_network()
    if not prefix:
        pytest.skip("this system lets nobody take a network away")
    done = subprocess.run([*prefix, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['lo']\n"


@pytest.mark.parametrize(
    ("module", "package", "imported"),
    [
        ("chroma", "chromadb", "chromadb"),
        ("lancedb", "lancedb", "lancedb"),
        ("langchain", "langchain-core", "langchain_core"),
        ("llama_index", "llama-index-core", "llama_index"),
    ],
)
def test_without_its_package_an_adapter_tells_what_to_install(run_python, module, package, imported):
    with pytest.raises(
        AssertionError, match=rf"ImportError: ortembed.integrations.{module} needs .*pip install {package}\n"
    ):
        run_python(f"import sys; sys.modules[{imported!r}] = None; import ortembed.integrations.{module}")


def test_ortembed_imports_no_adapter(run_python):
    assert "ortembed.integrations" not in run_python("import ortembed, sys; print(*sys.modules)").split()
