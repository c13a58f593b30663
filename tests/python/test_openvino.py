"""A real provider beside the CPU's: the runtime's build with OpenVINO, in processes of their own."""

import sys

import numpy as np
import pytest

from tests.other_runtimes import APART

LOAD = """
import sys
import numpy as np
import ortembed
texts = np.load(sys.argv[1]).tolist()
providers = [ortembed.Provider("openvino", {"device_type": "CPU"}), "cpu"]
embedder = ortembed.Embedder(cache_dir=sys.argv[2], local_files_only=True, providers=providers)
np.save(sys.argv[3], embedder.encode(texts))
print(*embedder.model_info().providers)
for partition in embedder.provider_report().partitions.values():
    print(partition.parts, *partition.nodes)
"""
FAIL = """
import sys
import ortembed
provider = ortembed.Provider("openvino", {"device_type": "no such device"})
try:
    ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True, providers=provider)
except ortembed.ProviderUnavailableError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def package():
    if sys.platform == "win32":
        pytest.skip("its wheel for Windows leaves OpenVINO itself out")
    folder = APART / "openvino"
    assert folder.exists(), "onnxruntime-openvino is missing; ./dev test installs it"
    if not any(folder.iterdir()):
        pytest.skip("onnxruntime-openvino has no wheel for this Python")
    return folder


def test_the_vectors_are_the_references(run_python, package, golden, tmp_path):
    np.save(tmp_path / "texts.npy", golden[0]["texts"][:50])
    files = (tmp_path / "texts.npy", tmp_path / "cache", tmp_path / "vectors.npy")
    told = run_python(LOAD, *map(str, files), PYTHONPATH=str(package), HF_HUB_OFFLINE="1")
    assert told.splitlines() == [
        "OpenVINOExecutionProvider CPUExecutionProvider",
        "1 OpenVINOExecutionProvider",
    ]
    np.testing.assert_allclose(np.load(files[2]), golden[1]["normalized"][:50], rtol=0, atol=1e-5)


def test_an_option_that_it_cannot_use_is_an_error_with_its_name(run_python, package, tmp_path):
    told = run_python(FAIL, str(tmp_path), PYTHONPATH=str(package), HF_HUB_OFFLINE="1")
    assert told.startswith("OpenVINOExecutionProvider cannot be used for 'all-minilm-l6-v2': ")
