"""The cache of prepared models: complete entries or none, made once, whatever happens in between."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import warnings

import pytest
from filelock import FileLock

from ortembed import ModelLoadError
from ortembed.prepare import store as store_module
from ortembed.prepare.store import Store, default_cache_dir
from ortembed.responses import CacheWarning

KEY = "0123abcd"
OTHER = "4567cdef"
TEMPORARY = "0" * 32


def write(folder):
    (folder / "model.onnx").write_text("graph", "utf-8")
    (folder / "source").mkdir()
    (folder / "source/tokenizer.json").write_text("words", "utf-8")


def must_not_build(folder):
    pytest.fail("built again")


def everything_below(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.suffix != ".lock")


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


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    with pytest.raises(ModelLoadError, match=r"cannot write to the cache .*file.*MB free.*ORTEMBED_CACHE_DIR"):
        Store(blocked / "cache").get_or_build(KEY, write)


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_takes_no_more_is_the_caches_fault(tmp_path, store, fault):
    def fail(folder):
        write(folder)
        raise OSError(fault, os.strerror(fault))

    message = (
        rf"cannot write to the cache {tmp_path} \(.*{os.strerror(fault)}; [\d.]+ MB free, about 90.0 MB needed\)"
    )
    with pytest.raises(ModelLoadError, match=message):
        store.get_or_build(KEY, fail, bytes_needed=90_000_000)
    assert everything_below(tmp_path) == []


@pytest.mark.parametrize(
    ("inside", "message"), [(True, "cannot write to the cache .*ORTEMBED_CACHE_DIR"), (False, "model's own files")]
)
def test_a_file_that_cannot_be_opened_is_the_fault_of_whose_it_is(tmp_path, inside, message):
    def build(folder):
        (folder / "missing/file" if inside else tmp_path / "model/config.json").read_bytes()

    with pytest.raises(ModelLoadError, match=message) as raised:
        Store(tmp_path / "cache").get_or_build(KEY, build)
    assert ("config.json" in str(raised.value)) == (not inside)


FULL_DISK = """
import pathlib, resource, sys
from ortembed import ModelLoadError
from ortembed.prepare.store import Store
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    Store(pathlib.Path(sys.argv[1])).get_or_build("0123abcd", lambda f: (f / "model.onnx").write_bytes(bytes(2000)))
except ModelLoadError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="a process can bound the size of its files on POSIX only")
def test_a_write_that_fails_half_way_leaves_nothing(tmp_path, run_python):
    """A bound on the size of files stands in for a full disk."""
    assert f"cannot write to the cache {tmp_path}" in run_python(FULL_DISK, tmp_path)
    assert everything_below(tmp_path) == []


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
