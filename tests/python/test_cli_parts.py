"""What the commands are made of: files that appear when they are complete."""

import pytest

from ortembed.cli.output import target_file


def test_two_that_write_one_target_do_not_meet(tmp_path):
    target = tmp_path / "out.npy"
    with target_file(str(target)) as first:
        first.write(b"first, " * 3)
        with target_file(str(target)) as second:
            second.write(b"second")
        assert target.read_bytes() == b"second"
    assert target.read_bytes() == b"first, " * 3
    assert [path.name for path in tmp_path.iterdir()] == ["out.npy"]


def test_a_target_that_is_not_completed_is_not_there(tmp_path):
    def fail():
        with target_file(str(tmp_path / "out.npy")) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
