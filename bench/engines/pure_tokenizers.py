"""The pure-Python path without transformers: tokenizers, the onnxruntime module and numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bench.engines import sentence_transformers_onnx
from bench.engines.base import Engine, Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class Competitor(Engine):
    """A typical script: batches of 32 in order of arrival, each padded to its longest text."""

    name = "pure-python-tokenizers"
    label = "onnxruntime + tokenizers + numpy"
    dtype = "float32"
    environment = Environment("pure-python", ("transformers==5.23.0 onnxruntime==1.32.0 numpy==2.4.6",))
    packages = ("onnxruntime", "tokenizers", "numpy")
    settings = "batches of 32 in order of arrival, padded to their longest; SessionOptions.intra_op_num_threads"
    needs = (sentence_transformers_onnx.NAME,)
    form: ClassVar[str] = "tokenizers"

    def import_library(self) -> None:
        """Import what such a script imports."""
        import onnxruntime  # noqa: F401, PLC0415
        import tokenizers  # noqa: F401, PLC0415

        from bench import pure_python  # noqa: PLC0415

        self._path = pure_python

    def load(self, setup: Setup) -> None:
        """Open the ordinary export."""
        self._model = self._path.PurePythonEmbedder(
            setup.made / sentence_transformers_onnx.NAME / sentence_transformers_onnx.EXPORT,
            self._path.make_tokenize(self.form, setup.model, max_tokens=setup.max_tokens),
            threads=setup.threads,
        )

    def encode(self, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Encode a list."""
        return self._model.encode(texts)
