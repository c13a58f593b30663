"""Which form of graph a model gets, row by row, and what users are told of it."""

import json
import re

import numpy as np
import pytest

import ortembed
from ortembed import Embedder, InvalidInputError, ModelLoadError, ProviderUnavailableError
from ortembed.cli import main
from ortembed.instructions import instruction_set
from ortembed.prepare import find_prepared, forms, prepare
from ortembed.prepare.architectures import packed_refusal
from ortembed.prepare.forms import DTYPES, FORMS, choose_form
from ortembed.prepare.request import packed_obstacle
from ortembed.prepare.store import Store
from tests.parity.reference.families import FAMILIES
from tests.python.tiny_models import MEAN_POOLING, save_bert, save_onnx

ONNX = {"obstacle": "ONNX files are run by the runtime's operators"}
OWN = "packed: ortembed's own operators, "
VNNI = {"isa": "avx512_vnni"}
CUDA = {"provider": "CUDAExecutionProvider"}
CHOICES = [
    ("float32", {}, "cpu", "padded: float32 runs on the runtime's operators"),
    ("float32", VNNI, "cpu", "padded: float32 runs on the runtime's operators"),
    ("float32", {"asked": "cpu"}, "cpu", "padded: asked for"),
    ("float32", {"asked": "coreml"}, "coreml", "coreml: float32 in fixed shapes, which CoreML compiles"),
    ("float32", CUDA, "cpu", "padded: CUDAExecutionProvider runs the runtime's operators"),
    ("int8", VNNI, "packed", OWN + "AVX-512 VNNI"),
    ("int8", {"isa": "avx2"}, "packed", OWN + "AVX2"),
    ("int8", {"isa": "avx512"}, "packed", OWN + "AVX-512"),
    ("int8", {"isa": "neon_i8mm"}, "packed", OWN + "NEON I8MM"),
    ("int8", {"isa": "plain"}, "cpu", "padded: ortembed's own operators have no fast instructions on this CPU"),
    ("int8", {"isa": "plain", "asked": "packed"}, "packed", OWN + "no vector instructions"),
    ("int8", VNNI | {"asked": "cpu"}, "cpu", "padded: asked for"),
    ("int8", VNNI | ONNX, "cpu", "padded: ONNX files are run by the runtime's operators"),
    ("int8", {"isa": "plain"} | ONNX, "cpu", "padded: ONNX files are run by the runtime's operators"),
    ("int8", VNNI | CUDA, "cpu", "padded: CUDAExecutionProvider runs the runtime's operators"),
    ("bfloat16", {"isa": "avx512_bf16"}, "packed", OWN + "AVX-512 VNNI and BF16"),
    ("bfloat16", VNNI | {"asked": "packed"}, "packed", OWN + "AVX-512 VNNI"),
    ("bfloat16", {"isa": "plain"}, "packed", OWN + "no vector instructions"),
]
REFUSED = [
    ("float32", {"asked": "packed"}, InvalidInputError, "form='packed' has no float32; leave the form out"),
    ("bfloat16", {"asked": "cpu"}, InvalidInputError, "form='cpu' has no bfloat16"),
    ("bfloat16", {"asked": "coreml"}, InvalidInputError, "form='coreml' has no bfloat16"),
    ("int8", {"asked": "coreml"}, InvalidInputError, "form='coreml' has no int8"),
    (
        "bfloat16",
        ONNX,
        ModelLoadError,
        "dtype='bfloat16' is for ortembed's own operators, but ONNX files are .*; use dtype='float32' or 'int8'",
    ),
    ("int8", VNNI | ONNX | {"asked": "packed"}, ModelLoadError, "form='packed' is for .*; leave the form out"),
    (
        "bfloat16",
        CUDA,
        ProviderUnavailableError,
        "but CUDAExecutionProvider runs .*; use providers='cpu', or dtype='float32' or 'int8'",
    ),
    ("int8", VNNI | CUDA | {"asked": "packed"}, ProviderUnavailableError, "but CUDA.*; leave the form out"),
]


@pytest.mark.parametrize(("dtype", "given", "form", "reason"), CHOICES)
def test_the_form_follows_from_what_is_there(dtype, given, form, reason):
    assert choose_form(dtype, **given) == (form, reason)


@pytest.mark.parametrize(("dtype", "given", "error", "message"), REFUSED)
def test_what_cannot_be_is_told_with_a_way_out(dtype, given, error, message):
    with pytest.raises(error, match=message):
        choose_form(dtype, **given)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_but_the_causal_one_can_be_packed(family):
    config = {"model_type": family, **FAMILIES[family][0].config}
    expected = "they have neither qwen3's causal attention nor its shared heads" if family == "qwen3" else None
    assert packed_refusal(config) == expected


def test_a_model_that_has_only_an_onnx_file_is_told_by_its_files(tmp_path):
    files = {path.name: path for path in save_onnx(tmp_path / "model").iterdir()}
    assert packed_obstacle(files) == ONNX["obstacle"]
    files = {path.name: path for path in save_bert(tmp_path / "bert").iterdir()}
    assert packed_obstacle(files) is None


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("model"), **MEAN_POOLING)


@pytest.fixture
def keys(monkeypatch):
    """Collect the keys that are looked for, of which none is there."""
    asked = []

    def find(_store, key, *_):
        asked.append(key)

    monkeypatch.setattr(Store, "find", find)
    return asked


def test_each_dtype_and_form_has_an_entry_of_its_own(bert, tmp_path, keys):
    for dtype in DTYPES:
        for form in FORMS:
            if (dtype, form) not in forms._IMPOSSIBLE:
                assert find_prepared(str(bert), cache_dir=tmp_path, dtype=dtype, form=form) is None
    assert len(set(keys)) == len(keys) == len(DTYPES) * len(FORMS) - len(forms._IMPOSSIBLE)


def test_the_form_that_is_chosen_has_the_entry_of_the_one_that_is_asked_for(bert, tmp_path, keys):
    for form in (None, "packed", None, "cpu"):
        dtype = "bfloat16" if len(keys) < 2 else "float32"
        find_prepared(str(bert), cache_dir=tmp_path, dtype=dtype, form=form)
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]


def test_prepare_chooses_by_the_instructions_of_this_machine(bert, tmp_path, monkeypatch, keys):
    chosen = {}
    for isa in ("plain", "avx2"):
        monkeypatch.setattr("ortembed.prepare.request.instruction_set", lambda isa=isa: isa)
        find_prepared(str(bert), cache_dir=tmp_path, dtype="int8")
        chosen[isa] = keys[-1]
    find_prepared(str(bert), cache_dir=tmp_path, dtype="int8", form="cpu")
    assert chosen["plain"] == keys[-1] != chosen["avx2"]


@pytest.mark.parametrize("options", [{}, {"form": "packed"}])
def test_bfloat16_of_an_onnx_file_says_what_to_use(tmp_path, options):
    folder = save_onnx(tmp_path / "model")
    with pytest.raises(
        ModelLoadError, match="but ONNX files are run by the runtime's operators; use dtype='float32'"
    ):
        ortembed.Embedder(folder, cache_dir=tmp_path / "cache", dtype="bfloat16", **options)


def test_another_provider_leaves_bfloat16_to_the_cpu(bert, tmp_path):
    message = "dtype='bfloat16' is for ortembed's own operators, but AzureExecutionProvider runs"
    with pytest.raises(ProviderUnavailableError, match=message):
        ortembed.Embedder(bert, cache_dir=tmp_path, dtype="bfloat16", providers="azure")


@pytest.mark.parametrize("form", ["coreml", "onnx"])
def test_an_embedder_takes_no_other_form(bert, tmp_path, form):
    with pytest.raises(InvalidInputError, match=f"form is '{form}'|form='{form}'"):
        ortembed.Embedder(bert, cache_dir=tmp_path, form=form)


@pytest.mark.parametrize(("dtype", "form"), [("float32", None), ("float32", "cpu"), ("int8", "cpu")])
def test_an_embedder_tells_its_form_and_why(cache_dir, dtype, form):
    where = {"cache_dir": cache_dir, "local_files_only": True}
    embedder = ortembed.Embedder(dtype=dtype, form=form, **where)
    info, report = embedder.model_info(), embedder.provider_report()
    reason = "padded: asked for" if form else "padded: float32 runs on the runtime's operators"
    assert (info.dtype, info.form, info.form_reason) == (dtype, "cpu", reason)
    assert (report.form, report.form_reason) == (info.form, info.form_reason)
    assert embedder.config()["form"] == form
    assert ortembed.Embedder(**embedder.config(), **where).fingerprint == embedder.fingerprint


def test_the_commands_tell_form_reason_and_instructions(ortembed, cache_dir):
    variant = ["all-minilm-l6-v2", "--dtype", "int8", "--form", "cpu"]
    told = ortembed("prepare", *variant).stdout.decode()
    assert re.search(r"^form_reason +padded: asked for$", told, re.MULTILINE)
    told = json.loads(ortembed("info", *variant, "--json").stdout)
    assert (told["dtype"], told["form"], told["form_reason"]) == ("int8", "cpu", "padded: asked for")
    assert told["quality"]["cosine_min"] > 0.98
    assert told["machine"]["instruction set"].startswith(instruction_set())
    told = ortembed("verify", *variant).stdout.decode()
    assert re.search(r"^form +cpu$", told, re.MULTILINE)
    assert prepare("all-minilm-l6-v2", cache_dir=cache_dir).form_reason.startswith("padded: float32")


RUNNING = ["--dtype", "int8", "--form", "cpu"]


def test_commands_that_run_a_model_take_a_form(ortembed, cache_dir, embedder, tmp_path):
    expected = Embedder(cache_dir=cache_dir, local_files_only=True, dtype="int8", form="cpu").encode(["a cat"])
    done = ortembed("embed", "-", "-o", tmp_path / "out.npy", *RUNNING, stdin="a cat\n")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
    assert json.loads(ortembed("doctor", *RUNNING, "--json").stdout)["form"] == "cpu"
    told = json.loads(ortembed("bridge", "all-minilm-l6-v2", *RUNNING, stdin='{"method": "model_info"}\n').stdout)
    assert (told["form"], told["form_reason"]) == ("cpu", "padded: asked for")


@pytest.mark.parametrize("command", ["embed", "search", "serve", "bridge", "doctor"])
def test_what_runs_a_model_takes_no_form_of_an_accelerator(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--form", "coreml"])
    assert "argument --form: invalid choice: 'coreml' (choose from" in capsys.readouterr().err


def test_info_gives_the_command_that_prepares_a_dtype(ortembed, bert, tmp_path):
    told = ortembed("info", bert, "--dtype", "bfloat16", "--cache-dir", tmp_path).stderr.decode()
    assert told.endswith(f"run: ortembed prepare {bert} --dtype bfloat16 --cache-dir {tmp_path}\n")
