"""The command line, run as users run it: embed and search, and what any command does with streams and files."""

import json
import os
import shlex
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

from ortembed.responses import CalibrationWarning

TEXTS = ["a cat sat on the mat", "stocks fell sharply", "", "Größe — 東京"]


@pytest.fixture
def shell(environment):
    """Run a line of shell in which $ortembed is the command."""

    def run(line):
        command = f"{shlex.quote(sys.executable)} -m ortembed"
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line.replace("$ortembed", command)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n", "utf-8")
    return path


def rows(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_embed_writes_an_array(ortembed, embedder, file, tmp_path):
    done = ortembed("embed", file, "-o", tmp_path / "out.npy")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), embedder.encode(TEXTS), atol=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.npy", "texts.txt"]


def test_embed_writes_json_lines(ortembed, embedder, file, tmp_path):
    assert ortembed("embed", file, "-o", tmp_path / "out.jsonl", "--truncate-dim", 8).returncode == 0
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in written] == TEXTS
    np.testing.assert_allclose([r["embedding"] for r in written], embedder.encode(TEXTS, truncate_dim=8), atol=1e-6)


def test_embed_reads_stdin_and_writes_stdout(ortembed, embedder):
    written = rows(ortembed("embed", "-", stdin="hello\r\nworld"))
    assert [row["text"] for row in written] == ["hello", "world"]
    np.testing.assert_allclose([r["embedding"] for r in written], embedder.encode(["hello", "world"]), atol=1e-6)


def test_embed_reads_no_further_than_it_has_to(environment):
    """The first vectors are there before the input has ended."""
    with subprocess.Popen(
        [sys.executable, "-m", "ortembed", "embed", "-"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        give_up = threading.Timer(60, process.kill)
        give_up.start()
        process.stdin.write(b"a cat\n" * 16)
        process.stdin.flush()
        first = process.stdout.readline()
        rest, _ = process.communicate(b"hello")
        give_up.cancel()
    assert json.loads(first)["text"] == "a cat"
    assert json.loads(rest.splitlines()[-1])["text"] == "hello"
    assert process.returncode == 0


def test_only_newlines_end_a_text_and_a_byte_order_mark_is_none(ortembed):
    written = rows(ortembed("embed", "-", stdin="\ufeffone\x0ctext\u2028still\nnext\n"))
    assert [row["text"] for row in written] == ["one\x0ctext\u2028still", "next"]


def test_search_finds_the_nearest_first(ortembed, file):
    done = ortembed("search", "kitten on a rug", "--in", file, "--top", 2)
    first, second = done.stdout.decode().splitlines()
    assert first.split("  ")[1] == TEXTS[0]
    assert float(first.split()[0]) > float(second.split()[0])


@pytest.mark.parametrize("precision", ["float16", "binary", "uint8"])
@pytest.mark.parametrize("suffix", [".npy", ".jsonl"])
def test_embed_writes_other_precisions(ortembed, embedder, file, tmp_path, precision, suffix):
    target = tmp_path / f"out{suffix}"
    assert ortembed("embed", file, "-o", target, "--precision", precision).returncode == 0
    if suffix == ".npy":
        written = np.load(target)
    else:
        written = np.array([json.loads(line)["embedding"] for line in target.read_text("utf-8").splitlines()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        expected = embedder.encode(TEXTS, precision=precision)
    assert written.shape == expected.shape
    assert np.mean(np.isclose(written, expected, atol=1e-3)) > 0.98


def test_a_search_over_nothing_says_so(ortembed):
    done = ortembed("search", "x", "--in", "-", stdin="\n \n")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"has no texts to search" in done.stderr


def test_texts_that_the_terminal_has_no_letters_for_are_shown_escaped(ortembed):
    done = ortembed("search", "城", "--in", "-", stdin="東京\n", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout.split()[1:], done.stderr) == (0, [b"\\u6771\\u4eac"], b"")


def test_a_warning_is_one_line(ortembed):
    done = ortembed("search", "x", "--in", "-", stdin="word " * 400)
    assert done.returncode == 0
    assert done.stderr.decode().startswith("ortembed: warning: some texts have more than 256 tokens")
    assert done.stderr.count(b"\n") == 1


def test_a_nonempty_result_may_be_cut_short(shell, file):
    """The reader closes the pipe, as head does; that is no error."""
    done = shell(f"$ortembed embed {shlex.quote(str(file))} | head -c 10")
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 10, "")


@pytest.mark.skipif(os.name == "nt", reason="a shell's descriptors")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("$ortembed embed - <&-", "InvalidInputError: standard input is closed"),
        ("echo a | $ortembed embed - >&-", "InvalidInputError: standard output is closed"),
        ("$ortembed models >&-", "InvalidInputError: standard output is closed"),
        ("$ortembed models >/dev/full", "OSError: [Errno 28] No space left on device"),
    ],
)
def test_streams_that_are_closed_or_full_are_told(shell, line, message):
    done = shell(line)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ortembed: {message}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (b"fine\n\xff\xfe\n", "standard input is not UTF-8: line 2 has byte 0xff"),
        ("one\n".encode("utf-16"), "standard input is UTF-16; convert it first"),
        (b"one\ntwo\n\x00\x01", "standard input is not a text: line 3 has a zero byte"),
    ],
)
def test_input_that_is_no_text_is_refused(ortembed, stdin, message):
    done = ortembed("embed", "-", stdin=stdin)
    assert done.returncode == 1
    assert message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["embed", "no-such-file"], 1, "no-such-file"),
        (["embed", "-", "--threads", "0"], 1, "InvalidInputError: threads is 0"),
        (["embed", "-", "--model", "no such model!"], 1, "ModelNotFoundError: 'no such model!' is neither"),
        (["embed"], 2, "usage: ortembed embed"),
        (["search", "query", "--in", "-", "--top", "0"], 2, "argument --top: '0' is not a positive integer"),
        (["embed", "-", "--dtype", "int4"], 2, "argument --dtype: invalid choice"),
        ([], 2, "usage: ortembed"),
    ],
)
def test_errors_are_one_line_and_a_status(ortembed, arguments, status, message):
    done = ortembed(*arguments, stdin="text\n")
    assert done.returncode == status
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.csv", "ends in none of .npy, .jsonl, .parquet"),
        ("no/such/folder/out.npy", "no/such/folder is not a folder"),
        ("folder.npy", "is a folder"),
    ],
)
def test_the_target_is_tried_before_the_work(ortembed, tmp_path, name, message):
    (tmp_path / "folder.npy").mkdir()
    done = ortembed("embed", "-", "-o", tmp_path / name, "--model", "no such model!", stdin="text\n")
    assert done.returncode == 1
    assert message in done.stderr.decode()  # and nothing of the model, which was not looked for
    assert [path.name for path in tmp_path.iterdir()] == ["folder.npy"]


def test_a_failure_leaves_the_target_and_its_folder_as_they_were(ortembed, tmp_path):
    (tmp_path / "out.npy").write_bytes(b"before")
    (tmp_path / "out.npy.partial").write_bytes(b"someone else's")
    assert ortembed("embed", "no-such-file", "-o", tmp_path / "out.npy").returncode == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "out.npy": b"before",
        "out.npy.partial": b"someone else's",
    }


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_target_that_is_a_link_stays_one(ortembed, file, tmp_path):
    (tmp_path / "link.npy").symlink_to(tmp_path / "real.npy")
    assert ortembed("embed", file, "-o", tmp_path / "link.npy").returncode == 0
    assert (tmp_path / "link.npy").is_symlink()
    assert np.load(tmp_path / "real.npy").shape == (4, 384)


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are other matters there")
def test_a_target_that_is_no_file_is_refused(ortembed, tmp_path):
    (tmp_path / "loop.npy").symlink_to("loop.npy")
    os.mkfifo(tmp_path / "pipe.npy")
    for name, message in (("loop.npy", "is a loop of links"), ("pipe.npy", "is not a regular file")):
        done = ortembed("embed", "-", "-o", tmp_path / name, "--model", "no such model!", stdin="text\n")
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
        assert f"{name} {message}" in done.stderr.decode()
    assert (tmp_path / "pipe.npy").is_fifo()


def test_help_and_version(ortembed):
    assert b"verify" in ortembed("--help").stdout
    assert ortembed("--version").stdout.startswith(b"ortembed 0.")
