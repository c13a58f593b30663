"""Finding and opening the ONNX Runtime library: the floor, what is refused, and telemetry."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest

import ortembed
from ortembed import RuntimeLibraryError
from ortembed.runtime_library import VARIABLE, find_runtime_library
from tests.conftest import ROOT


def runtime(version):
    """Another version of the runtime, put there by ./dev test."""
    (library,) = (ROOT / ".dev/runtimes" / version).rglob("*onnxruntime.*")
    return library


def load(cache_dir):
    return ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)


def test_the_library_is_found_in_the_installed_package():
    assert find_runtime_library().parent.parts[-2:] == ("onnxruntime", "capi")


@pytest.mark.one_runtime
def test_the_oldest_supported_runtime_gives_the_same_vectors(monkeypatch, cache_dir, embedder, golden):
    monkeypatch.setenv(VARIABLE, str(runtime("1.21.0")))
    old = load(cache_dir)
    assert old.model_info().runtime_version == "1.21.0"
    assert embedder.model_info().runtime_version != "1.21.0"
    texts = golden[0]["texts"][:54]  # those that are not truncated
    np.testing.assert_allclose(old.encode(texts), golden[1]["normalized"][:54], rtol=0, atol=1e-5)


def test_a_runtime_below_the_floor_is_refused(monkeypatch, cache_dir):
    monkeypatch.setenv(VARIABLE, str(runtime("1.20.1")))
    with pytest.raises(RuntimeLibraryError, match=r"version 1\.20\.1 is too old; ortembed needs 1\.21 or newer"):
        load(cache_dir)


@pytest.fixture
def compile_library(tmp_path):
    def compile_library(source):
        (tmp_path / "library.cpp").write_text(source, "utf-8")
        library = tmp_path / "library.so"
        compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
        command = [compiler, "-shared", "-fPIC", "-o", library, tmp_path / "library.cpp"]
        subprocess.run(command, check=True)
        return library

    return compile_library


@pytest.mark.one_runtime
@pytest.mark.parametrize("name", ["none.so", "größe.so", "not-utf-8-\udce9.so"])
def test_a_missing_file_is_named(monkeypatch, cache_dir, tmp_path, name):
    monkeypatch.setenv(VARIABLE, str(tmp_path / name))
    shown = name.replace("\udce9", "\\xe9")
    with pytest.raises(RuntimeLibraryError, match=re.escape(f"{shown}: no such file")):
        load(cache_dir)


@pytest.mark.one_runtime
def test_a_file_that_is_no_library_is_named(monkeypatch, cache_dir, tmp_path):
    (tmp_path / "text.so").write_text("text", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "text.so"))
    with pytest.raises(RuntimeLibraryError, match=r"text\.so: cannot be opened"):
        load(cache_dir)


@pytest.mark.one_runtime
def test_another_library_is_named(monkeypatch, cache_dir, compile_library):
    monkeypatch.setenv(VARIABLE, str(compile_library("int nothing;")))
    with pytest.raises(RuntimeLibraryError, match=r"library\.so: does not export OrtGetApiBase"):
        load(cache_dir)


@pytest.mark.one_runtime
@pytest.mark.parametrize("version", ["1.99.0", "2.0.0", "nonsense", ""])
def test_a_version_that_lacks_our_api_is_refused(monkeypatch, cache_dir, compile_library, version):
    source = """
        struct Base { const void* (*get)(unsigned); const char* (*version)(); };
        static const void* get(unsigned) { return nullptr; }
        static const char* version() { return "VERSION"; }
        static Base base{get, version};
        extern "C" const Base* OrtGetApiBase() { return &base; }
    """
    monkeypatch.setenv(VARIABLE, str(compile_library(source.replace("VERSION", version))))
    with pytest.raises(RuntimeLibraryError, match="is too old|does not offer API version"):
        load(cache_dir)


@pytest.mark.one_runtime
def test_the_package_is_asked_for_where_it_is_missing(monkeypatch, cache_dir):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RuntimeLibraryError, match="pip install onnxruntime"):
        load(cache_dir)


# Replaces getenv for the whole process, and notes what the runtime reads; LD_PRELOAD puts it first.
SPY = r"""
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
extern "C" char** environ;
extern "C" char* getenv(const char* name) {
  const size_t length = strlen(name);
  char* found = nullptr;
  for (char** entry = environ; entry && *entry; ++entry)
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') found = *entry + length + 1;
  if (strcmp(name, "ORT_DISABLE_TELEMETRY") == 0) dprintf(1, "read %s\n", found ? found : "unset");
  return found;
}
"""
LOAD = "import sys, ortembed; ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True).encode('x')"


# Under CI the runtime keeps quiet without asking for the variable.
NO_CI = dict.fromkeys(["CI", "GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "TRAVIS", "CIRCLECI", "JENKINS_URL"], "")


@pytest.mark.parametrize(("users", "ours"), [({}, "read unset"), ({"ORT_DISABLE_TELEMETRY": "0"}, "read 0")])
def test_telemetry_is_off_when_the_runtime_looks(run_python, compile_library, embedder, cache_dir, users, ours):
    """The first read is ours, to put the variable back; the others are the runtime's own."""
    preload = f"{os.environ.get('LD_PRELOAD', '')} {compile_library(SPY)}"
    first, *others = run_python(LOAD, cache_dir, LD_PRELOAD=preload, **NO_CI, **users).splitlines()
    assert first == ours
    has_telemetry = int(embedder.model_info().runtime_version.split(".")[1]) >= 29
    assert others == (["read 1"] if has_telemetry else [])


def test_the_environment_is_put_back(run_python, embedder, cache_dir):
    ask = "; import ctypes; get = ctypes.CDLL(None).getenv; get.restype = ctypes.c_char_p"
    ask += "; print(get(b'ORT_DISABLE_TELEMETRY'))"
    assert run_python(LOAD + ask, cache_dir) == "None\n"
    assert run_python(LOAD + ask, cache_dir, ORT_DISABLE_TELEMETRY="0") == "b'0'\n"
