"""The checks of other platforms' wheels, on small modules of the same tools: good ones, one for each fault."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import partial

import lief
import pytest
from platforms.checks import SOURCES, WheelError, check_wheel
from platforms.debian import NoDebianError
from platforms.python_headers import import_library
from platforms.targets import TARGETS
from platforms.toolchain import make_tools, zig, zig_environment

GOOD = """
extern "C" __attribute__((visibility("default"))) void *PyInit__native();
extern "C" IMPORTED void *PyObject_Str(void *);
void *PyInit__native() { return PyObject_Str(nullptr); }
"""
FLAGS = {
    "Darwin": ["-bundle", "-Wl,-U,_PyObject_Str", "-Wl,-U,_PyUnicode_New"],
    "Linux": ["-shared", "-fPIC", "-fvisibility=hidden"],
    "Windows": ["-shared"],
}
EXPORT = '\nextern "C" __attribute__((visibility("default"))) int other() { return 1; }\n'
UNSTABLE = GOOD.replace("PyObject_Str", "PyUnicode_New")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="wheels for other platforms are built on Linux alone")


@pytest.fixture(scope="module", params=TARGETS)
def target(request):
    return TARGETS[request.param]


def compile_module(folder, target, source, *flags):
    """Compile and link in two steps, as CMake does; with -O3, for which zig has its C++ library already."""
    try:
        tools = make_tools(target)
    except NoDebianError as error:
        pytest.skip(f"NOT CHECKED: {error}")
    imported = "__declspec(dllimport)" if target.system == "Windows" else ""
    (folder / "module.cpp").write_text(source.replace("IMPORTED", imported), "utf-8")
    libraries = [import_library(zig(), folder)] if target.system == "Windows" else []
    module = folder / target.module
    compiler = str(tools / "c++")
    run = partial(subprocess.run, cwd=folder, env=zig_environment(), check=True)
    run([compiler, "-O3", "-fPIC", "-fvisibility=hidden", "-c", "module.cpp", "-o", "module.o"])
    run([compiler, "-O3", *FLAGS[target.system], *flags, "module.o", *libraries, "-o", module])
    return module


def make_wheel(folder, target, module, *, without=None, changed=None):
    """Put a module into a wheel with the package's Python files."""
    files = {path.relative_to(SOURCES).as_posix(): path.read_bytes() for path in SOURCES.glob("ortembed/**/*.py*")}
    files = {name: content for name, content in files.items() if name.endswith((".py", ".pyi")) and name != without}
    info = "ortembed-0.1.0.dist-info"
    files[f"{info}/METADATA"] = b"Metadata-Version: 2.1\nName: ortembed\nVersion: 0.1.0\n"
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {target.wheel_tag}\n".encode()
    files[f"ortembed/{target.module}"] = module.read_bytes()
    rows = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    wheel = folder / f"ortembed-0.1.0-{target.wheel_tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content + (b"\n# changed" if name == changed else b""))
    return wheel


@pytest.fixture(scope="module")
def good(tmp_path_factory, target):
    return compile_module(tmp_path_factory.mktemp("good"), target, GOOD)


def test_a_good_wheel_passes(tmp_path, target, good):
    check_wheel(make_wheel(tmp_path, target, good), target)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"without": "ortembed/embedder.py"}, "lacks ortembed/embedder.py"),
        ({"changed": "ortembed/embedder.py"}, "RECORD has another hash of ortembed/embedder.py"),
    ],
)
def test_wrong_files_are_found(tmp_path, target, good, fault, message):
    with pytest.raises(WheelError, match=message):
        check_wheel(make_wheel(tmp_path, target, good, **fault), target)


def test_a_wrong_tag_is_found(tmp_path, target, good):
    wheel = make_wheel(tmp_path, replace(target, platform_tag="any"), good)
    with pytest.raises(WheelError, match=f"should be {target.wheel_tag}"):
        check_wheel(wheel, target)


def test_a_symbol_outside_the_stable_abi_is_found(tmp_path, target):
    if target.system == "Windows":
        with pytest.raises(subprocess.CalledProcessError):  # the import library does not have it
            compile_module(tmp_path, target, UNSTABLE)
        return
    module = compile_module(tmp_path, target, UNSTABLE)
    with pytest.raises(WheelError, match="PyUnicode_New, outside the stable ABI"):
        check_wheel(make_wheel(tmp_path, target, module), target)


def test_another_processor_is_found(tmp_path, target, good):
    other = {"Darwin": "x86_64-macos", "Linux": "riscv64-linux-gnu", "Windows": "aarch64-windows-gnu"}[target.system]
    source = tmp_path / "other.c"
    source.write_text("void *PyInit__native(void) { return 0; }", "utf-8")
    module = tmp_path / target.module
    subprocess.run(
        [zig(), "cc", "-target", other, "-O3", "-shared", source, "-o", module], env=zig_environment(), check=True
    )
    with pytest.raises(WheelError, match="the module is for"):
        check_wheel(make_wheel(tmp_path, target, module), target)


def test_what_is_no_module_is_found(tmp_path, target):
    module = tmp_path / "nothing"
    module.write_bytes(b"nothing")
    with pytest.raises(WheelError, match="the module is no"):
        check_wheel(make_wheel(tmp_path, target, module), target)


@pytest.mark.parametrize("target", ["macos-arm64"], indirect=True)
class TestMacos:
    def changed(self, tmp_path, good, change):
        module = lief.MachO.parse(str(good)).at(0)
        change(module)
        module.write(str(tmp_path / "changed"))
        return tmp_path / "changed"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda m: m.remove_signature(), "no code signature"),
            (lambda m: m.add_library("/opt/homebrew/lib/libother.dylib"), "loads /opt/homebrew/lib/libother.dylib"),
            (lambda m: m.add(lief.MachO.RPathCommand.create("/opt/lib")), "looks for libraries in /opt/lib"),
            (lambda m: setattr(m.build_version, "minos", [15, 0, 0]), "for macOS 15.0.0 and later"),
        ],
    )
    def test_wrong_commands_are_found(self, tmp_path, target, good, change, message):
        module = self.changed(tmp_path, good, change)
        with pytest.raises(WheelError, match=message):
            check_wheel(make_wheel(tmp_path, target, module), target)

    def test_a_change_after_signing_is_found(self, tmp_path, target, good):
        content = bytearray(good.read_bytes())
        content[lief.MachO.parse(str(good)).at(0).get_section("__text").offset] ^= 1
        (tmp_path / "changed").write_bytes(content)
        with pytest.raises(WheelError, match=r"changed at 0x\w+, after it was signed"):
            check_wheel(make_wheel(tmp_path, target, tmp_path / "changed"), target)

    def test_a_symbol_that_nothing_has_is_found(self, tmp_path, target):
        source = GOOD.replace("extern", 'extern "C" void nowhere();\nextern', 1).replace(
            "return", "nowhere(); return"
        )
        module = compile_module(tmp_path, target, source, "-Wl,-U,_nowhere")
        with pytest.raises(WheelError, match="nowhere, which neither Python nor the system has"):
            check_wheel(make_wheel(tmp_path, target, module), target)


@pytest.mark.parametrize("target", ["linux-aarch64", "linux-x86_64"], indirect=True)
class TestLinux:
    def test_another_export_is_found(self, tmp_path, target):
        module = compile_module(tmp_path, target, GOOD + EXPORT)
        with pytest.raises(WheelError, match="exports PyInit__native, other"):
            check_wheel(make_wheel(tmp_path, target, module), target)

    def test_a_folder_of_its_own_is_found(self, tmp_path, target):
        module = compile_module(tmp_path, target, GOOD, "-Wl,-rpath,/opt/lib")
        with pytest.raises(WheelError, match="a folder of its own"):
            check_wheel(make_wheel(tmp_path, target, module), target)

    def test_another_library_is_found(self, tmp_path, target):
        other = replace(target, module="libother.so")
        compile_module(tmp_path, other, EXPORT)
        source = GOOD.replace("void *PyInit__native() {", 'extern "C" int other(); void *PyInit__native() { other();')
        module = compile_module(tmp_path, target, source, "-L.", "-lother")
        with pytest.raises(WheelError, match=r"needs .*libother\.so"):
            check_wheel(make_wheel(tmp_path, target, module), target)

    def test_a_newer_glibc_is_found(self, tmp_path, target):
        newer = replace(target, name=f"{target.name}-newer", triple=target.triple.replace("2.28", "2.38"))
        source = GOOD.replace("extern", 'extern "C" unsigned arc4random();\nextern', 1).replace(
            "PyObject_Str(nullptr);", "arc4random() ? PyObject_Str(nullptr) : nullptr;"
        )
        module = compile_module(tmp_path, newer, source)
        with pytest.raises(WheelError, match="auditwheel says .*manylinux_2_36"):
            check_wheel(make_wheel(tmp_path, target, module), target)


@pytest.mark.parametrize("target", ["windows-x64"], indirect=True)
class TestWindows:
    def test_another_library_is_found(self, tmp_path, target):
        source = 'extern "C" __declspec(dllimport) int MessageBeep(unsigned);' + GOOD.replace(
            "return PyObject_Str(nullptr)", "return MessageBeep(1) ? PyObject_Str(nullptr) : nullptr"
        )
        module = compile_module(tmp_path, target, source, "-luser32")
        with pytest.raises(WheelError, match=r"needs USER32\.dll"):
            check_wheel(make_wheel(tmp_path, target, module), target)
