"""The cache of prepared models: complete entries or none, made once, whatever happens in between."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from filelock import FileLock

from ortembed import ModelLoadError
from ortembed.prepare import store as store_module
from ortembed.prepare.store import Store, default_cache_dir
from ortembed.responses import CacheWarning
from tests.python.store_entries import KEY, OTHER, everything_below, must_not_build, write

COMPLETE = [f"prepared/{KEY}/{name}" for name in ("complete.json", "model.onnx", "source/tokenizer.json")]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


@pytest.fixture
def entry(store):
    return store.get_or_build(KEY, write)


def test_an_entry_is_built_once(store):
    assert store.find(KEY) is None
    folder = store.get_or_build(KEY, write)
    assert (folder / "source/tokenizer.json").read_text("utf-8") == "words"
    assert store.get_or_build(KEY, must_not_build) == store.find(KEY) == folder
    assert store.verify(KEY) is None


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, ModelLoadError])
def test_a_failed_build_leaves_nothing(tmp_path, store, error):
    def fail(folder):
        write(folder)
        raise error

    with pytest.raises(error):
        store.get_or_build(KEY, fail)
    assert everything_below(tmp_path) == []
    assert store.get_or_build(KEY, write) == store.find(KEY)


def rewrite_marker(folder, **changes):
    marker = json.loads((folder / "complete.json").read_text("utf-8"))
    (folder / "complete.json").write_text(json.dumps({**marker, **changes}), "utf-8")


DAMAGES = {
    "truncated": (lambda f: (f / "model.onnx").write_text("gra", "utf-8"), "model.onnx has 3 bytes in place of 5"),
    "longer": (lambda f: (f / "model.onnx").write_text("graph!", "utf-8"), "model.onnx has 6 bytes in place of 5"),
    "other bytes": (
        lambda f: (f / "source/tokenizer.json").write_text("sword", "utf-8"),
        "source/tokenizer.json has other content",
    ),
    "a file gone": (lambda f: (f / "model.onnx").unlink(), "model.onnx cannot be read"),
    "a folder in its place": (
        lambda f: (
            (f / "model.onnx").unlink(),
            (f / "model.onnx").mkdir(),
            rewrite_marker(f, **{"model.onnx": size_of(f)}),
        ),
        "model.onnx cannot be read",
    ),
    "marker cut off": (lambda f: (f / "complete.json").write_text("[", "utf-8"), "complete.json is not readable"),
    "marker of another form": (lambda f: rewrite_marker(f, **{"model.onnx": 5}), "complete.json is not readable"),
    "marker gone": (lambda f: (f / "complete.json").unlink(), "no complete.json"),
    "marker empty": (lambda f: (f / "complete.json").write_text("{}", "utf-8"), "does not list model.onnx"),
    "only a folder": (lambda f: [path.unlink() for path in f.rglob("*") if path.is_file()], "no complete.json"),
}


def size_of(folder):
    return {"size": (folder / "model.onnx").stat().st_size, "sha256": ""}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_built_again_once_and_said_so(tmp_path, store, entry, damage):
    make, reason = DAMAGES[damage]
    make(entry)
    assert store.find(KEY) is None
    with pytest.warns(CacheWarning) as warned:
        assert store.get_or_build(KEY, write) == entry
    assert [str(entry) in str(each.message) and reason in str(each.message) for each in warned] == [True]
    assert everything_below(tmp_path) == COMPLETE
    assert store.get_or_build(KEY, must_not_build) == entry


def test_an_entry_without_what_its_user_expects_is_damaged(store, entry):
    assert store.find(KEY, ("model.onnx", "source/tokenizer.json")) == entry
    assert store.find(KEY, ("model.onnx", "embeddings.json")) is None
    assert "does not list embeddings.json" in store.verify(KEY, ("embeddings.json",))


def test_a_large_file_is_measured_at_lookup_and_hashed_by_verify(monkeypatch, store, entry):
    monkeypatch.setattr(store_module, "_HASHED_AT_LOOKUP", 4)
    (entry / "model.onnx").write_text("hparg", "utf-8")
    assert store.find(KEY) == entry
    assert "model.onnx has other content" in store.verify(KEY)
    (entry / "model.onnx").write_text("grap", "utf-8")
    assert store.find(KEY) is None


BUILD = """
import sys, pathlib
from ortembed.prepare.store import Store
def build(folder):
    (folder / "model.onnx").write_text("graph", "utf-8")
    print("building", flush=True)
    sys.stdin.readline()
Store(pathlib.Path(sys.argv[1])).get_or_build(sys.argv[2], build)
"""


def start(root, key=KEY):
    """Start a process that builds until it gets a line, or the end, of its input."""
    command = [sys.executable, "-c", BUILD, str(root), key]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kill(process):
    process.kill()
    process.communicate()


def test_two_processes_that_start_together_build_once(tmp_path):
    processes = [start(tmp_path) for _ in range(2)]
    for process in processes:  # whichever is first at the lock must be let on
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(outputs) == ["", "building\n"]


def test_what_another_process_made_while_this_one_waited_is_taken(tmp_path, store):
    made = Store(tmp_path / "elsewhere").get_or_build(KEY, write)
    for name in ("locks", "prepared"):
        (tmp_path / name).mkdir()
    waits, handler, logger = threading.Event(), logging.Handler(), logging.getLogger("filelock")
    handler.emit = lambda _: waits.set()
    with ThreadPoolExecutor(1) as pool, FileLock(tmp_path / f"locks/{KEY}.lock") as lock:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        found = pool.submit(store.get_or_build, KEY, must_not_build)
        assert waits.wait(30)  # it has looked, found nothing and asks for the lock
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        made.rename(tmp_path / "prepared" / KEY)
        lock.release()
        assert found.result() == tmp_path / "prepared" / KEY


def test_a_killed_process_leaves_nothing_half_made(tmp_path, store):
    killed = start(tmp_path)
    assert killed.stdout.readline() == "building\n"
    kill(killed)
    assert store.find(KEY) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing was damaged
        store.get_or_build(KEY, write)
    assert everything_below(tmp_path) == COMPLETE


def age(path, seconds=2 * 3600):
    at = path.stat().st_mtime - seconds
    os.utime(path, (at, at))


@pytest.mark.parametrize("look_up", [lambda s: s.find(KEY), lambda s: s.get_or_build(KEY, write)])
def test_what_a_killed_process_left_of_another_model_is_deleted_by_the_next_start(tmp_path, store, entry, look_up):
    killed = start(tmp_path, OTHER)
    assert killed.stdout.readline() == "building\n"
    kill(killed)
    (litter,) = (tmp_path / "prepared").glob(f"{OTHER}.*")
    look_up(store)
    assert litter.exists()  # it could be another machine's, where locks are not shared
    age(litter)
    look_up(store)
    assert everything_below(tmp_path) == COMPLETE


def test_what_another_process_is_at_is_left_alone_however_old(tmp_path, store, entry):
    busy = start(tmp_path, OTHER)
    assert busy.stdout.readline() == "building\n"
    (temporary,) = (tmp_path / "prepared").glob(f"{OTHER}.*")
    age(temporary)
    assert store.find(KEY) == entry
    busy.communicate("\n")
    assert busy.returncode == 0
    assert store.find(OTHER) == tmp_path / "prepared" / OTHER


def test_a_folder_that_is_not_the_caches_own_is_left_alone(tmp_path, store, entry):
    own = tmp_path / "prepared/notes.txt.d"
    own.mkdir()
    age(own)
    store.find(KEY)
    assert own.exists()


def test_a_lock_file_of_a_process_that_is_gone_is_harmless(tmp_path, store):
    (tmp_path / "locks").mkdir()
    (tmp_path / f"locks/{KEY}.lock").write_text("4242", "utf-8")
    assert store.get_or_build(KEY, write) == store.find(KEY)


def test_a_complete_entry_needs_no_lock(tmp_path, store, entry):
    with FileLock(tmp_path / f"locks/{KEY}.lock"):
        assert store.get_or_build(KEY, must_not_build) == entry


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
