"""The example client in another language, with the real bridge."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/bridge/client.mjs"
TEXTS = ["a cat sat on the mat", "", "Größe — 東京", "🙂"]
# Many requests at once, one that fails among them, one that is no JSON, and one after the end.
HOST = """
import { Bridge } from CLIENT;
const bridge = new Bridge([PYTHON, "-m", "ortembed", "bridge", "all-minilm-l6-v2"]);
const told = [];
const tell = (error) => told.push(`${error.name}: ${error.message}`);
const failing = bridge.embed(["a"], { truncate_dim: 0 }).catch(tell);
await bridge.ask({ method: "ping", id: 1n }).catch(({ name }) => told.push(name));
const rows = await Promise.all(TEXTS.map((text) => bridge.embed([text])));
const many = await bridge.embed(Array(2000).fill("x"), { truncate_dim: 2 });
await failing;
const info = await bridge.ask({ method: "model_info" });
bridge.close();
await bridge.ask({ method: "ping" }).catch(tell);
console.log(JSON.stringify({ rows: rows.map(([row]) => [...row]), many: many.length, told, info }));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node here")
def test_node(environment, embedder):
    values = {"CLIENT": EXAMPLE.as_uri(), "PYTHON": sys.executable, "TEXTS": TEXTS}
    code = HOST
    for name, value in values.items():
        code = code.replace(name, json.dumps(value))
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    np.testing.assert_allclose(got["rows"], embedder.encode(TEXTS), atol=1e-6)
    assert got["many"] == 2000
    assert got["told"] == [
        "TypeError",
        "InvalidInputError: truncate_dim is not a positive integer",
        "Error: the bridge ended: 0",
    ]
    assert got["info"]["dimension"] == 384
