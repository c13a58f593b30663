"""Finding and loading a model in a process of its own, as on a machine that keeps its caches in one folder.

huggingface_hub reads its variables at import, so each time is a new process. They are forked from one that has
imported the rest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.python.tiny_models import save_bert

if TYPE_CHECKING:
    from pathlib import Path

REPO = "someone/tiny-bert"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
POOLING = json.dumps({"pooling_mode_mean_tokens": True}).encode()
_NOT_NEEDED = ("pytorch_model.bin", "model.py", "modeling_own.py", "README.md", "onnx/model.onnx", "model.pkl")
_NOT_INHERITED = re.compile(
    "(HF|HUGGING|TRANSFORMERS|ORTEMBED).*|.*_PROXY|CI|DO_NOT_TRACK|DISABLE_TELEMETRY", re.IGNORECASE
)
_CONTEXT = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
_CONTEXT.set_forkserver_preload(["pytest", "ortembed.prepare", "httpx", "httpx2", "tqdm.auto", "yaml", __name__])


def modules(pooling: str = "1_Pooling", transformer: str = "") -> bytes:
    kinds = {"Transformer": transformer, "Pooling": pooling}
    chain = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in kinds.items()]
    return json.dumps(chain).encode()


def tiny_bert(folder: Path) -> dict[str, bytes]:
    """Give the files of a model that has no manifest, and of those that its repository has besides."""
    names = ("config.json", "tokenizer.json", "model.safetensors")
    save_bert(folder)
    files = {name: (folder / name).read_bytes() for name in names}
    files |= {"modules.json": modules(), "1_Pooling/config.json": POOLING}
    return files | dict.fromkeys(_NOT_NEEDED, b"not needed")


@dataclass(frozen=True)
class Outcome:
    """What came of it: an error, a vector, or the sha256 of each file that was found; and what was printed."""

    error: str | None = None
    message: str = ""
    vector: list[float] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    printed: str = field(default="", compare=False)

    def assert_loaded(self, dimension):
        assert self.error is None, self.message
        assert len(self.vector) == dimension
        assert 0 < np.linalg.norm(self.vector) < np.inf

    def assert_found(self, files: dict[str, bytes], names=None):
        """Check that these files were found, of these or exactly these names, with this content."""
        assert self.error is None, self.message
        expected = {name: hashlib.sha256(files[name]).hexdigest() for name in names or self.files}
        assert self.files == expected

    def assert_failed(self, error, *parts):
        assert self.error == error, self.message
        assert [part for part in parts if part not in self.message] == []


class Machine:
    """Keeps huggingface_hub's cache and the prepared models in one folder, and asks one endpoint."""

    def __init__(self, home: Path, endpoint: str):
        self.home = home
        self.variables = {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": endpoint}

    @property
    def blobs(self) -> Path:
        return self.home / f"hf/hub/models--{REPO.replace('/', '--')}/blobs"

    def load(self, model: str, *, environment=None, **options: Any) -> Outcome:
        """Make a vector."""
        options["cache_dir"] = str(self.home / "prepared")
        return Started(_embed, model, self, environment, options).outcome()

    def begin_to_prepare(self, model: str, **options: Any) -> Started:
        """Begin to prepare a model, as a load does first."""
        options["cache_dir"] = str(self.home / "prepared")
        return Started(_prepare, model, self, None, options)

    def find(self, model: str = REPO, *, environment=None, **options: Any) -> Outcome:
        """Find the files of a model, without loading it; ``sha256`` stands for the hashes of its manifest."""
        return self.begin(model, environment=environment, **options).outcome()

    def begin(self, model: str = REPO, *, environment=None, **options: Any) -> Started:
        """Begin to find them."""
        return Started(_find, model, self, environment, options)


class Started:
    """A process that is at work."""

    def __init__(self, work, model, machine, environment, options):
        variables = {**machine.variables, **(environment or {})}
        self._answer, sender = _CONTEXT.Pipe(duplex=False)
        machine.home.mkdir(exist_ok=True)
        self._printed = machine.home / f"printed-{os.urandom(4).hex()}"
        self._process = _CONTEXT.Process(target=_work, args=(sender, self._printed, work, model, variables, options))
        self._process.start()
        sender.close()

    def wait_until_at_work(self) -> None:
        assert self._answer.poll(60)
        assert self._answer.recv() == "at work"

    def kill(self) -> None:
        """Kill it where it is, as kill -9 does."""
        self._process.kill()

    def join(self) -> None:
        self._process.join()

    def outcome(self) -> Outcome:
        fields = None
        try:
            while fields is None and self._answer.poll(60):
                received = self._answer.recv()
                fields = received if isinstance(received, dict) else None
        except EOFError:  # it has died
            pass
        if fields is None:
            self._process.kill()
        self._process.join()
        printed = self._printed.read_text("utf-8")
        assert fields is not None, printed
        return Outcome(**fields, printed=printed)


def _work(sender, printed, work, model, variables, options):
    """Do it in this new process; an error that is not an OrtembedError ends it with a traceback."""
    with printed.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for name in list(os.environ):
        if _NOT_INHERITED.fullmatch(name):
            del os.environ[name]
    os.environ.update(variables)
    from ortembed.errors import OrtembedError  # noqa: PLC0415 - of the new process

    if not options.pop("pauses", True):  # between huggingface_hub's attempts
        import time  # noqa: PLC0415

        time.sleep = lambda _: None
    if largest_file := options.pop("largest_file", None):
        import resource  # noqa: PLC0415 - which Windows has not

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    sender.send("at work")
    try:
        sender.send(work(model, options))
    except OrtembedError as error:
        sender.send({"error": type(error).__name__, "message": str(error)})


def _embed(model, options):
    from ortembed import Embedder  # noqa: PLC0415

    return {"vector": Embedder(model, **options).encode("hello world").tolist()}


def _prepare(model, options):
    from ortembed.prepare import prepare  # noqa: PLC0415

    prepare(model, **options)
    return {}


def _find(model, options):
    from ortembed.hub import find_model  # noqa: PLC0415
    from ortembed.manifest import find_manifest  # noqa: PLC0415
    from ortembed.prepare.architectures import refusal  # noqa: PLC0415

    manifest = find_manifest(model)
    if "sha256" in options:
        manifest = dataclasses.replace(manifest, sha256=options.pop("sha256"), package=None)
    usual = {"revision": None, "local_files_only": False, "onnx_file": None, "exporter_refusal": refusal}
    files = find_model(model, **{"manifest": manifest, **usual, **options})
    return {"files": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}}
