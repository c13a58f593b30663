"""The kernels on processors that this machine does not have, proven by their stand-alone test under an emulator.

Each processor lacks something that a later one has. There a program ends with an illegal instruction if code that was
compiled for the later one is used before it is asked what the processor can do.
"""

import platform
import shutil
import sys
from pathlib import Path

import _ortembed_testing
import pytest
from _ortembed_testing import available_isas
from platforms.debian import NoDebianError

from tests.kernels import emulation

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="QEMU runs programs of Linux alone")
SHAPES = "40"
NATIVE = Path(_ortembed_testing.__file__).with_name("kernels_selftest")
# What each processor has of the instruction sets that there are kernels for.
AARCH64_PROCESSORS = {
    "cortex-a53": {"plain"},
    "cortex-a76": {"plain", "neon_dot"},
    "max": {"plain", "neon_dot", "neon_i8mm"},
}
X86_PROCESSORS = {"Nehalem": {"plain"}, "Haswell": {"plain", "avx2"}}


def emulated(processor, model):
    try:
        return [emulation.emulator(processor), "-cpu", model]
    except NoDebianError as error:
        pytest.skip(f"no emulator: {error}")


@pytest.fixture(scope="module", params=["zig", "gcc"])
def aarch64(request):
    """The stand-alone test for AArch64, of each compiler."""
    if request.param == "gcc":
        if shutil.which(f"{emulation.GCC}g++") is None:
            pytest.skip("no GCC for AArch64")
        return emulation.build_with_gcc()
    try:
        return emulation.build_with_zig()
    except NoDebianError as error:
        pytest.skip(f"no C library for AArch64: {error}")


@pytest.mark.parametrize("model", AARCH64_PROCESSORS)
def test_aarch64(aarch64, model):
    command = [*emulated("aarch64", model), *aarch64]
    names = emulation.run(command).split()
    assert names[-1] == "plain"
    assert set(names) == AARCH64_PROCESSORS[model]
    for name in names:
        assert emulation.run(command, name, SHAPES) == ""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a program of this machine for an older one")
@pytest.mark.parametrize("model", X86_PROCESSORS)
def test_older_x86(model):
    command = [*emulated("x86_64", model), NATIVE]
    names = emulation.run(command).split()
    assert set(names) == X86_PROCESSORS[model] & set(available_isas())
    for name in names:
        assert emulation.run(command, name, SHAPES) == ""


def test_a_failure_is_told():
    assert "not available" in emulation.run([NATIVE], "avx9")
