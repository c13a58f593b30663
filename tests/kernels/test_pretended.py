"""The kernels on processors without VNNI, AVX-512's first among them, which QEMU does not emulate.

A copy of their stand-alone test asks us what the processor can do, and ends with an illegal instruction where it uses
what that one lacks.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import _ortembed_testing
import pytest
from _ortembed_testing import available_isas
from bench.without_vnni.hiding import build_handler
from bench.without_vnni.older import AVX2, AVX512
from bench.without_vnni.rewriting import write_copy

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or not (shutil.which("objdump") and shutil.which("cc")),
    reason="instructions are hidden on Linux x86-64, with a compiler and objdump",
)
SHAPES = "40"
NATIVE = Path(_ortembed_testing.__file__).with_name("kernels_selftest")


@pytest.fixture(params=[(AVX2, ["avx2", "plain"]), (AVX512, ["avx512", "avx2", "plain"])], ids=["avx2", "avx512"])
def processor(request):
    """A processor and its instruction sets, the fastest first."""
    found, isas = request.param
    return found if isas[0] in available_isas() else pytest.skip("this machine is older"), isas


def test_it_has_just_these_sets_and_they_need_no_other(processor, tmp_path):
    pretended, isas = processor
    copy, handler = tmp_path / NATIVE.name, tmp_path / "hidden_cpuid.so"
    write_copy(NATIVE, copy, pretended, shutil.which("objdump"))
    copy.chmod(0o755)
    build_handler(handler, pretended)

    def run(*arguments):
        environment = {**os.environ, "LD_PRELOAD": str(handler)}
        return subprocess.run([copy, *arguments], env=environment, capture_output=True, text=True, check=False)

    listed = run()
    assert listed.stdout.split() == isas, listed.stderr
    for isa in isas:
        done = run(isa, SHAPES)
        assert (done.returncode, done.stderr) == (0, "")
