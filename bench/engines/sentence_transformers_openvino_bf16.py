"""sentence-transformers on OpenVINO in bfloat16, which it takes by itself where the processor has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from bench.engines import sentence_transformers_openvino
from bench.engines.base import BFLOAT16_COSINE

if TYPE_CHECKING:
    from bench.engines.base import Setup

_NAME = sentence_transformers_openvino.NAME


class Competitor(sentence_transformers_openvino.Competitor):
    """The same export."""

    name = f"{_NAME}-bf16"
    label = "sentence-transformers, OpenVINO bf16"
    dtype = "bfloat16"
    needs = (_NAME,)
    settings = "encode(batch_size=32), INFERENCE_NUM_THREADS, INFERENCE_PRECISION_HINT bf16"
    min_cosine = BFLOAT16_COSINE
    precision: ClassVar[str] = "bf16"

    def prepare(self, setup: Setup) -> None:
        """Refuse a processor without bfloat16, on which it would be float32 under another name."""
        del setup
        import openvino  # noqa: PLC0415

        capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if "BF16" not in capabilities:
            raise RuntimeError(f"this processor has no bfloat16 for OpenVINO, only {', '.join(capabilities)}")
