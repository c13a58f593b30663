"""The command line, run as users run it."""

import json
import shlex
import subprocess
import sys

import numpy as np
import pytest

TEXTS = ["a cat sat on the mat", "stocks fell sharply", "", "Größe — 東京"]


@pytest.fixture
def ortembed(embedder, cache_dir):
    import os  # noqa: PLC0415

    def run(*arguments, stdin=""):
        return subprocess.run(
            [sys.executable, "-m", "ortembed", *map(str, arguments)],
            env={**os.environ, "ORTEMBED_CACHE_DIR": str(cache_dir), "PYTHONUTF8": "1"},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n", "utf-8")
    return path


def test_embed_writes_an_array(ortembed, embedder, file, tmp_path):
    done = ortembed("embed", file, "-o", tmp_path / "out.npy")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), embedder.encode(TEXTS), atol=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.npy", "texts.txt"]


def test_embed_writes_json_lines(ortembed, embedder, file, tmp_path):
    assert ortembed("embed", file, "-o", tmp_path / "out.jsonl", "--truncate-dim", 8).returncode == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    np.testing.assert_allclose([r["embedding"] for r in rows], embedder.encode(TEXTS, truncate_dim=8), atol=1e-6)


def test_embed_reads_stdin_and_writes_stdout(ortembed, embedder):
    done = ortembed("embed", "-", stdin="hello\r\nworld")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == ["hello", "world"]
    np.testing.assert_allclose([row["embedding"] for row in rows], embedder.encode(["hello", "world"]), atol=1e-6)


def test_only_newlines_end_a_text(ortembed):
    done = ortembed("embed", "-", stdin="one\x0ctext\u2028still\nnext\n")
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["one\x0ctext\u2028still", "next"]


def test_search_finds_the_nearest_first(ortembed, file):
    done = ortembed("search", "kitten on a rug", "--in", file, "--top", 2)
    first, second = done.stdout.splitlines()
    assert first.split("  ")[1] == TEXTS[0]
    assert float(first.split()[0]) > float(second.split()[0])


def test_a_nonempty_result_may_be_cut_short(ortembed, file, cache_dir):
    """The reader closes the pipe, as head does; that is no error."""
    command = f"{shlex.quote(sys.executable)} -m ortembed embed {shlex.quote(str(file))} | head -c 10"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env={"ORTEMBED_CACHE_DIR": str(cache_dir), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 10, "")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["embed", "no-such-file"], 1, "no-such-file"),
        (["embed", "-", "-o", "out.csv"], 1, "out.csv ends in neither .npy nor .jsonl"),
        (["embed", "-", "-o", "/no/such/folder/out.npy"], 1, "/no/such/folder/out.npy"),
        (["embed", "-", "--threads", "0"], 1, "InvalidInputError: threads is 0"),
        (["embed", "-", "--model", "no such model!"], 1, "ModelNotFoundError: 'no such model!' is neither"),
        (["embed"], 2, "usage: ortembed embed"),
        (["search", "query", "--in", "-", "--top", "0"], 2, "--top"),
        ([], 2, "usage: ortembed"),
    ],
)
def test_errors_are_one_line_and_a_status(ortembed, arguments, status, message):
    done = ortembed(*arguments, stdin="text\n")
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_help_and_version(ortembed):
    assert "embed" in ortembed("--help").stdout
    assert ortembed("--version").stdout.startswith("ortembed 0.")
