"""The programs of docs/service.md work as they stand, and print what is written beside them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT
from tests.server.asking import BODIES

PAGE = (ROOT / "docs/service.md").read_text("utf-8")
CLIENTS = PAGE.partition("\n## Clients\n")[2].partition("\n## ")[0]
ADDRESS = "http://127.0.0.1:8080"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", CLIENTS, re.DOTALL)


def test_there_are_programs():
    assert (len(blocks("python")), len(blocks("sh"))) == (3, 1)
    assert all(ADDRESS in block for block in blocks("python") + blocks("sh"))


@pytest.mark.parametrize("program", blocks("python"))
def test_python(service, run_python, program):
    expected = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
    assert expected
    assert run_python(program.replace(ADDRESS, service.url)).splitlines() == expected


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
@pytest.mark.parametrize("command", [line for block in blocks("sh") for line in block.splitlines()])
def test_curl(service, command):
    command = command.replace(ADDRESS, service.url)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert isinstance(answer, list) or "error" not in answer


def test_every_route_is_in_the_table():
    for path in [
        *(path for path, _ in BODIES),
        "/info",
        "/v1/models",
        "/live",
        "/ready",
        "/health",
        "/ping",
        "/metrics",
    ]:
        assert re.search(rf"^\| .*`((GET|POST) )?{path}`", PAGE, re.MULTILINE), path
