"""The process of its own: what it is given, what of it is told when it fails, and that it ends with its caller."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ortembed import ModelLoadError
from ortembed.prepare.worker import run_worker

# It tells its id before anything that takes long, so that a limit of some seconds finds it told.
PROBE = """
import os, sys, time
from pathlib import Path
Path("pid").write_text(str(os.getpid()))
from ortembed.prepare.worker import serve

def main():
    serve(answer)

def answer(request):
    if request.get("fail"):
        print("what went wrong", file=sys.stderr)
        os._exit(3)
    if request.get("sleep"):
        time.sleep(60)
    return {"telemetry": os.environ.get("ORT_DISABLE_TELEMETRY"), "folder": os.getcwd(), "given": request}
"""


@pytest.fixture(autouse=True)
def probe(tmp_path, monkeypatch):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/worker_probe.py").write_text(PROBE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path / "modules")


def test_a_request_is_answered_without_telemetry_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    (tmp_path / "json.py").write_text("raise SystemExit('the folder comes before installed modules')", "utf-8")
    reply = run_worker("worker_probe", {"text": "é"}, tmp_path, 60)
    assert reply == {"telemetry": "1", "folder": str(tmp_path.resolve()), "given": {"text": "é"}}
    assert "ORT_DISABLE_TELEMETRY" not in os.environ


def test_folders_may_be_relative(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["modules", *(path for path in sys.path if path != str(tmp_path / "modules"))])
    assert run_worker("worker_probe", {}, Path("work"), 60)["folder"] == str((tmp_path / "work").resolve())


def test_a_failure_tells_the_status_and_stderr(tmp_path):
    with pytest.raises(ModelLoadError, match="worker_probe failed with exit status 3: what went wrong"):
        run_worker("worker_probe", {"fail": True}, tmp_path, 60)


def test_a_module_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelLoadError, match="No module named 'no_such_worker'"):
        run_worker("no_such_worker", {}, tmp_path, 60)


def test_the_limit_ends_it(tmp_path):
    with pytest.raises(ModelLoadError, match="worker_probe took longer than 3 s and was ended"):
        run_worker("worker_probe", {"sleep": True}, tmp_path, 3)
    assert has_ended(tmp_path)


def test_it_ends_when_its_caller_is_killed(tmp_path):
    code = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(tmp_path / "modules")!r})
from ortembed.prepare.worker import run_worker
run_worker("worker_probe", {{"sleep": True}}, Path({str(tmp_path)!r}), 60)
"""
    caller = subprocess.Popen([sys.executable, "-c", code])
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    caller.kill()
    caller.wait()
    assert has_ended(tmp_path)


def has_ended(folder):
    pid = int((folder / "pid").read_text())
    return wait_until(lambda: not is_running(pid))


def is_running(pid):
    if os.name == "nt":
        return str(pid) in subprocess.check_output(["tasklist", "/fi", f"pid eq {pid}"], text=True)
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout[
        :1
    ] not in ("", "Z")


def wait_until(condition):
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False
