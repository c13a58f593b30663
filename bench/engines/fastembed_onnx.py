"""fastembed, over the ordinary export."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from bench.engines import sentence_transformers_onnx
from bench.engines.base import Engine, Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

BATCH_SIZE = 32
_FILES = ("config.json", "tokenizer.json", "special_tokens_map.json")


class Competitor(Engine):
    """TextEmbedding under the model's own name there, with its files from a folder."""

    name = "fastembed"
    label = "fastembed"
    dtype = "float32"
    environment = Environment("fastembed", ("fastembed==0.9.1 onnxruntime==1.32.0 tokenizers==0.23.3 numpy==2.4.6",))
    packages = ("fastembed", "onnxruntime", "tokenizers", "numpy")
    settings = "embed(batch_size=32), which is kinder to it than its default of 256; threads=..., truncation at 256"
    needs = (sentence_transformers_onnx.NAME,)

    def prepare(self, setup: Setup) -> None:
        """Lay the files out as fastembed reads them; the longest text stands in tokenizer_config.json there."""
        folder = setup.made / self.name
        for name in _FILES:
            shutil.copyfile(setup.model / name, folder / name)
        settings = json.loads((setup.model / "tokenizer_config.json").read_text("utf-8"))
        settings["model_max_length"] = setup.max_tokens
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
        export = setup.made / sentence_transformers_onnx.NAME / sentence_transformers_onnx.EXPORT
        shutil.copyfile(export, folder / "model.onnx")

    def import_library(self) -> None:
        """Import the package."""
        import fastembed  # noqa: PLC0415

        self._package = fastembed

    def load(self, setup: Setup) -> None:
        """Load from the folder."""
        self._model = self._package.TextEmbedding(
            "sentence-transformers/all-MiniLM-L6-v2",
            threads=setup.threads,
            providers=["CPUExecutionProvider"],
            specific_model_path=str(setup.made / self.name),
        )

    def encode(self, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Gather what the generator gives."""
        import numpy as np  # noqa: PLC0415 - it is imported already

        return np.stack(list(self._model.embed(texts, batch_size=BATCH_SIZE)))
