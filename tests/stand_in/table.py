"""A table of the stand-in and of one real runtime, and what a small model gives on it."""

from __future__ import annotations

import shutil

import numpy as np

from tests.python.stand_in import LIBRARY, read_log, use_stand_in
from tests.python.tiny_graphs import lookup_states
from tests.stand_in.ort_table import Table

RECORDING = {"session.record_ep_graph_assignment_info": "1"}
STATIC = {"ModelFormat": "MLProgram", "RequireStaticInputShapes": "1"}
BUCKET = {"batch": 2, "sequence": 16}
IDS = np.random.default_rng(3).integers(0, 50, (2, 16))


class StandIn:
    """A table with its own copy of the library, since a library opens its runtime once."""

    def __init__(self, monkeypatch, tmp_path, real):
        self.real = real
        self.library = shutil.copy(LIBRARY, tmp_path / "stand_in.so")
        self.log = tmp_path / "log"
        self.environment = monkeypatch
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
        use_stand_in(monkeypatch, self.log, runtime=real)
        self.table = Table(self.library)

    def faults(self, *names):
        self.environment.setenv("STAND_IN_FAULT", ",".join(names))

    def session(self, graph, coreml=STATIC, dimensions=BUCKET, config=()):
        return self.table.session(graph, self.table.options(dimensions, coreml, config))

    def run(self, session):
        inputs = {"input_ids": IDS, "attention_mask": np.ones_like(IDS)}
        return self.table.run(session, inputs, "last_hidden_state")

    def events(self, name):
        return read_log(self.log, name)


def expected():
    return np.array([lookup_states(row) for row in IDS])


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
