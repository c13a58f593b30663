"""Engines for the tests of the benchmark: processes of this Python that answer, answer wrongly, die or hang."""

import json
import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from bench.engines.base import Engine, Environment

GOLDEN = Path(__file__).resolve().parents[1] / "data/golden"


class Right(Engine):
    """Knows the golden texts by heart, and has a vector for any other text."""

    name = "right"
    label = "right one"
    dtype = "float32"
    environment = Environment("none", ())
    packages = ("numpy",)
    settings = "none"

    def import_library(self):
        self.texts = json.loads((GOLDEN / "texts.json").read_text("utf-8"))["texts"]

    def load(self, setup):
        self.setup = setup
        self.golden = dict(zip(self.texts, np.load(GOLDEN / "vectors.npz")["normalized"], strict=True))

    def remark(self):
        return os.environ.get("ORTEMBED_ISA", "")

    def encode(self, texts):
        return np.stack([self.golden.get(text, self.golden["a"]) for text in texts])

    def on_tokens(self, texts):
        return None if self.remark() else partial(time.sleep, 0.001 * len(texts))


class Swapped(Right):
    """Gives a batch's vectors in the wrong order."""

    name = "swapped"

    def encode(self, texts):
        return super().encode(texts)[::-1]


class Rounded(Right):
    """Loses precision, as an engine of few bits does."""

    name = "rounded"
    dtype = "int8"
    min_cosine = 0.95

    def encode(self, texts):
        vectors = np.round(super().encode(texts) * 64) / 64
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class RoundedFloat32(Rounded):
    """The same, held to float32's floor."""

    name = "rounded-float32"
    min_cosine = Right.min_cosine


class Dying(Right):
    """Dies of its first corpus."""

    name = "dying"

    def encode(self, texts):
        if texts[0] not in self.golden:
            sys.stderr.write("the kernel is missing\n")
            sys.stderr.flush()
            os._exit(3)
        return super().encode(texts)

    def encode_one(self, text):
        return super().encode([text])[0]


class Hanging(Right):
    """Never comes back from its first corpus."""

    name = "hanging"

    def encode_one(self, text):
        return super().encode([text])[0]

    def encode(self, texts):
        if texts[0] not in self.golden:
            time.sleep(1000)
        return super().encode(texts)


class Unlucky(Right):
    """Cannot be loaded."""

    name = "unlucky"

    def load(self, setup):
        raise RuntimeError(f"cannot load for {setup.threads} threads")
