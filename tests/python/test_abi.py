"""Our slice of the C ABI against the official header, by compiling the comparison."""

import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT

HEADER = ROOT / ".dev/header"
SOURCE = ROOT / "src/cpp"

needs_header = pytest.mark.skipif(
    not HEADER.exists(),
    reason="ABI NOT CHECKED: the official header cannot be had here (Debian's libonnxruntime-dev)",
)


def compile_check(source, build):
    configure = ["cmake", "-S", ROOT / "tests/cpp/abi_check", "-B", build]
    configure += [f"-DORTEMBED_SOURCE={source}", f"-DORTEMBED_HEADER={HEADER}"]
    subprocess.run(configure, check=True, capture_output=True)
    return subprocess.run(["cmake", "--build", build], check=False, capture_output=True, text=True)


@needs_header
def test_slots_signatures_and_enums_are_the_official_ones(tmp_path):
    done = compile_check(SOURCE, tmp_path / "build")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_header
@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        (r"X\(Run, 9,", "X(Run, 10,", "slot of Run"),
        (r"\(OrtValue\*, void\*\*\)", "(OrtEnv*, void**)", "signature of GetTensorMutableData"),
        (r"\(ORTEMBED_ORT_CALL\* Free\)\(OrtAllocator\*, void\*\)", "(*Free)(OrtAllocator*)", "signature of Free"),
        ("int64 = 7", "int64 = 8", "ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64"),
        (r"X\(KernelContext_GetInput, 90,", "X(KernelContext_GetInput, 91,", "slot of KernelContext_GetInput"),
        (
            r"(  int\(\S+ GetStartVersion\)\S+ ?\S+;\n)(  int\(\S+ GetEndVersion\)\S+ ?\S+;\n)",
            r"\2\1",
            "place of GetEndVersion in OrtCustomOp",
        ),
        (r"(GetOutputType\)\(const OrtCustomOp\*), std::size_t\)", r"\1)", "signature of GetOutputType"),
        (r"  void\(\S+ ReleaseAliasMap\)\(int\*, int\*\);\n", "", "ReleaseAliasMap"),
    ],
)
def test_the_check_fails_on_a_wrong_entry(tmp_path, right, wrong, complaint):
    shutil.copytree(SOURCE / "ort", tmp_path / "ort")
    header = tmp_path / "ort/abi.h"
    text, changes = re.subn(right, wrong, header.read_text("utf-8"))
    assert changes == 1
    header.write_text(text, "utf-8")
    done = compile_check(tmp_path, tmp_path / "build")
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr
