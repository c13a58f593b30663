"""The cache of prepared models: complete entries or none, made once, whatever happens in between."""

import os
import subprocess
import sys

import pytest

from ortembed import ModelLoadError
from ortembed.prepare.store import Store, default_cache_dir

KEY = "0123abcd"


def write(folder):
    (folder / "graph").write_text("content", "utf-8")


def must_not_build(folder):
    pytest.fail("built again")


def everything_below(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.suffix != ".lock")


def test_an_entry_is_built_once(tmp_path):
    store = Store(tmp_path)
    assert store.find(KEY) is None
    folder = store.get_or_build(KEY, write)
    assert (folder / "graph").read_text("utf-8") == "content"
    assert store.get_or_build(KEY, must_not_build) == store.find(KEY) == folder


def test_a_failed_build_leaves_nothing(tmp_path):
    def fail(folder):
        write(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Store(tmp_path).get_or_build(KEY, fail)
    assert everything_below(tmp_path) == []


@pytest.mark.parametrize("damage", ["truncate", "delete", "marker", "no marker"])
def test_a_damaged_entry_is_built_again(tmp_path, damage):
    store = Store(tmp_path)
    folder = store.get_or_build(KEY, write)
    if damage == "truncate":
        (folder / "graph").write_text("cont", "utf-8")
    elif damage == "delete":
        (folder / "graph").unlink()
    elif damage == "marker":
        (folder / "complete.json").write_text("[", "utf-8")
    else:
        (folder / "complete.json").unlink()
    assert store.find(KEY) is None
    assert (store.get_or_build(KEY, write) / "graph").read_text("utf-8") == "content"


BUILD = """
import sys, time, pathlib
from ortembed.prepare.store import Store
def build(folder):
    (folder / "graph").write_text("content", "utf-8")
    print("building", flush=True)
    time.sleep(float(sys.argv[2]))
Store(pathlib.Path(sys.argv[1])).get_or_build("0123abcd", build)
"""


def start(root, seconds):
    command = [sys.executable, "-c", BUILD, str(root), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_that_start_together_build_once(tmp_path):
    processes = [start(tmp_path, 0.5) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(outputs) == ["", "building\n"]


def test_a_killed_process_leaves_nothing_half_made(tmp_path):
    killed = start(tmp_path, 60)
    assert killed.stdout.readline() == "building\n"
    killed.kill()
    killed.communicate()
    store = Store(tmp_path)
    assert store.find(KEY) is None
    store.get_or_build(KEY, write)
    assert everything_below(tmp_path) == [f"prepared/{KEY}/complete.json", f"prepared/{KEY}/graph"]


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    with pytest.raises(ModelLoadError, match=r"cannot write to the cache .*file.*ORTEMBED_CACHE_DIR"):
        Store(blocked / "cache").get_or_build(KEY, write)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ORTEMBED_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"XDG_CACHE_HOME": "/b"}, "/b/ortembed"),
        ({"HOME": "/c"}, "/c/.cache/ortembed"),
    ],
)
def test_where_the_cache_is(monkeypatch, variables, expected):
    for name in ("ORTEMBED_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(default_cache_dir()) == os.path.normpath(expected)
