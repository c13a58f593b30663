"""sentence-transformers on ONNX Runtime with its own dynamic int8 quantization."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.engines import sentence_transformers_onnx
from bench.engines.base import REDUCED_COSINE, Setup

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "sentence-transformers-onnx-int8"


class Competitor(sentence_transformers_onnx.Competitor):
    """What ``export_dynamic_quantized_onnx_model`` makes of the export, with its configuration for AVX2."""

    name = NAME
    label = "sentence-transformers, ONNX int8"
    dtype = "int8"
    settings = "export_dynamic_quantized_onnx_model(..., 'avx2'), encode(batch_size=32)"
    needs = (sentence_transformers_onnx.NAME,)
    min_cosine = REDUCED_COSINE

    def prepare(self, setup: Setup) -> None:
        """Quantize the export; the model's small files lie beside the result."""
        self.import_library()
        exported = super().folder(setup)
        model = self._package.SentenceTransformer(exported, device="cpu", backend="onnx")
        shutil.copytree(exported, self.folder(setup), dirs_exist_ok=True, ignore=lambda *_: ["onnx"])
        self._package.export_dynamic_quantized_onnx_model(model, "avx2", self.folder(setup))

    def folder(self, setup: Setup) -> str:
        """Give the folder with the quantized model."""
        return str(setup.made / NAME)

    def options(self, setup: Setup) -> Mapping[str, Any]:
        """Name the file, whose name tells the configuration."""
        (file,) = Path(self.folder(setup)).glob("onnx/*.onnx")
        return {**super().options(setup), "file_name": f"onnx/{file.name}"}
