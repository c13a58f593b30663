"""sentence-transformers on ONNX Runtime, with the export that it makes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.engines import sentence_transformers_torch
from bench.engines.base import Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "sentence-transformers-onnx"
EXPORT = "onnx/model.onnx"  # in the folder that prepare fills


class Competitor(sentence_transformers_torch.Competitor):
    """``backend="onnx"``, with the runtime's threads set through its session options."""

    name = NAME
    label = "sentence-transformers, ONNX"
    # The newest that can be installed together: optimum-onnx needs transformers below 5, sentence-transformers 6
    # needs 5.
    environment = Environment(
        NAME,
        (
            "torch==2.13.0",
            "sentence-transformers==5.7.0 transformers==4.57.6 optimum-onnx==0.1.0 onnxruntime==1.32.0",
        ),
    )
    packages = ("sentence-transformers", "transformers", "optimum-onnx", "onnxruntime", "torch")
    settings = "encode(batch_size=32), SessionOptions.intra_op_num_threads; the export is its own"
    backend = "onnx"

    def prepare(self, setup: Setup) -> None:
        """Have the library export the model."""
        self.import_library()
        model = self._package.SentenceTransformer(str(setup.model), device="cpu", backend="onnx")
        model.save_pretrained(str(setup.made / self.name))

    def folder(self, setup: Setup) -> str:
        """Give the folder with the export."""
        return str(setup.made / NAME)

    def options(self, setup: Setup) -> Mapping[str, Any]:
        """Set the runtime's threads."""
        import onnxruntime  # noqa: PLC0415 - it is imported already

        session = onnxruntime.SessionOptions()
        session.intra_op_num_threads = setup.threads
        return {"session_options": session, "provider": "CPUExecutionProvider", "file_name": EXPORT}
