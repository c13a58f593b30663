"""Which instruction set is used: the fastest that there is, or the one that ORTEMBED_ISA names."""

import os
import subprocess
import sys

import pytest
from _ortembed_testing import available_isas, layouts

from tests.conftest import ROOT
from tests.kernels.numbers import EACH_ISA

CODE = "from _ortembed_testing import chosen_isa; print(chosen_isa())"
KNOWN = ["plain", "avx2", "avx_vnni", "avx512_vnni", "avx512_bf16", "neon_dot", "neon_i8mm"]


def chosen(isa=None):
    search = os.pathsep.join(path for path in sys.path if path)
    variables = {**os.environ, "PYTHONPATH": search, **({} if isa is None else {"ORTEMBED_ISA": isa})}
    if isa is None:
        variables.pop("ORTEMBED_ISA", None)
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=variables, capture_output=True, text=True, check=False, cwd=ROOT
    )
    return done.stdout.strip() or done.stderr


def test_plain_is_always_there_and_last():
    assert available_isas()[-1] == "plain"
    assert set(available_isas()) <= set(KNOWN)
    assert len(set(available_isas())) == len(available_isas())


def test_the_fastest_is_chosen():
    assert chosen() == available_isas()[0]


@EACH_ISA
def test_the_variable_names_another(isa):
    assert chosen(isa) == isa


@pytest.mark.parametrize("isa", sorted({"avx9", "AVX2", *KNOWN} - set(available_isas())))
def test_what_is_not_available_is_an_error_that_names_it_and_what_is(isa):
    message = chosen(isa)
    assert "InvalidInputError" in message
    assert isa in message
    assert "plain" in message


def test_an_empty_variable_names_none():
    assert chosen("") == available_isas()[0]


@EACH_ISA
def test_layouts_are_what_the_products_need(isa):
    for type_ in ("int8", "bfloat16"):
        assert layouts(isa)[type_]["most_inputs"] >= 4 * 4096
    assert layouts(isa)["attention_value_bytes"] in {2, 4}
