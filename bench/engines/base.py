"""What an engine of the benchmark is: how its environment is made, what it prepares, loads and encodes.

Engines run in processes and environments of their own, so a module here imports nothing at its top but the standard
library and this package: the engine's library is imported in ``import_library`` and what follows it, where the time
that it takes is measured.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

# Smallest cosine with the reference vectors that an engine may have: arithmetic in float32 agrees to the last digits;
# shorter formats lose some, and how much is shown beside their speed.
FLOAT32_COSINE = 0.9999
BFLOAT16_COSINE = 0.999
REDUCED_COSINE = 0.9
FLOAT32_DIFFERENCE = 1e-4


@dataclass(frozen=True)
class Environment:
    """A virtual environment, made once under ``.dev/bench/<name>``; engines of one library share it."""

    name: str
    requirements: tuple[str, ...]  # arguments of pip install, pinned, one installation after another
    variables: Mapping[str, str] = field(default_factory=dict)  # of the installation, for example CMAKE_ARGS
    builds_tree: bool = False  # the wheel of this tree is installed as well
    lends_packages: bool = False  # the packages of the Python that runs the benchmark are there too


@dataclass(frozen=True)
class Setup:
    """What an engine is given."""

    model: Path  # folder with the model's own files: model.safetensors, config.json, tokenizer.json, vocab.txt, ...
    made: Path  # folder in which each engine has one of its name for what it makes of them, kept between runs
    threads: int  # cores that it may use; the process's affinity is set to as many
    max_tokens: int = 256  # special tokens included; longer texts are truncated


class Engine(ABC):
    """A competitor. Vectors are float32 of norm 1, from the tokens up to ``max_tokens``."""

    name: ClassVar[str]  # of the command line and of the JSON
    label: ClassVar[str]  # of tables and pictures
    dtype: ClassVar[str]  # "float32", or what the weights are in
    environment: ClassVar[Environment]
    packages: ClassVar[tuple[str, ...]]  # distributions whose versions are recorded
    settings: ClassVar[str]  # what was chosen where there was a choice, in a sentence
    needs: ClassVar[tuple[str, ...]] = ()  # names of engines whose prepared files this one reads
    ours: ClassVar[bool] = False
    min_cosine: ClassVar[float] = FLOAT32_COSINE
    # Golden texts, by their place, that the engine's own tokenizer reads otherwise, and why: they are not compared.
    other_tokens: ClassVar[Mapping[int, str]] = {}
    variables: Mapping[str, str] = {}  # of its processes' environment

    def prepare(self, setup: Setup) -> None:  # noqa: B027 - most have nothing to make
        """Make files of the model in ``setup.made / self.name``, which is empty; run once, in the environment."""

    @abstractmethod
    def import_library(self) -> None:
        """Import what a user's script would import at its top."""

    @abstractmethod
    def load(self, setup: Setup) -> None:
        """Load the model; every setting of threads is set to ``setup.threads``."""

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Turn many texts into vectors, the best way that the library documents. float32 [n, dimension]."""

    def encode_one(self, text: str) -> npt.NDArray[Any]:
        """Turn one text into a vector, float32 [dimension]."""
        return self.encode([text])[0]

    def on_tokens(self, texts: Sequence[str]) -> Callable[[], object] | None:  # noqa: ARG002 - ours uses them
        """Tokenize texts, and give the function that embeds them from there on; None where there is none."""
        return None

    def remark(self) -> str:
        """Tell what was chosen for the loaded model where the settings leave it open; empty where nothing was."""
        return ""

    def restrict(self, isa: str) -> None:
        """Have its processes do with other instructions than the fastest; those of ortembed alone can.

        Args:
            isa: As ORTEMBED_ISA spells it.
        """
        self.name, self.label = f"{self.name}-{isa}", f"{self.label}, {isa}"
        self.variables = {"ORTEMBED_ISA": isa}

    def process_ids(self) -> list[int]:
        """Give the processes whose memory and CPU time count: this one, and those that the engine started."""
        return [os.getpid()]

    def close(self) -> None:  # noqa: B027 - most have started nothing
        """End what the engine started outside this process."""
