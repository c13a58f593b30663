"""What an import costs: nothing that only model preparation or another framework needs."""


def test_import_loads_no_heavy_package(run_python):
    modules = run_python("import ortembed, sys; print(*sys.modules)").split()
    assert "ortembed._native" in modules
    heavy = {"onnxruntime", "onnx", "torch", "transformers", "huggingface_hub", "safetensors"}
    assert heavy & set(modules) == set()


def test_a_prepared_model_loads_without_onnx_and_without_the_hub(run_python, embedder, cache_dir):
    code = "import ortembed, sys; ortembed.Embedder(cache_dir=sys.argv[1]).encode('x'); print(*sys.modules)"
    modules = run_python(code, cache_dir).split()
    assert {"onnxruntime", "onnx", "torch", "huggingface_hub", "safetensors"} & set(modules) == set()
