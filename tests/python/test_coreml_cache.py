"""What a Mac user finds in the cache of compiled programs: complete folders, made once, or none."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import ortembed
from ortembed import coreml_trial, hardware
from ortembed.hardware import system_build
from tests.python.mac import ACCELERATED, BUCKETS, ON_CPU, TEXTS, assert_same, shape

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")

CODE = """
import sys
import ortembed
options = ortembed.CoreMLOptions(sequence_lengths=(8, 32), batch=(4, 16))
providers = [ortembed.Provider("coreml", options), "cpu"]
embedder = ortembed.Embedder(sys.argv[1], providers=providers, cache_dir=sys.argv[2])
embedder.encode(["dog", "fish cat " * 9])
print(embedder.model_info().providers)
"""


def process(mac):
    return subprocess.run(
        [sys.executable, "-c", CODE, mac.model, mac.cache], capture_output=True, text=True, check=False
    )


def markers(mac):
    return [(entry / "complete.json").exists() for entry in mac.entries()]


def test_each_shapes_programs_are_complete_with_a_marker(mac):
    mac.load()
    assert markers(mac) == [True] * len(BUCKETS)
    for entry in mac.entries():
        marker = json.loads((entry / "complete.json").read_text("utf-8"))
        assert marker["made for"]["system"] == system_build()
        sizes = {p.relative_to(entry / "programs").as_posix(): p.stat().st_size for p in entry.rglob("*.mil")}
        assert sizes.items() <= marker["files"].items()


def test_a_later_process_loads_the_programs_that_are_there(tested_mac):
    assert str(ACCELERATED) in process(tested_mac).stdout
    assert [(shape(s), s["cache_was_empty"]) for s in tested_mac.sessions()] == [((1, 8), False), ((1, 32), False)]


@pytest.mark.parametrize("fault", ["partial-cache", "session"])
def test_a_compilation_that_fails_leaves_nothing_behind(mac, fault):
    mac.faults(fault)
    assert mac.load()[0].model_info().providers == ON_CPU
    assert mac.entries() == []


def test_a_compilation_that_fails_after_the_test_leaves_nothing_behind(tested_mac, mac_expected):
    embedder, _ = tested_mac.load()
    kept = {session["cache"] for session in tested_mac.sessions()}
    for entry in tested_mac.entries():
        if str(entry / "programs") not in kept:
            shutil.rmtree(entry)
    before = tested_mac.entries()
    tested_mac.faults("partial-cache")
    with pytest.warns(ortembed.ProviderWarning, match="1 x 32 tokens"):
        assert_same(embedder.encode(TEXTS[2]), mac_expected[2])
    assert tested_mac.entries() == before


def test_a_process_killed_while_it_compiles_leaves_no_entry_that_counts(mac):
    mac.faults("kill@1x32")
    assert process(mac).returncode == 9
    assert sorted(markers(mac)) == [False, True]
    mac.forget()
    mac.faults()
    embedder, told = mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)
    assert {shape(s): s["cache_was_empty"] for s in mac.sessions()} == {(1, 8): False, (1, 32): True, (4, 16): True}


def test_programs_that_cannot_be_opened_any_more_are_made_anew_once(tested_mac, mac_expected):
    tested_mac.faults("stale-cache")
    embedder, told = tested_mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)
    assert_same(embedder.encode("dog"), mac_expected[1])
    assert [(s["cache_was_empty"], s["ok"]) for s in tested_mac.sessions()] == [(False, False), (True, True)]


def damage_marker(entry):
    (entry / "complete.json").write_text("{", "utf-8")


def remove_program(entry):
    next(entry.rglob("*.mil")).unlink()


def cut_program(entry):
    next(entry.rglob("*.mil")).write_bytes(b"")


@pytest.mark.parametrize("damage", [damage_marker, remove_program, cut_program])
def test_programs_that_are_damaged_are_made_anew(tested_mac, damage):
    for entry in tested_mac.entries():
        damage(entry)
    _, told = tested_mac.load()
    assert told == []
    assert [s["cache_was_empty"] for s in tested_mac.sessions()] == [True]


def test_a_cache_that_cannot_be_written_to_compiles_for_this_process_alone(mac, mac_expected):
    (mac.cache / "accelerators").write_text("no folder", "utf-8")
    embedder, told = mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)
    assert_same(embedder.encode(TEXTS), mac_expected)
    assert {s["cache"] for s in mac.sessions()} == {""}


def test_processes_that_start_together_compile_and_test_once(mac):
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: process(mac), range(3)))
    assert [str(ACCELERATED) in d.stdout for d in done] == [True] * 3
    empty = [shape(s) for s in mac.sessions() if s["cache_was_empty"]]
    assert sorted(empty) == sorted(BUCKETS)


def test_another_machine_system_runtime_or_option_is_tested_and_compiled_by_itself(mac, monkeypatch):
    mac.load()
    folders = len(mac.entries())
    for index, (name, value) in enumerate([("system_build", "14.5 23F79"), ("processor", "arm64, Apple M4")], 2):
        monkeypatch.setattr(coreml_trial, name, lambda value=value: value)
        mac.load()
        assert len(mac.entries()) == index * folders
        assert len(list(mac.cache.glob("accelerators/*.verdict.json"))) == index


def test_a_macs_build_is_read_where_the_system_keeps_it(tmp_path, monkeypatch):
    path = tmp_path / "SystemVersion.plist"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>'
        "<key>ProductBuildVersion</key><string>23F79</string>"
        "<key>ProductVersion</key><string>14.5</string></dict></plist>"
    )
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(hardware, "_SYSTEM_VERSION", path)
    assert system_build() == "14.5 23F79"
    path.write_text("no plist")
    assert system_build() not in ("", "14.5 23F79")
