"""The folder list is the architecture: includes and imports point downward only."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPP = ROOT / "src/cpp"
PYTHON = ROOT / "src/python/ortembed"

# Lowest first. A file may include its own layer and those before it.
CPP_LAYERS = ["base", "words", "kernels", "ort", "engine", "binding"]

# Lowest first. A module may import those of the rows before its own; "prepare", "server" and so on stand for folders.
PYTHON_LAYERS = [
    {"_native", "main_interpreter"},
    {"callers", "decimals", "errors", "locks", "responses", "recipe"},
    {
        "backend",
        "compiled_cache",
        "control",
        "counters",
        "duplicates",
        "hardware",
        "instructions",
        "known_words",
        "precision",
        "whole_rows",
    },
    {"progress", "providers", "quality", "truncation"},
    {"partition"},
    {"json_files", "weights"},
    {"modules", "similarity", "tokenizer_settings"},
    {"config", "hub_client", "runtime_library", "tokenizer_classes"},
    {"manifest", "tokenizer"},
    {"known_vectors", "sources", "windows"},
    {"ahead", "model_files"},
    {"hub", "options", "output", "prepared_model"},
    {"cores"},
    {"pipeline"},
    {"background", "encoding", "prepare", "self_test", "tokenization"},
    {"asynchronous", "load_request", "streaming", "token_embeddings", "verdicts"},
    {"coreml_trial"},
    {"loading"},
    {"description"},
    {"embedder"},
    {"__init__"},
    {"bridge", "integrations", "server"},  # the rooms: folders that import the public Embedder, never one another
    {"cli"},  # which starts them
    {"__main__"},
]
# The same inside the folders; a folder in a folder stands for all of its files.
INNER_LAYERS = {}
INNER_LAYERS["prepare"] = [
    {"forms", "graph", "parts", "store", "worker"},
    {"rounded"},
    {"fuse", "onnx_file"},
    {"fuse_worker"},
    {"blocks", "coreml", "int8"},
    {"packed"},
    {"architectures"},
    {"export"},
    {"self_check"},
    {"build"},
    {"request"},
    {"prepared"},
    {"__init__"},
]


INNER_LAYERS["bridge"] = [
    {"calls", "fields", "frame", "lines", "models", "process", "stopping", "streams"},
    {"requests", "supervisor", "vectors"},
    {"choices"},
    {"client", "service"},
    {"__init__"},
]
INNER_LAYERS["integrations"] = [{"__init__", "shared_model"}, {"chroma", "lancedb", "langchain", "llama_index"}]
INNER_LAYERS["server"] = [
    {
        "answers",
        "api_errors",
        "collectors",
        "daemon",
        "interruption",
        "protocol",
        "record",
        "settings",
        "waiting_line",
    },
    {"body", "described", "direct", "inputs", "keys", "logs", "metrics", "queue", "refusals"},
    {"model", "tei_schemas"},
    {"service"},
    {"border", "openai", "operations", "tei"},
    {"app"},
    {"run"},
    {"__init__"},
]
INNER_LAYERS["cli"] = [
    {"accelerator", "arguments", "describe", "machine", "output", "partial", "streams", "target_lock"},
    {"encoding", "formats", "help", "judge"},
    {"content", "transcription"},
    {"job"},
    {"bridge", "completion", "doctor", "embed", "info", "models", "prepare", "search", "serve", "verify"},  # commands
    {"entry"},
    {"__init__"},
]


def rank(layers: list[set[str]], name: str) -> int:
    ranks = [index for index, names in enumerate(layers) if name in names]
    assert ranks, f"{name} has no place in the layers; give it one in this file and in CONTRIBUTING.md"
    return ranks[0]


def upward_includes(path: Path, text: str) -> list[str]:
    layer = CPP_LAYERS.index(path.parts[0])
    included = re.findall(r'#include "([^"/]+)/', text)
    return [name for name in included if CPP_LAYERS.index(name) > layer]


def imported_modules(text: str) -> set[str]:
    """Names below ``ortembed`` that a source imports, anywhere in it: "hub", "prepare.store", "__init__"."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            known = {name for name in submodules if module_exists(name)}
            names |= known or {str(node.module)}
    ours = {name for name in names if name.split(".")[0] == "ortembed"}
    return {name.removeprefix("ortembed").lstrip(".") or "__init__" for name in ours}


def module_exists(name: str) -> bool:
    path = PYTHON.parent / name.replace(".", "/")
    return path.with_suffix(".py").exists() or path.is_dir() or name == "ortembed._native"


def upward_imports(path: Path, text: str) -> list[str]:
    bad = []
    layers = INNER_LAYERS.get(path.parts[0], [])
    own_name = path.parts[0] if len(path.parts) > 1 else path.stem
    for name in imported_modules(text):
        top, _, rest = name.partition(".")
        if layers and top == path.parts[0]:
            own, other = path.parts[1].removesuffix(".py"), rest.partition(".")[0] or "__init__"
            inside_folder = own == other and len(path.parts) > 2  # a folder's own files are one concept
            is_upward = not inside_folder and rank(layers, other) >= rank(layers, own)
        else:
            is_upward = top != own_name and rank(PYTHON_LAYERS, top) >= rank(PYTHON_LAYERS, own_name)
        if is_upward:
            bad.append(name)
    return bad


@pytest.mark.parametrize("path", sorted(p.relative_to(CPP) for p in CPP.rglob("*.[ch]*")), ids=str)
def test_cpp_includes_point_downward(path):
    assert upward_includes(path, (CPP / path).read_text("utf-8")) == []


@pytest.mark.parametrize("path", sorted(p.relative_to(PYTHON) for p in PYTHON.rglob("*.py")), ids=str)
def test_python_imports_point_downward(path):
    assert upward_imports(path, (PYTHON / path).read_text("utf-8")) == []


def test_an_upward_include_is_found():
    assert upward_includes(Path("ort/session.h"), '#include "engine/encoder.h"') == ["engine"]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("hub.py", "from ortembed.embedder import Embedder", ["embedder"]),
        ("hub.py", "def f():\n    import ortembed.prepare.export", ["prepare.export"]),
        ("hub.py", "from ortembed import Embedder", ["__init__"]),
        ("prepare/store.py", "from ortembed.prepare.export import export", ["prepare.export"]),
        ("prepare/export.py", "from ortembed.embedder import Embedder", ["embedder"]),
        ("prepare/blocks/cpu.py", "from ortembed.prepare.architectures import bert", ["prepare.architectures.bert"]),
        ("prepare/blocks/cpu.py", "from ortembed.prepare.blocks.base import Blocks", []),
        ("embedder.py", "from ortembed import hub, cli", ["cli"]),
        ("bridge/service.py", "from ortembed.server.app import start", ["server.app"]),
        ("bridge/service.py", "from ortembed.bridge.lines import read_lines\nfrom ortembed import Embedder", []),
        ("bridge/service.py", "from ortembed.cli.streams import say", ["cli.streams"]),
        ("cli/embed.py", "from ortembed.cli.formats import read\nfrom ortembed import __main__", ["__main__"]),
        ("cli/embed.py", "from ortembed.cli.search import run", ["cli.search"]),
        ("server/queue.py", "from ortembed.server.service import Service", ["server.service"]),
        ("server/app.py", "from ortembed.bridge.service import Bridge", ["bridge.service"]),
    ],
)
def test_an_upward_import_is_found(path, text, found):
    assert upward_imports(Path(path), text) == found


def test_only_the_ort_folder_knows_the_runtime_abi():
    users = {p.relative_to(CPP).parts[0] for p in CPP.rglob("*.[ch]*") if "ort/abi.h" in p.read_text("utf-8")}
    assert users == {"ort"}


def test_only_the_binding_knows_nanobind():
    users = {p.parent.name for p in CPP.rglob("*.[ch]*") if "nanobind" in p.read_text("utf-8")}
    assert users == {"binding"}


def test_files_stay_short():
    sources = [p for d in ("src", "tests", "bench") for e in ("*.py", "*.cpp", "*.h") for p in (ROOT / d).rglob(e)]
    lengths = {str(p.relative_to(ROOT)): len(p.read_text("utf-8").splitlines()) for p in sources}
    assert {name: lines for name, lines in lengths.items() if lines > 300} == {}
