"""What hides instructions from the runtime: the bytes that it changes, what a library then finds, and the tables."""

from __future__ import annotations

import ctypes
import platform
import shutil
import signal
import subprocess
import sys
from collections import Counter

import pytest
from bench.errors import EngineError
from bench.without_vnni import hiding
from bench.without_vnni.comparison import ratios_table, round_ratios
from bench.without_vnni.hiding import check_system, hiding_variables, tool
from bench.without_vnni.older import AVX2, AVX512
from bench.without_vnni.rewriting import changes, file_offset, write_copy
from bench.without_vnni.rows import OURS, OURS_AVX512, ROWS, RUNTIME, rows_of_machine

can_hide = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or not (shutil.which("objdump") and shutil.which("cc")),
    reason="instructions are hidden on Linux x86-64, with a compiler and objdump",
)

# One cpuid, and its bytes in an immediate and in data; of AVX-512, of VNNI in both encodings, and of AVX2 one each.
LIBRARY = r"""
#include <cpuid.h>
const unsigned char data[] = {0x0f, 0xa2, 0x0f, 0xa2, 0x62, 0xf1, 0x75, 0x48};
unsigned immediate(void) { unsigned value; __asm__ volatile("movl $0xa20fa20f, %0" : "=r"(value)); return value; }
void features(unsigned subleaf, unsigned* found) {
  __cpuid_count(7, subleaf, found[0], found[1], found[2], found[3]);
}
void avx2(void) { __asm__ volatile("vpaddd %ymm1, %ymm1, %ymm1"); }
void avx512(void) { __asm__ volatile("vpaddd %zmm1, %zmm1, %zmm1"); }
void vnni(void) { __asm__ volatile("vpdpbusd %zmm1, %zmm1, %zmm1"); }
void avx_vnni(void) { __asm__ volatile("{vex} vpdpbusd %ymm1, %ymm1, %ymm1"); }
void trap(void) { __builtin_trap(); }
"""
CALL = """
import ctypes, os, sys
library = ctypes.CDLL(os.environ["ORTEMBED_ONNXRUNTIME_LIBRARY"])
if sys.argv[1] != "features":
    sys.exit(getattr(library, sys.argv[1])() and 0)
for subleaf in (0, 1):
    found = (ctypes.c_uint * 4)()
    library.features(subleaf, found)
    print(*found)
"""
FIRST_AVX512 = 1 << 16 | 1 << 17 | 1 << 28 | 1 << 30 | 1 << 31
VNNI_ECX, AVX_VNNI_EAX, AVX2_EBX = 1 << 11, 1 << 4, 1 << 5


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    (folder / "asks.c").write_text(LIBRARY, "utf-8")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", folder / "asks.c", "-o", folder / "libasks.so"], check=True)
    return folder / "libasks.so"


@pytest.fixture
def call(library, monkeypatch, tmp_path):
    monkeypatch.setattr(hiding, "BUILT", tmp_path)

    def run(processor, function):
        variables = hiding_variables(library, processor)
        command = [sys.executable, "-c", CALL, function]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    return run


def own_features(library, subleaf):
    found = (ctypes.c_uint * 4)()
    ctypes.CDLL(str(library)).features(subleaf, found)
    return list(found)


@can_hide
@pytest.mark.parametrize(
    ("processor", "lacking"),
    [(AVX2, {(0x62, 0x07): 2, (0xC4, 0x07): 1}), (AVX512, {(0x62, 0x07): 1, (0xC4, 0x07): 1})],
)
def test_the_first_bytes_of_these_instructions_change_and_no_other(library, tmp_path, processor, lacking):
    count = write_copy(library, tmp_path / "copy.so", processor, shutil.which("objdump"))
    before, after = library.read_bytes(), (tmp_path / "copy.so").read_bytes()
    assert len(before) == len(after)
    changed = Counter((old, new) for old, new in zip(before, after, strict=True) if old != new)
    assert changed == {(0x0F, 0x06): 1, **lacking}
    assert count == changed.total()
    assert bytes([0x0F, 0xA2, 0x0F, 0xA2, 0x62, 0xF1, 0x75, 0x48]) in after  # the data
    assert ctypes.CDLL(str(tmp_path / "copy.so")).immediate() & 0xFFFFFFFF == 0xA20FA20F


@can_hide
@pytest.mark.parametrize(("processor", "kept"), [(AVX2, 0), (AVX512, FIRST_AVX512)])
def test_the_library_finds_the_pretended_processor(library, call, processor, kept):
    first, second = ([int(word) for word in line.split()] for line in call(processor, "features").stdout.splitlines())
    own_first, own_second = own_features(library, 0), own_features(library, 1)
    assert first[1] & FIRST_AVX512 == own_first[1] & kept
    assert first[1] & AVX2_EBX == own_first[1] & AVX2_EBX
    assert first[2] & VNNI_ECX == 0
    assert second[0] & AVX_VNNI_EAX == 0
    unknown = ~(0xFFFFFFFF & (AVX_VNNI_EAX | 1 << 5 | 1 << 21 | 1 << 23))
    assert second[0] & unknown == own_second[0] & unknown


@can_hide
@pytest.mark.parametrize(
    ("processor", "function"), [(AVX2, "avx512"), (AVX2, "vnni"), (AVX512, "vnni"), (AVX512, "avx_vnni")]
)
def test_a_hidden_instruction_ends_the_process(call, processor, function):
    done = call(processor, function)
    assert done.returncode == -signal.SIGILL
    assert done.stderr == "an instruction ran that was to be hidden\n"


@can_hide
def test_another_illegal_instruction_ends_it_too(call):
    done = call(AVX2, "trap")
    assert done.returncode == -signal.SIGILL
    assert done.stderr == "an illegal instruction, none that was hidden\n"


@can_hide
def test_a_library_that_asks_nothing_is_refused(tmp_path):
    (tmp_path / "quiet.c").write_text("int answer(void) { return 42; }\n", "utf-8")
    subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "quiet.c", "-o", tmp_path / "quiet.so"], check=True)
    with pytest.raises(EngineError, match="found 0 cpuid"):
        write_copy(tmp_path / "quiet.so", tmp_path / "copy.so", AVX2, shutil.which("objdump"))


def test_a_listing_is_read_by_instructions():
    listing = [
        "00000000000011f0 <cpuid_of>:\n",
        "    1200:\t0f a2                \tcpuid\n",
        "    1202:\tb8 0f a2 0f a2       \tmov    $0xa20fa20f,%eax\n",
        "    1207:\te8 00 62 00 00       \tcall   740c <cpuid>\n",
        "    120c:\t62 f2 75 48 50 c9    \tvpdpbusd %zmm1,%zmm1,%zmm1\n",
        "    1212:\t62 f1 75 48 fe c9    \tvpaddd %zmm1,%zmm1,%zmm1\n",
        "    1218:\tc4 e2 75 50 c9       \t{vex} vpdpbusd %ymm1,%ymm1,%ymm1\n",
        "    121d:\tc4 e3 75 40 c9 00    \tvdpps  $0x0,%ymm1,%ymm1,%ymm1\n",
    ]
    newest = [(0x1200, 0x0F, 0x06), (0x120C, 0x62, 0x07), (0x1218, 0xC4, 0x07)]
    assert list(changes(listing, AVX512)) == newest
    assert sorted(changes(listing, AVX2)) == sorted([*newest, (0x1212, 0x62, 0x07)])


def test_addresses_are_looked_up_in_what_is_loaded():
    segments = [(0, 0, 0x1000), (0x3000, 0x1000, 0x200)]
    assert file_offset(segments, 0x3010) == 0x1010
    with pytest.raises(EngineError, match="3200"):
        file_offset(segments, 0x3200)


@can_hide
@pytest.mark.parametrize(("there", "missing"), [((), "cc"), (("cc",), "objdump")])
def test_where_a_tool_is_missing_nothing_is_left_behind(call, monkeypatch, tmp_path, there, missing):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in there:
        (tools / name).write_text("#!/bin/sh\nexit 0\n", "utf-8")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(EngineError, match=f"{missing}, which is not here"):
        call(AVX2, "features")
    assert [path.name for path in tmp_path.iterdir()] == ["tools"]


def test_other_systems_and_missing_tools_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="objdump, which is not here; install binutils"):
        tool("objdump", "binutils")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(EngineError, match="on Linux x86-64 alone"):
        check_system()


def test_only_processors_older_than_the_machine_are_pretended():
    assert rows_of_machine(["avx2", "fma", "avx512f", "avx512_vnni"]) == list(ROWS)
    assert {row.processor for row in rows_of_machine(["avx2", "avx_vnni"])} == {AVX2, None}
    assert OURS_AVX512 not in rows_of_machine(["avx2", "avx_vnni"])
    assert rows_of_machine(["avx2", "fma"])[:2] == [OURS, RUNTIME]
    assert {row.processor for row in rows_of_machine(["avx2", "fma"])} == {AVX2}


def record(label, queries, seconds):
    return {
        "label": label,
        "instructions": "AVX2",
        "queries": [{"seconds": turn} for turn in queries],
        "corpora": {name: [{"seconds": second} for second in seconds] for name in ("short", "mixed", "long")},
    }


def test_ratios_are_of_the_same_round():
    ours = record("ours", [[1.0, 1.0, 9.0], [2.0, 2.0, 2.0]], [1.0, 10.0, 2.0])
    other = record("other", [[3.0, 3.0, 3.0], [2.0, 2.0, 9.0]], [1.5, 20.0, 1.0])
    assert round_ratios(ours, other, "query") == [3.0, 1.0]
    assert round_ratios(ours, other, "mixed") == [1.5, 2.0, 0.5]
    assert "| 2.00 (1.00 to 3.00) | 1.50 (0.50 to 2.00) |" in ratios_table(ours, [other])
