"""A cache that cannot be written to, and sources that cannot be read: told apart, and nothing is left behind."""

from __future__ import annotations

import errno
import os

import pytest

from ortembed import ModelLoadError
from ortembed.prepare.store import Store
from tests.python.store_entries import KEY, everything_below, write


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


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
