"""sentence-transformers on OpenVINO in float32, with the export that it makes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bench.engines import sentence_transformers_torch
from bench.engines.base import Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "sentence-transformers-openvino"


class Competitor(sentence_transformers_torch.Competitor):
    """``backend="openvino"``, with its threads and its hint for latency, which optimum sets, in ov_config."""

    name = NAME
    label = "sentence-transformers, OpenVINO"
    # Of what optimum-intel requires only torchvision is left out: texts do not need it, and the one on PyPI does not
    # load beside a torch that is built for the CPU alone.
    environment = Environment(
        NAME,
        (
            "torch==2.13.0",
            "sentence-transformers==6.2.0 transformers==5.5.4 optimum==2.3.0 nncf==3.4.0",
            "openvino==2026.4.1 openvino-tokenizers==2026.4.1.0 requests==2.34.2",
            "--no-deps optimum-intel==2.2.0",
        ),
    )
    packages = ("sentence-transformers", "transformers", "optimum-intel", "openvino", "torch")
    settings = "encode(batch_size=32), INFERENCE_NUM_THREADS, INFERENCE_PRECISION_HINT f32"
    backend = "openvino"
    precision: ClassVar[str] = "f32"  # left alone, OpenVINO takes bfloat16 where the processor has it

    def prepare(self, setup: Setup) -> None:
        """Have the library export the model."""
        self.import_library()
        model = self._package.SentenceTransformer(str(setup.model), device="cpu", backend="openvino")
        model.save_pretrained(str(setup.made / self.name))

    def folder(self, setup: Setup) -> str:
        """Give the folder with the export."""
        return str(setup.made / NAME)

    def options(self, setup: Setup) -> Mapping[str, Any]:
        """Set the runtime's threads and precision."""
        return {"ov_config": {"INFERENCE_NUM_THREADS": setup.threads, "INFERENCE_PRECISION_HINT": self.precision}}
