"""A run of ``ortembed embed`` that ended early, and the same command again: nothing lost, nothing twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from ortembed import InvalidInputError
from ortembed.cli import job
from ortembed.cli.encoding import Encoding
from ortembed.cli.target_lock import target_lock

ROWS = 300  # four chunks: of 64, 64, 128 and 44 rows


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("id,text\n" + "".join(f"{i},word {i}\n" for i in range(ROWS)), "utf-8")
    return path


@pytest.fixture
def interrupted(monkeypatch):
    """Let Ctrl-C come after so many chunks; give what collects the texts of later calls once it has come."""

    def after(chunks):
        left, texts = [chunks], []
        whole = Encoding.encode_chunk

        def encode(self, some):
            if left[0] == 0:
                left[0] = -1
                raise KeyboardInterrupt
            if left[0] < 0:
                texts.extend(some)
            left[0] -= left[0] > 0
            return whole(self, some)

        monkeypatch.setattr(Encoding, "encode_chunk", encode)
        return texts

    return after


def content(path):
    return pq.read_table(path) if path.suffix == ".parquet" else path.read_bytes()


def folder_of(target):
    return target.with_name(f".{target.name}.partial")


def done_rows(target):
    try:
        return json.loads((folder_of(target) / "record.json").read_text("utf-8"))["done"]
    except FileNotFoundError:
        return 0


@pytest.mark.one_runtime
@pytest.mark.parametrize("output", ["npy", "jsonl", "parquet"])
def test_a_run_that_is_killed_time_and_again(embed, environment, tmp_path, output):
    """Five kills with -9 for each format, each a while after the run has come further than the one before."""
    rows = 1200
    path = tmp_path / "in.csv"
    path.write_text("id,text\n" + "".join(f"{i}," + f"word {i} of a text " * 8 + "\n" for i in range(rows)), "utf-8")
    embed(path, "-o", tmp_path / f"whole.{output}")
    target = tmp_path / f"out.{output}"
    command = [sys.executable, "-m", "ortembed", "embed", str(path), "-o", str(target)]
    randomness = random.Random(20261126)  # noqa: S311 - not for secrets
    left = []
    for kill in range(5):
        before = done_rows(target)
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            while kill and done_rows(target) <= before and process.poll() is None:  # the first falls anywhere
                time.sleep(0.001)
            time.sleep(randomness.random() * 0.1)
            process.kill()
            told = process.stderr.read().decode()
        assert not before or f"going on after {before} of {rows} rows" in told
        if target.exists():  # a fast machine, which was done before the kill
            break
        left.append(done_rows(target))
    assert [done for done in left if 0 < done < rows], left  # else nothing was interrupted
    assert subprocess.run(command, env=environment, check=False).returncode == 0
    assert content(target) == content(tmp_path / f"whole.{output}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", f"out.{output}", f"whole.{output}"]


@pytest.mark.parametrize(
    "arguments", [["out.npy"], ["out.jsonl"], ["out.parquet"], ["out.npy", "--precision", "int8"]]
)
def test_rows_that_are_done_are_not_done_again(embed, interrupted, source, tmp_path, arguments):
    target, *more = arguments
    embed(source, "-o", tmp_path / f"whole.{target}", *more)
    texts = interrupted(2)
    told = embed(source, "-o", tmp_path / target, *more, status=130)
    assert told == "ortembed: 128 of 300 rows are kept; the same command goes on from there\n"
    assert not (tmp_path / target).exists()
    assert embed(source, "-o", tmp_path / target, *more) == "ortembed: going on after 128 of 300 rows\n"
    assert texts == [f"word {i}" for i in range(128, ROWS)]
    assert content(tmp_path / target) == content(tmp_path / f"whole.{target}")
    assert not folder_of(tmp_path / target).exists()


def test_a_run_that_was_interrupted_at_once_leaves_nothing(embed, interrupted, source, tmp_path):
    interrupted(0)
    assert embed(source, "-o", tmp_path / "out.npy", status=130) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_an_end_while_the_target_is_written_loses_no_vectors(embed, interrupted, source, tmp_path, monkeypatch):
    embed(source, "-o", tmp_path / "whole.parquet")
    with monkeypatch.context() as patch:
        patch.setattr(job, "transcribe", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
        told = embed(source, "-o", tmp_path / "out.parquet", status=1)
    assert "300 of 300 rows are kept" in told
    interrupted(0)  # nothing is embedded any more
    assert "going on after 300 of 300 rows" in embed(source, "-o", tmp_path / "out.parquet")
    assert content(tmp_path / "out.parquet") == content(tmp_path / "whole.parquet")


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        (["--prompt", "so: "], "prompt"),
        (["--precision", "float16"], "precision"),
        (["--truncate-dim", "8"], "dimensions"),
        (["--column", "id"], "column"),
        (["--dtype", "int8"], "model"),
    ],
)
def test_other_options_begin_anew_and_say_so(embed, interrupted, source, tmp_path, more, changed):
    embed(source, "-o", tmp_path / "whole.npy", *more)
    texts = interrupted(2)
    embed(source, "-o", tmp_path / "out.npy", status=130)
    told = embed(source, "-o", tmp_path / "out.npy", *more)
    assert told.startswith("ortembed: beginning anew: ")
    assert changed in told
    assert len(texts) == ROWS
    assert content(tmp_path / "out.npy") == content(tmp_path / "whole.npy")


def test_another_source_begins_anew_and_one_of_another_name_does_not(embed, interrupted, source, tmp_path):
    texts = interrupted(2)
    embed(source, "-o", tmp_path / "out.npy", status=130)
    renamed = source.rename(tmp_path / "renamed.csv")
    renamed.touch()
    assert "going on after 128" in embed(renamed, "-o", tmp_path / "out.npy")
    texts = interrupted(2)
    embed(renamed, "-o", tmp_path / "out.npy", status=130)
    renamed.write_text(renamed.read_text("utf-8").replace("word 0\n", "word\n"), "utf-8")
    told = embed(renamed, "-o", tmp_path / "out.npy")
    assert told == "ortembed: beginning anew: source changed since the run that was interrupted\n"
    assert texts[0] == "word"


def test_another_delimiter_begins_anew(embed, interrupted, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text\tn\n" + "".join(f"word {i}\tn {i}\n" for i in range(ROWS)), "utf-8")
    embed(source, "-o", tmp_path / "whole.npy", "--format", "tsv")
    interrupted(2)
    embed(source, "-o", tmp_path / "out.npy", status=130)
    told = embed(source, "-o", tmp_path / "out.npy", "--format", "tsv")
    assert told == "ortembed: beginning anew: format changed since the run that was interrupted\n"
    assert content(tmp_path / "out.npy") == content(tmp_path / "whole.npy")


def test_restart_begins_anew(embed, interrupted, source, tmp_path):
    texts = interrupted(2)
    embed(source, "-o", tmp_path / "out.npy", status=130)
    assert embed(source, "-o", tmp_path / "out.npy", "--restart") == ""
    assert len(texts) == ROWS


@pytest.mark.parametrize("damage", ["more data", "less data", "no data", "no record", "bad record"])
@pytest.mark.parametrize("output", ["npy", "jsonl"])
def test_what_the_record_does_not_count_is_not_trusted(embed, interrupted, source, tmp_path, damage, output):
    embed(source, "-o", tmp_path / f"whole.{output}")
    target = tmp_path / f"out.{output}"
    interrupted(2)
    embed(source, "-o", target, status=130)
    data, record = folder_of(target) / "data", folder_of(target) / "record.json"
    {
        "more data": lambda: data.write_bytes(data.read_bytes() + b"half a row" * 300_000),
        "less data": lambda: data.write_bytes(data.read_bytes()[:-1]),
        "no data": data.unlink,
        "no record": record.unlink,
        "bad record": lambda: record.write_text("[", "utf-8"),
    }[damage]()
    told = embed(source, "-o", target)
    assert told == ("ortembed: going on after 128 of 300 rows\n" if damage == "more data" else "")
    assert content(target) == content(tmp_path / f"whole.{output}")


@pytest.mark.parametrize("change", ["more rows", "other rows"])
def test_a_source_that_changes_meanwhile_is_told(embed, source, tmp_path, monkeypatch, change):
    whole = Encoding.encode_chunk

    def encode(self, texts):
        text = source.read_text("utf-8")
        source.write_text(
            text + "300,more\n" if change == "more rows" else text.replace("299,word", "299,w"), "utf-8"
        )
        return whole(self, texts)

    monkeypatch.setattr(Encoding, "encode_chunk", encode)
    told = embed(source, "-o", tmp_path / "out.npy", status=1)
    assert "in.csv changed while it was read; run the command again" in told
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize("output", ["npy", "parquet"])
def test_a_source_of_another_time_and_the_same_content_is_the_same(embed, source, tmp_path, monkeypatch, output):
    whole = Encoding.encode_chunk

    def encode(self, texts):
        os.utime(source, ns=(0, source.stat().st_mtime_ns + 10**9))
        return whole(self, texts)

    monkeypatch.setattr(Encoding, "encode_chunk", encode)
    assert embed(source, "-o", tmp_path / f"out.{output}") == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", f"out.{output}"]


def test_rows_of_changed_content_are_never_recorded(embed, source, tmp_path, monkeypatch):
    """Content that changes after two chunks: a kill at any time later would leave rows under the old hash."""
    whole, recorded = Encoding.encode_chunk, []

    def encode(self, texts):
        recorded.append(done_rows(tmp_path / "out.npy"))
        if len(recorded) == 3:
            source.write_text(source.read_text("utf-8").replace("word", "term"), "utf-8")
        return whole(self, texts)

    monkeypatch.setattr(Encoding, "encode_chunk", encode)
    told = embed(source, "-o", tmp_path / "out.npy", status=1)
    assert "in.csv changed while it was read; run the command again" in told
    assert recorded == [0, 64, 128]
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_sigterm_ends_a_run_as_ctrl_c_does(environment, source, tmp_path):
    source.write_text("text\n" + "".join(f"some words {i}\n" for i in range(20_000)), "utf-8")
    target = tmp_path / "out.npy"
    command = [sys.executable, "-m", "ortembed", "embed", str(source), "-o", str(target)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
        while not done_rows(target):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read().decode()
    assert process.returncode == 143
    assert told == f"ortembed: {done_rows(target)} of 20000 rows are kept; the same command goes on from there\n"


def test_two_that_write_one_target(embed, source, tmp_path):
    with target_lock(tmp_path / "out.npy"):
        told = embed(source, "-o", tmp_path / "out.npy", status=1)
        assert "out.npy is being written by another process; wait for it, or name another file" in told
        embed(source, "-o", tmp_path / "other.npy")
    embed(source, "-o", tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").shape == (ROWS, 384)


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be deleted there")
def test_the_lock_of_a_file_that_is_gone_is_none(tmp_path, monkeypatch):
    """Whoever held the lock deletes its file after we opened it, and a third process makes one anew."""
    import fcntl  # noqa: PLC0415 - not on Windows

    path, third = tmp_path / ".out.npy.lock", []

    class Late(FileLock):
        def acquire(self, *arguments, **options):
            proxy = super().acquire(*arguments, **options)
            if not third:
                path.unlink()
                third.append(path.open("ab"))
                fcntl.flock(third[0], fcntl.LOCK_EX)
            return proxy

    monkeypatch.setattr("ortembed.cli.target_lock.FileLock", Late)
    with pytest.raises(InvalidInputError, match="by another process"), target_lock(tmp_path / "out.npy"):
        pass
    third[0].close()
    with target_lock(tmp_path / "out.npy"):
        pass
    assert list(tmp_path.iterdir()) == []
