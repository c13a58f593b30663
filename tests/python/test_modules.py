"""modules.json: the order of a pipeline, the files that it needs, what each module says."""

import json

import pytest

from ortembed import ModelLoadError
from ortembed.modules import HeadStep, Pipeline, module_files, read_pipeline, transformer_folder

OLD = "sentence_transformers.models."
NEW = "sentence_transformers.base.modules."
DENSE = {"in_features": 4, "out_features": 2, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}


def chain(*kinds, transformer=""):
    folders = [transformer, *(f"{i}_{kind}" for i, kind in enumerate(kinds) if i)]
    modules = zip(kinds, folders, strict=True)
    return [{"idx": i, "name": str(i), "path": path, "type": OLD + kind} for i, (kind, path) in enumerate(modules)]


POOLED = chain("Transformer", "Pooling")


@pytest.fixture
def write(tmp_path):
    def write(contents):
        files = {name: tmp_path / name.replace("/", "_") for name in contents}
        for name, content in contents.items():
            files[name].write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return files

    return write


@pytest.fixture
def read(write):
    def read(modules, **configs):
        named = {name.replace("__", "/") + "/config.json": config for name, config in configs.items()}
        return read_pipeline(write({"modules.json": modules, "1_Pooling/config.json": {}, **named}))

    return read


def with_dense(read, **config):
    return read(chain("Transformer", "Pooling", "Dense"), **{"2_Dense": {**DENSE, **config}})


def test_the_files_of_a_pipeline_are_named():
    modules = chain(
        "Transformer", "Pooling", "Dense", "LayerNorm", "Dropout", "Normalize", transformer="0_Transformer"
    )
    assert transformer_folder(modules) == "0_Transformer"
    assert module_files(modules) == (
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
        "3_LayerNorm/config.json",
        "3_LayerNorm/model.safetensors",
        "5_Normalize/config.json",
    )


def test_a_normalize_module_needs_no_folder():
    modules = [*POOLED, {"type": OLD + "Normalize", "path": ""}]
    assert (transformer_folder(modules), module_files(modules)) == ("", ("1_Pooling/config.json",))


@pytest.mark.parametrize("written", ["./1_Pooling", "1_Pooling/", "1_Pooling", ".//1_Pooling//"])
def test_a_folder_is_known_however_it_is_written(written):
    assert module_files([POOLED[0], {**POOLED[1], "path": written}]) == ("1_Pooling/config.json",)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc", "..", "a\\b", "C:x", "C:/x", "x\0y", "\\\\host\\x"])
@pytest.mark.parametrize("index", [0, 1])
def test_a_folder_outside_the_model_is_refused(path, index):
    modules = [{**module, "path": path} if i == index else module for i, module in enumerate(POOLED)]
    for function in (transformer_folder, module_files):
        with pytest.raises(ModelLoadError, match="outside the model"):
            function(modules)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({}, "modules.json is not a list of modules"),
        ([{"path": ""}], "modules.json is not a list of modules"),
        (["Transformer"], "modules.json is not a list of modules"),
        ([], "chains nothing;"),
        (chain("Transformer"), "chains Transformer;"),
        (chain("Pooling", "Transformer"), "chains Pooling, Transformer;"),
        (chain("Transformer", "Pooling", "Pooling"), "chains Transformer, Pooling, Pooling;"),
        (chain("Transformer", "Dense", "Pooling"), "chains Transformer, Dense, Pooling;"),
        (chain("Transformer", "Pooling", "CNN"), "chains Transformer, Pooling, CNN;"),
        *((chain(kind), f"chains {kind};") for kind in ("Router", "StaticEmbedding", "WordEmbeddings", "BoW")),
        (
            [POOLED[0], {**POOLED[1], "type": "evil.code.Pooling"}],
            "'evil.code.Pooling'; code from a model",
        ),
        ([POOLED[0], {**POOLED[1], "path": ""}], "the Pooling module no folder of its own"),
        ([*POOLED, {"type": OLD + "Dense", "path": "."}], "the Dense module no folder of its own"),
        ([POOLED[0], {**POOLED[1], "path": 3}], "the path 3, which is not a text"),
        ([POOLED[0], {**POOLED[1], "name": "0"}], "one name to several modules: 0, 0"),
    ],
)
def test_a_chain_that_cannot_be_done_is_named(modules, message):
    for function in (transformer_folder, module_files):
        with pytest.raises(ModelLoadError, match=message):
            function(modules)


def test_without_modules_there_is_mean_pooling():
    assert read_pipeline({}) == Pipeline(("mean",), include_prompt=True, head=(), normalize=False)


@pytest.mark.parametrize(
    "types",
    [
        [OLD + "Transformer", OLD + "Pooling", OLD + "Normalize"],
        [
            NEW + "transformer.Transformer",
            "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
            NEW + "normalize.Normalize",
        ],
    ],
)
@pytest.mark.parametrize(
    ("config", "modes"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, ["mean"]),
        ({"pooling_mode_cls_token": True}, ["cls"]),
        ({"pooling_mode_max_tokens": True}, ["max"]),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, ["mean_sqrt_len_tokens"]),
        ({"pooling_mode_weightedmean_tokens": True}, ["weightedmean"]),
        ({"pooling_mode_lasttoken": True, "include_prompt": True}, ["lasttoken"]),
        ({"pooling_mode_mean_tokens": False}, ["mean"]),
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": True}, ["mean", "lasttoken"]),
        ({"pooling_mode": "cls", "embedding_dimension": 384}, ["cls"]),
        ({"pooling_mode": ["lasttoken"]}, ["lasttoken"]),
        ({"pooling_mode": ["mean", "cls"]}, ["mean", "cls"]),
        ({"pooling_mode": "cls", "pooling_mode_mean_tokens": True}, ["cls"]),
    ],
)
def test_pooling_is_read_in_both_forms(read, types, config, modes):
    modules = [{"path": path, "type": t} for t, path in zip(types, ["", "1_Pooling", "2_Normalize"], strict=True)]
    assert read(modules, **{"1_Pooling": config}) == Pipeline(tuple(modes), normalize=True)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"pooling_mode": 3}, "pooling_mode is 3, neither a name nor a list of names"),
        ({"pooling_mode": []}, r"pooling_mode is \[\], neither"),
        ({"pooling_mode": None}, "pooling_mode is None, neither"),
        ({"pooling_mode": "median"}, "unknown pooling mode 'median'"),
        ({"include_prompt": "no"}, "include_prompt is 'no', neither true nor false"),
        ({"pooling_mode_attention": True}, "pooling_mode_attention is not a setting of pooling"),
        ("[]", "is not a JSON object"),
    ],
)
def test_pooling_that_cannot_be_done_is_named(read, config, message):
    with pytest.raises(ModelLoadError, match=message):
        read(POOLED, **{"1_Pooling": config})


def test_a_config_that_is_missing_is_named(write):
    with pytest.raises(ModelLoadError, match="asks for 1_Pooling/config.json, which is missing"):
        read_pipeline(write({"modules.json": POOLED}))


def test_the_steps_after_pooling_are_read_in_their_order(read):
    modules = chain("Transformer", "Pooling", "Dense", "Normalize", "LayerNorm", "Dropout", "Normalize")
    pipeline = read(
        modules, **{"1_Pooling": {"include_prompt": False}, "2_Dense": DENSE, "4_LayerNorm": {"dimension": 2}}
    )
    assert pipeline == Pipeline(
        ("mean",),
        include_prompt=False,
        head=(
            HeadStep("dense", "2_Dense", 4, 2, bias=True, activation="tanh"),
            HeadStep("normalize"),
            HeadStep("layer_norm", "4_LayerNorm", 2, 2, bias=True, epsilon=1e-5),
        ),
        normalize=True,
    )


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("torch.nn.modules.linear.Identity", "identity"),
        ("torch.nn.modules.activation.Tanh", "tanh"),
        ("torch.nn.modules.activation.ReLU", "relu"),
        ("torch.nn.modules.activation.GELU", "gelu"),
        ("torch.nn.Sigmoid", "sigmoid"),
        ("torch.nn.modules.activation.SiLU", "silu"),
    ],
)
def test_activations_are_read(read, written, name):
    assert with_dense(read, activation_function=written).head[0].activation == name


def test_a_dense_module_has_tanh_and_a_bias_unless_it_says_otherwise(read):
    modules = chain("Transformer", "Pooling", "Dense")
    step = read(modules, **{"2_Dense": {"in_features": 4, "out_features": 2}}).head[0]
    assert (step.activation, step.bias) == ("tanh", True)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"activation_function": "torch.nn.modules.activation.Softmax"},
            "Softmax'; ortembed does torch.nn's",
        ),
        ({"activation_function": "mine.Tanh"}, "activation_function is 'mine.Tanh'"),
        ({"activation_function": None}, "activation_function is None"),
        ({"in_features": 0}, "in_features is 0, not an integer"),
        ({"out_features": "2"}, "out_features is '2', not an integer"),
        ({"bias": 1}, "bias is 1, neither true nor false"),
        ({"use_residual": True}, "use_residual is not supported"),
        ({"module_input_name": "token_embeddings"}, "module_input_name is 'token_embeddings'"),
        ({"module_output_name": "other"}, "module_output_name is 'other'"),
    ],
)
def test_a_dense_module_that_cannot_be_done_is_named(read, config, message):
    with pytest.raises(ModelLoadError, match=message):
        with_dense(read, **config)


def test_normalization_of_something_else_is_refused(read):
    config = {"module_input_name": "token_embeddings"}
    with pytest.raises(ModelLoadError, match="2_Normalize/config.json: module_input_name is 'token_embeddings'"):
        read(chain("Transformer", "Pooling", "Normalize"), **{"2_Normalize": config})
