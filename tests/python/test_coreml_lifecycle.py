"""What becomes of a Mac user's CoreML when files go, disks are full, processes fork and interpreters end."""

import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import ortembed
from ortembed import (
    InvalidInputError,
    ModelNotFoundError,
    ServiceUnavailableError,
    compiled_cache,
    coreml_trial,
    load_request,
)
from tests.python.mac import ACCELERATED, BUCKETS, COREML, ON_CPU, TEXTS, assert_same

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")


def test_a_model_prepared_for_the_cpu_alone_loads_without_its_files(monkeypatch, mac, mac_expected):
    """As a name offline: its entry for the CPU is known, and nothing to make CoreML's form from is there."""
    prepare = load_request.prepare

    def without_sources(name, *, form, **options):
        if form == "coreml":
            raise ModelNotFoundError("no place has its files")
        return prepare(name, form=form, **options)

    monkeypatch.setattr(load_request, "prepare", without_sources)
    embedder, told = mac.load(None)
    assert (told, embedder.model_info().providers) == ([], ON_CPU)
    np.testing.assert_array_equal(embedder.encode(TEXTS), mac_expected)
    assert embedder.provider_report().remark == "no place has its files"
    with pytest.raises(ModelNotFoundError):
        mac.load(COREML)


def test_a_model_that_is_too_large_is_compiled_only_by_name(mac, monkeypatch):
    monkeypatch.setattr(coreml_trial, "LARGEST_AUTOMATIC_BYTES", 1000)
    embedder, told = mac.load(None)
    assert (told, embedder.model_info().providers, mac.sessions()) == ([], ON_CPU, [])
    assert "MB, and is compiled 3 times; name it to have it" in embedder.provider_report().remark
    assert mac.load()[0].model_info().providers == ACCELERATED


def test_a_disk_without_room_for_what_is_compiled_leaves_the_cpu(mac, monkeypatch):
    monkeypatch.setattr(coreml_trial, "_COPIES", 10**12)
    embedder, (told,) = mac.load()
    assert embedder.model_info().providers == ON_CPU
    assert "compiling 3 shapes takes " in told
    assert " GB free" in told


def test_what_is_compiled_already_needs_no_room(tested_mac, monkeypatch):
    monkeypatch.setattr(coreml_trial, "_COPIES", 10**12)
    embedder, told = tested_mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)


def test_a_marker_that_cannot_be_written_is_no_failure(mac, mac_expected, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiled_cache, "_complete", full_disk)
    embedder, told = mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)
    assert_same(embedder.encode(TEXTS), mac_expected)


def test_what_nobody_used_for_two_months_is_deleted_at_the_next_test(tested_mac):
    folder = tested_mac.cache / "accelerators"
    others = []
    for days in (61, 59):
        complete, half, verdict = (folder / f"{days}{name}" for name in ("", "half", ".verdict.json"))
        for entry in (complete, half):
            (entry / "programs").mkdir(parents=True)
        for path in (complete / "complete.json", verdict):
            path.write_text("{}")
        for path in (complete / "complete.json", half, verdict):
            os.utime(path, (time.time() - days * 24 * 3600,) * 2)
        others += [complete, half, verdict]
    tested_mac.load()
    assert [entry.exists() for entry in others] == [True] * 6
    tested_mac.load(max_seq_length=30)
    assert [entry.exists() for entry in others] == [False] * 3 + [True] * 3


def test_opening_programs_counts_as_using_them(tested_mac):
    for entry in tested_mac.entries():
        os.utime(entry / "complete.json", (time.time() - 61 * 24 * 3600,) * 2)
    tested_mac.load()
    ages = [time.time() - (entry / "complete.json").stat().st_mtime for entry in tested_mac.entries()]
    assert sorted(age < 3600 for age in ages) == [False] * (len(BUCKETS) - 1) + [True]


def test_a_shape_that_failed_is_in_the_report_and_lets_its_session_go(tested_mac):
    embedder, _ = tested_mac.load()
    assert embedder.provider_report().remark == ""
    tested_mac.faults("run")
    with pytest.warns(ortembed.ProviderWarning):
        embedder.encode("dog")
    report = embedder.provider_report()
    assert report.remark.startswith("1 x 8 tokens (the model failed to run: ")
    assert report.partitions == {}
    assert len(tested_mac.events("release")) >= 1


def test_a_dtype_that_is_none_is_the_same_error_as_on_the_cpu(mac):
    with pytest.raises(InvalidInputError, match="dtype is 'foo', none of float32, bfloat16, int8"):
        mac.load(COREML, dtype="foo")


def fork(function):
    """Run a function in a forked child; give its exit status, or None where it does not end."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except ServiceUnavailableError:
            os._exit(7)
        os._exit(0)
    for _ in range(500):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def test_a_forked_child_that_asks_for_the_report_gets_an_error_and_never_hangs(tested_mac):
    embedder, _ = tested_mac.load()
    tested_mac.faults("slow")
    stop = threading.Event()

    def work():
        while not stop.is_set():
            embedder.encode("dog")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert [fork(embedder.provider_report) for _ in range(3)] == [7] * 3
    finally:
        stop.set()
        thread.join()


EXIT = """
import sys, threading, time
from pathlib import Path
from filelock import FileLock
import ortembed
options = ortembed.CoreMLOptions(sequence_lengths=(8, 32), batch=(4, 16))
providers = [ortembed.Provider("coreml", options), "cpu"]
embedder = ortembed.Embedder(sys.argv[1], providers=providers, cache_dir=sys.argv[2])
entries = [entry for entry in Path(sys.argv[2], "accelerators").iterdir() if entry.is_dir()]
locks = [FileLock(entry.with_suffix(".lock")) for entry in entries]
for lock in locks:
    lock.acquire()
threading.Thread(target=lambda: embedder.encode("world " * 25), daemon=True).start()
time.sleep(0.3)
print("end")
"""


def test_a_daemon_thread_that_waits_to_open_a_shape_does_not_abort_the_exit(tested_mac):
    command = [sys.executable, "-c", EXIT, tested_mac.model, tested_mac.cache]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr


def test_the_cache_may_be_a_link(mac, mac_expected, tmp_path):
    moved = shutil.move(mac.cache, tmp_path / "elsewhere")
    mac.cache.symlink_to(moved)
    embedder, told = mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)
    assert_same(embedder.encode(TEXTS), mac_expected)
