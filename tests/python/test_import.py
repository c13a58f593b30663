"""What an import costs: nothing that only model preparation or another framework needs."""

import pytest

import ortembed
from tests.python.tiny_models import save_bert


def test_import_loads_no_heavy_package(run_python):
    modules = run_python("import ortembed, sys; print(*sys.modules)").split()
    assert "ortembed._native" in modules
    heavy = {"onnxruntime", "onnx", "torch", "transformers", "huggingface_hub", "safetensors"}
    assert heavy & set(modules) == set()


@pytest.mark.parametrize("name", ["all-minilm-l6-v2", "folder"])
def test_a_prepared_model_loads_without_onnx_and_without_the_hub(run_python, embedder, cache_dir, tmp_path, name):
    if name == "folder":
        name = save_bert(tmp_path / "model")
        ortembed.Embedder(name, cache_dir=cache_dir)
    code = """if True:
        import ortembed, sys
        ortembed.Embedder(sys.argv[2], cache_dir=sys.argv[1]).encode('hello')
        print(*sys.modules)
    """
    modules = run_python(code, cache_dir, name).split()
    assert {"onnxruntime", "onnx", "torch", "huggingface_hub", "safetensors"} & set(modules) == set()
