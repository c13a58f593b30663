"""What the commands are made of: files that appear when they are complete, files of vectors that are none."""

import pytest

from ortembed import InvalidInputError
from ortembed.cli.formats.sources import read_texts
from ortembed.cli.formats.vectors import read_vectors
from ortembed.cli.output import target_file


def test_two_that_write_one_target_do_not_meet(tmp_path):
    target = tmp_path / "out.npy"
    with target_file(target) as first:
        first.write(b"first, " * 3)
        with target_file(target) as second:
            second.write(b"second")
        assert target.read_bytes() == b"second"
    assert target.read_bytes() == b"first, " * 3
    assert [path.name for path in tmp_path.iterdir()] == ["out.npy"]


def test_a_target_that_is_not_completed_is_not_there(tmp_path):
    def fail():
        with target_file(tmp_path / "out.npy") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"\n", [""]),
        (b"\xef\xbb\xbf\n", [""]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"a\r\nb\r", ["a", "b\r"]),
        (b"a\n\r\n", ["a", ""]),
    ],
)
def test_lines_are_what_newlines_end(tmp_path, data, texts):
    path = tmp_path / "texts.txt"
    path.write_bytes(data)
    assert read_texts(str(path)) == texts


@pytest.mark.parametrize(
    "header",
    [
        f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**30}, 2)}}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 2)}",
        "{'descr': 5, 'fortran_order': False, 'shape': (1, 2)}",
        "(" * 500,
    ],
    ids=["too many rows", "rows that are no number", "no dtype", "no header"],
)
def test_a_header_that_numpy_stumbles_over_is_refused(tmp_path, header):
    path = tmp_path / "vectors.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header.encode() + b"\n")
    with pytest.raises(InvalidInputError, match="vectors.npy is not a .npy file that can be read"):
        read_vectors(path)
