"""A Mac as far as ortembed can tell: the stand-in runtime, which claims CoreML, with a small model and a cache."""

from __future__ import annotations

import contextlib
import shutil
import warnings

import numpy as np

import ortembed
from ortembed.providers import PROVIDERS_VARIABLE
from tests.python.stand_in import read_log, use_stand_in

TEXTS = ["hello world cat", "dog", "fish cat " * 9, "dog dog fish hello world", "world " * 25]
OPTIONS = ortembed.CoreMLOptions(sequence_lengths=(8, 32), batch=(4, 16))
BUCKETS = [(1, 8), (1, 32), (4, 16)]
COREML = ortembed.Provider("coreml", OPTIONS)
ACCELERATED = ("CoreMLExecutionProvider", "CPUExecutionProvider")
ON_CPU = ("CPUExecutionProvider",)


class Mac:
    """Loads a model as its user would, and knows what the runtime was asked."""

    def __init__(self, monkeypatch, model, cache, log):
        self.model = model
        self.cache = cache
        self._log = log
        self._environment = monkeypatch
        monkeypatch.delenv(PROVIDERS_VARIABLE, raising=False)
        use_stand_in(monkeypatch, log, ["slow-cpu"])

    def faults(self, *names, cpu_is_slow=True):
        """What goes wrong from now on; the CPU is slow besides, so that CoreML would win."""
        self._environment.setenv("STAND_IN_FAULT", ",".join([*names, *(["slow-cpu"] if cpu_is_slow else [])]))

    def load(self, providers=(COREML, "cpu"), **options):
        """Load the model; give the Embedder and the messages of ProviderWarnings."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            embedder = ortembed.Embedder(self.model, providers=providers, cache_dir=self.cache, **options)
        assert all(warning.category is ortembed.ProviderWarning for warning in caught)
        return embedder, [str(warning.message) for warning in caught]

    def sessions(self):
        """The sessions on CoreML that the runtime was asked for, since forget()."""
        return [event for event in read_log(self._log, "session") if event["coreml"]]

    def events(self, name):
        return read_log(self._log, name)

    def forget(self):
        with contextlib.suppress(FileNotFoundError):
            self._log.unlink()

    def entries(self):
        """The folders of compiled programs."""
        return sorted(path for path in (self.cache / "accelerators").iterdir() if path.is_dir())


def new_mac(monkeypatch, model, cache, tmp_path):
    """A Mac with a copy of a cache."""
    return Mac(monkeypatch, model, shutil.copytree(cache, tmp_path / "cache"), tmp_path / "log")


def shape(session):
    return session["dimensions"]["batch"], session["dimensions"]["sequence"]


def assert_same(vectors, expected):
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)
