"""The pipeline of sentence-transformers' modules.json: pooling and what comes after it, and the files they need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError
from ortembed.json_files import check_flag, check_integer, read_json, read_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

MODULES = "modules.json"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"

# The keys of a pooling config's older form, and the mode that each switches on; in the order of concatenation.
_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_POOLING_KEYS = {*_POOLING_FLAGS, "pooling_mode", "include_prompt", "embedding_dimension", "word_embedding_dimension"}
# Class names of torch.nn, and what the engine calls them.
_ACTIVATIONS = {
    "Identity": "identity",
    "Tanh": "tanh",
    "ReLU": "relu",
    "GELU": "gelu",
    "Sigmoid": "sigmoid",
    "SiLU": "silu",
}
_LAYER_NORM_EPSILON = 1e-5  # torch.nn.LayerNorm's; the module's config has none
_SENTENCE = "sentence_embedding"

# What each kind of module after the Transformer has in its folder.
_FILES = {
    "Pooling": (CONFIG,),
    "Dense": (CONFIG, WEIGHTS),
    "LayerNorm": (CONFIG, WEIGHTS),
    "Normalize": (CONFIG,),
    "Dropout": (),
}


@dataclass(frozen=True)
class HeadStep:
    """One step between pooling and the final vector."""

    kind: str  # "dense", "layer_norm" or "normalize"
    folder: str = ""
    in_features: int = 0
    out_features: int = 0
    bias: bool = False
    activation: str = "identity"  # of a dense step: identity, tanh, relu, gelu, sigmoid or silu
    epsilon: float = 0.0  # of a layer_norm step


@dataclass(frozen=True)
class Pipeline:
    """What follows the encoder."""

    pooling: tuple[str, ...] = ("mean",)  # in the order of concatenation
    include_prompt: bool = True
    head: tuple[HeadStep, ...] = ()
    normalize: bool = False  # whether the last step is normalization


@dataclass(frozen=True)
class _Module:
    kind: str
    folder: str


def transformer_folder(modules: Any) -> str:  # noqa: ANN401
    """Give the folder of the Transformer's files, of a parsed modules.json; empty for the top of the repository.

    Raises:
        ModelLoadError: The list is not one that ortembed can load.
    """
    return _parse(modules)[0].folder


def module_files(modules: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Give the names of the files that the modules after the Transformer read, of a parsed modules.json.

    A repository may lack some that the pipeline can do without; read_pipeline and head_weights tell which it cannot.

    Raises:
        ModelLoadError: The list is not one that ortembed can load, or names a folder outside the model.
    """
    return tuple(
        f"{module.folder}/{name}" for module in _parse(modules)[1:] if module.folder for name in _FILES[module.kind]
    )


def read_pipeline(files: Mapping[str, Path]) -> Pipeline:
    """Read what follows the encoder from a model's files; without a modules.json that is mean pooling.

    Raises:
        ModelLoadError: A file is missing or malformed, or asks for something that ortembed does not do.
    """
    if MODULES not in files:
        return Pipeline()
    modules = _parse(read_json(files[MODULES]))
    pooling, include_prompt = _read_pooling(_config(files, modules[1]), files[f"{modules[1].folder}/{CONFIG}"])
    head = [_read_step(files, module) for module in modules[2:] if module.kind != "Dropout"]  # one acts in training
    normalize = bool(head) and head[-1].kind == "normalize"
    return Pipeline(pooling, include_prompt, tuple(head[:-1] if normalize else head), normalize)


def head_weights(step: HeadStep, files: Mapping[str, Path]) -> dict[str, npt.NDArray[np.float32]]:
    """Read the weights of a step, from the model.safetensors in its folder.

    Returns:
        float32 arrays: of a dense step "weight" [out_features, in_features] and, where it has one, "bias"
        [out_features]; of a layer_norm step "scale" and "bias" [in_features]; of a normalize step none.

    Raises:
        ModelLoadError: The file is missing or not safetensors, or a tensor is missing, of another shape or dtype,
            or not finite.
    """
    if step.kind == "normalize":
        return {}
    name = f"{step.folder}/{WEIGHTS}"
    if name not in files:
        raise ModelLoadError(
            f"the model has no {name}. Where it has {step.folder}/pytorch_model.bin instead: that is a pickle, which "
            "could run code and is never read; save the model anew with safe_serialization=True"
        )
    shapes: dict[str, tuple[int, ...]]
    if step.kind == "dense":
        shapes = {"linear.weight": (step.out_features, step.in_features)}
        if step.bias:
            shapes["linear.bias"] = (step.out_features,)
        return _read_tensors(files[name], shapes, {"linear.weight": "weight", "linear.bias": "bias"})
    shapes = {"norm.weight": (step.in_features,), "norm.bias": (step.in_features,)}
    return _read_tensors(files[name], shapes, {"norm.weight": "scale", "norm.bias": "bias"})


def _read_tensors(
    path: Path, shapes: Mapping[str, tuple[int, ...]], names: Mapping[str, str]
) -> dict[str, npt.NDArray[np.float32]]:
    """Read exactly the tensors that shapes names; give them by the names that names gives them."""
    from ortembed.weights import open_weights  # noqa: PLC0415 - most models have no weights after the encoder

    with open_weights([path]) as weights:
        if weights.names != shapes.keys():
            raise ModelLoadError(f"{path} has the tensors {sorted(weights.names)}, not {sorted(shapes)}")
        return {names[name]: weights.get(name, shape).copy() for name, shape in shapes.items()}


def _parse(modules: Any) -> list[_Module]:  # noqa: ANN401
    if not isinstance(modules, list) or not all(isinstance(m, dict) and "type" in m for m in modules):
        raise ModelLoadError(f"{MODULES} is not a list of modules with a type each")
    names = [str(module["name"]) for module in modules if "name" in module]
    if len(set(names)) != len(names):
        raise ModelLoadError(f"{MODULES} gives one name to several modules: {', '.join(names)}")
    parsed = [_Module(_kind(module), _folder(module)) for module in modules]
    kinds = [module.kind for module in parsed]
    if kinds[:2] != ["Transformer", "Pooling"] or not set(kinds[2:]) <= _FILES.keys() - {"Pooling"}:
        raise ModelLoadError(
            f"{MODULES} chains {', '.join(kinds) or 'nothing'}; ortembed does Transformer, Pooling and then any of "
            "Dense, LayerNorm and Normalize"
        )
    for module in parsed[1:]:
        if (not module.folder and WEIGHTS in _FILES[module.kind]) or (module.kind == "Pooling" and not module.folder):
            raise ModelLoadError(f"{MODULES} gives the {module.kind} module no folder of its own")
    return parsed


def _kind(module: dict[str, Any]) -> str:
    """Give the class name: sentence_transformers.models.Pooling, and the longer newer path, are both Pooling."""
    path = str(module["type"])
    if not path.startswith("sentence_transformers."):
        raise ModelLoadError(f"{MODULES} names {path!r}; code from a model repository is never run")
    return path.rsplit(".", 1)[-1]


def _folder(module: dict[str, Any]) -> str:
    """Give a module's folder in one spelling, empty for the top; refuse one that is outside the model."""
    path = module.get("path", "")
    if not isinstance(path, str):
        raise ModelLoadError(f"{MODULES} has the path {path!r}, which is not a text")
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or "\\" in path or "\0" in path or PureWindowsPath(path).drive:
        raise ModelLoadError(f"{MODULES} names {path!r}, which is outside the model")
    return "/".join(parts)


def _config(files: Mapping[str, Path], module: _Module) -> dict[str, Any]:
    name = f"{module.folder}/{CONFIG}"
    if name not in files:
        raise ModelLoadError(f"{files[MODULES]} asks for {name}, which is missing")
    return read_object(files, name)


def _read_pooling(config: dict[str, Any], path: Path) -> tuple[tuple[str, ...], bool]:
    if unknown := sorted(config.keys() - _POOLING_KEYS):
        raise ModelLoadError(f"{path}: {', '.join(unknown)} is not a setting of pooling that ortembed knows")
    include_prompt = check_flag(config.get("include_prompt", True), "include_prompt", path)
    if "pooling_mode" not in config:
        modes = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)]
        return tuple(modes) or ("mean",), include_prompt
    written = config["pooling_mode"]
    modes = [written] if isinstance(written, str) else written
    if not isinstance(modes, list) or not modes or not all(isinstance(mode, str) for mode in modes):
        raise ModelLoadError(f"{path}: pooling_mode is {written!r}, neither a name nor a list of names")
    for mode in modes:
        if mode not in _POOLING_FLAGS.values():
            raise ModelLoadError(
                f"{path}: unknown pooling mode {mode!r}; there are {', '.join(_POOLING_FLAGS.values())}"
            )
    return tuple(modes), include_prompt


def _read_step(files: Mapping[str, Path], module: _Module) -> HeadStep:
    if module.kind == "Normalize":  # older ones have no config
        _check_names(read_object(files, f"{module.folder}/{CONFIG}") if module.folder else {}, module)
        return HeadStep("normalize")
    config = _config(files, module)
    where = files[f"{module.folder}/{CONFIG}"]
    if module.kind == "LayerNorm":
        width = check_integer(config.get("dimension"), "dimension", where)
        return HeadStep("layer_norm", module.folder, width, width, bias=True, epsilon=_LAYER_NORM_EPSILON)
    _check_names(config, module)
    if config.get("use_residual", False) is not False:
        raise ModelLoadError(f"{where}: use_residual is not supported")
    return HeadStep(
        "dense",
        module.folder,
        check_integer(config.get("in_features"), "in_features", where),
        check_integer(config.get("out_features"), "out_features", where),
        bias=check_flag(config.get("bias", True), "bias", where),
        activation=_activation(config.get("activation_function", "torch.nn.Tanh"), where),
    )


def _check_names(config: dict[str, Any], module: _Module) -> None:
    """Refuse a module that reads or writes something else than the sentence's vector."""
    for key in ("module_input_name", "module_output_name"):
        if config.get(key) not in (None, _SENTENCE):
            raise ModelLoadError(f"{module.folder}/{CONFIG}: {key} is {config[key]!r}; ortembed does {_SENTENCE!r}")


def _activation(path: object, where: Path) -> str:
    name = path.rsplit(".", 1)[-1] if isinstance(path, str) and path.startswith("torch.nn.") else None
    if name not in _ACTIVATIONS:
        known = ", ".join(_ACTIVATIONS)
        raise ModelLoadError(f"{where}: activation_function is {path!r}; ortembed does torch.nn's {known}")
    return _ACTIVATIONS[name]
