"""The closed list of errors: each class exported, documented, and in the README's table."""

import pytest

import ortembed
from ortembed import errors
from tests.conftest import ROOT

KINDS = [
    "CancelledError",
    "InferenceError",
    "IntegrityError",
    "InvalidInputError",
    "ModelLoadError",
    "ModelNotFoundError",
    "ProviderUnavailableError",
    "RuntimeLibraryError",
    "ServiceUnavailableError",
]


def test_the_list_is_closed():
    assert sorted(errors.__all__) == sorted([*KINDS, "OrtembedError"])
    assert sorted(kind.__name__ for kind in ortembed.OrtembedError.__subclasses__()) == KINDS


@pytest.mark.parametrize("name", KINDS)
def test_each_class_derives_from_the_base_and_is_documented(name):
    kind = getattr(ortembed, name)
    assert issubclass(kind, ortembed.OrtembedError)
    assert issubclass(kind, ValueError) == (name == "InvalidInputError")
    assert kind.__doc__
    assert f"| `{name}`" in (ROOT / "README.md").read_text("utf-8")
