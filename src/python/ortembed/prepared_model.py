"""A prepared model on disk: one folder with a graph and all that is needed to run it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed import _native
from ortembed.config import read_settings
from ortembed.errors import ModelLoadError
from ortembed.modules import head_weights
from ortembed.quality import QualityReport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from ortembed.config import ModelSettings
    from ortembed.modules import HeadStep

    Floats = npt.NDArray[np.float32]

GRAPH = "model.onnx"
SAFETENSORS = "safetensors"  # the origin of a graph that ortembed makes itself
EMBEDDINGS = "embeddings"  # begins the names of the CoreML form's tables
_SOURCE = "source"  # the folder with the model's own files
_FACTS = "facts.json"
QUALITY = "quality.json"


@dataclass(frozen=True)
class Facts:
    """How a prepared model came to be.

    Attributes:
        dtype: "float32", "bfloat16" or "int8".
        form: "cpu" (padded batches, the runtime's operators), "packed" (ortembed's own) or "coreml".
        origin: What the graph was made from: SAFETENSORS or the name of an ONNX file.
        remark: Why an ONNX file's graph is as it came; empty where it is fused.
        exporter_version: Of ortembed's way to make it.
        runtime_version: Of the ONNX Runtime that was there.
        sources: sha256 of each of the model's own files by name.
        instructions: The instruction set of ortembed's own operators when its vectors were compared with float32's;
            empty where the runtime's run it.
    """

    dtype: str
    form: str
    origin: str
    remark: str
    exporter_version: int
    runtime_version: str
    sources: Mapping[str, str]
    instructions: str = ""


@dataclass(frozen=True)
class PreparedModel:
    """What a Pipeline loads."""

    folder: Path
    facts: Facts
    settings: ModelSettings
    files: Mapping[str, Path]  # copies of the model's own small files, by name
    quality: QualityReport | None  # how near the vectors are to float32's, of a bfloat16 or int8 model
    form_reason: str = ""  # why it has its form, in words, where that was chosen

    @property
    def graph(self) -> Path:
        """The ONNX file."""
        return self.folder / GRAPH

    @property
    def tokenizer(self) -> Path:
        """The tokenizer.json."""
        return self.files["tokenizer.json"]

    def size(self) -> int:
        """Give the bytes of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def head(self) -> list[_native.HeadStep]:
        """Load the steps between pooling and the final vector."""
        return [_head_step(step, head_weights(step, self.files)) for step in self.settings.head]

    def embeddings(self) -> _native.EmbeddingTable | None:
        """Map the embedding tables, which only the CoreML form has apart from its graph.

        Raises:
            ModelLoadError: A file is damaged.
        """
        description = self.folder / f"{EMBEDDINGS}.json"
        if not description.exists():
            return None
        names = ("word", "position", "scale", "bias")
        paths = {name: self.folder / f"{EMBEDDINGS}.{name}.npy" for name in names}
        try:
            tables = {name: np.load(path, mmap_mode="r") for name, path in paths.items() if path.exists()}
            return _native.EmbeddingTable(**tables, **_read(description))
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise _damaged(self.folder, error) from error


def _head_step(step: HeadStep, weights: Mapping[str, Floats]) -> _native.HeadStep:
    if step.kind == "dense":
        return _native.HeadStep.dense(weights["weight"], weights.get("bias"), step.activation)
    if step.kind == "layer_norm":
        return _native.HeadStep.layer_norm(weights["scale"], weights["bias"], step.epsilon)
    return _native.HeadStep.normalize()


def write_prepared(folder: Path, files: Mapping[str, Path], facts: Facts) -> None:
    """Complete a folder that has a graph: add copies of the model's own small files, and the facts."""
    for name, path in files.items():
        target = folder / _SOURCE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (folder / _FACTS).write_text(json.dumps(asdict(facts), indent=1, sort_keys=True), "utf-8")


def read_prepared(folder: Path) -> PreparedModel:
    """Read what write_prepared wrote.

    Raises:
        ModelLoadError: The folder is damaged, or the model's own files ask for what ortembed does not do.
    """
    try:
        facts = Facts(**_read(folder / _FACTS))
        quality = folder / QUALITY
        report = QualityReport.from_json(quality.read_text("utf-8")) if quality.exists() else None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder, error) from error
    source = folder / _SOURCE
    files = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
    return PreparedModel(folder, facts, read_settings(files), files, report)


def _damaged(folder: Path, error: Exception) -> ModelLoadError:
    return ModelLoadError(f"the prepared model in {folder} is damaged ({error}); delete the folder")


def _read(path: Path) -> Any:  # noqa: ANN401 - checked by what it is given to
    return json.loads(path.read_text("utf-8"))
