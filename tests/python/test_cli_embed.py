"""``ortembed embed`` from every format to every other, and ``search`` over what it wrote."""

import datetime as dt
import decimal
import json
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortembed import quantize_embeddings
from ortembed.cli import main
from tests.python.test_cli_formats import TEXTS, WRITERS

ROWS = [("1", "a cat sat on the mat"), ("2", 'say "hi",\nor not'), ("3", ""), ("4", "Größe — 東京")]
WORDS = [text for _, text in ROWS]
OUTPUTS = ("npy", "jsonl", "parquet")


def read(path):
    """Give the rows beside the vectors, None for an array, and the vectors."""
    if path.suffix == ".npy":
        return None, np.load(path)
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text("ascii").splitlines()]
    else:
        rows = pq.read_table(path).to_pylist()
    vectors = np.array([row.pop("embedding") for row in rows])
    return rows, vectors


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_becomes_every_other(embed, embedder, tmp_path, name, output):
    WRITERS[name](tmp_path / f"in.{name}", ROWS)
    target = tmp_path / f"out.{output}"
    assert embed(tmp_path / f"in.{name}", "-o", target) == ""
    rows, vectors = read(target)
    assert rows in (None, [{"id": number, "text": text} for number, text in ROWS])
    np.testing.assert_allclose(vectors, embedder.encode(WORDS), atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"in.{name}", f"out.{output}"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(st.sampled_from(sorted(WRITERS)), st.sampled_from(["jsonl", "parquet"]), st.lists(st.tuples(TEXTS, TEXTS)))
def test_rows_of_any_texts_keep_order_and_text(embed, tmp_path, name, output, rows):
    WRITERS[name](tmp_path / f"in.{name}", rows)
    embed(tmp_path / f"in.{name}", "-o", tmp_path / f"out.{output}", "--truncate-dim", 2)
    written, vectors = read(tmp_path / f"out.{output}")
    assert written == [{"id": number, "text": text} for number, text in rows]
    assert len(vectors) == len(rows)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("precision", ["float16", "int8", "uint8", "binary", "ubinary"])
@pytest.mark.filterwarnings("ignore::ortembed.CalibrationWarning")
def test_precisions_are_as_encode_gives_them(embed, embedder, tmp_path, precision, output):
    texts = [f"text number {i}" for i in range(150)]
    (tmp_path / "in.txt").write_text("\n".join(texts), "utf-8")
    embed(tmp_path / "in.txt", "-o", tmp_path / f"out.{output}", "--precision", precision)
    _, vectors = read(tmp_path / f"out.{output}")
    expected = embedder.encode(texts, precision=precision)
    assert vectors.shape == expected.shape
    assert np.mean(np.isclose(vectors, expected, atol=1e-3)) > 0.98
    if output == "npy":
        assert vectors.dtype == expected.dtype
    if output == "parquet":
        kind = pq.read_schema(tmp_path / "out.parquet").field("embedding").type
        assert kind == pa.list_(
            pa.field("item", pa.from_numpy_dtype(expected.dtype), nullable=False), vectors.shape[1]
        )


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_json_lines_have_the_very_values_in_few_digits(embed, tmp_path, precision):
    (tmp_path / "in.csv").write_text(
        "text,embedding,n\n" + "".join(f"word {i},old,{i}\n" for i in range(20)), "ascii"
    )
    for output in ("npy", "jsonl"):
        embed(tmp_path / "in.csv", "-o", tmp_path / f"out.{output}", "--precision", precision)
    rows, vectors = read(tmp_path / "out.jsonl")
    assert rows == [{"text": f"word {i}", "n": str(i)} for i in range(20)]
    expected = np.load(tmp_path / "out.npy")
    np.testing.assert_array_equal(vectors.astype(expected.dtype), expected)
    assert (tmp_path / "out.jsonl").stat().st_size < 20 * 384 * 16


def test_codes_have_the_ranges_of_all_vectors(embed, embedder, tmp_path):
    texts = [f"word {i % 40}" for i in range(4096)] + ["something else"]
    (tmp_path / "in.txt").write_text("\n".join(texts), "utf-8")
    embed(tmp_path / "in.txt", "-o", tmp_path / "out.npy", "--precision", "int8")
    embed(tmp_path / "in.txt", "-o", tmp_path / "floats.npy")
    expected = quantize_embeddings(np.load(tmp_path / "floats.npy"), "int8")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_rows_are_no_vectors(embed, tmp_path, output):
    (tmp_path / "in.csv").write_text("text\n", "utf-8")
    embed(tmp_path / "in.csv", "-o", tmp_path / f"out.{output}")
    if output == "npy":
        assert np.load(tmp_path / "out.npy").shape == (0, 384)
    elif output == "jsonl":
        assert (tmp_path / "out.jsonl").read_bytes() == b""
    else:
        assert pq.read_table(tmp_path / "out.parquet").schema.names == ["text", "embedding"]


def test_columns_of_a_table_stay_as_they_are(embed, tmp_path):
    when = pa.array([1, 2**60 + 1], pa.timestamp("ns"))
    table = pa.table({"when": when, "text": ["a", "b"], "tags": [["x"], None], "raw": [b"\xff", b""]})
    pq.write_table(table, tmp_path / "in.parquet")
    embed(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").drop_columns("embedding").equals(table)


def test_what_json_has_no_form_for_is_written_in_words(embed, tmp_path):
    table = pa.table(
        {
            "text": ["a"],
            "day": [dt.date(2026, 11, 26)],
            "when": pa.array([2**60 + 1], pa.timestamp("ns")),
            "price": [decimal.Decimal("1.50")],
            "none": [float("nan")],
            "deep": [{"n": [1.5, None]}],
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    embed(tmp_path / "in.parquet", "-o", tmp_path / "out.jsonl")
    assert read(tmp_path / "out.jsonl")[0] == [
        {
            "text": "a",
            "day": "2026-11-26",
            "when": "2006-07-14 23:58:24.606846977",
            "price": "1.50",
            "none": None,
            "deep": {"n": [1.5, None]},
        }
    ]


def test_bytes_are_refused_before_the_work(embed, tmp_path):
    pq.write_table(pa.table({"text": ["a"], "raw": [b"x"]}), tmp_path / "in.parquet")
    told = embed(tmp_path / "in.parquet", "-o", tmp_path / "out.jsonl", "--model", "no such model!", status=1)
    assert "column 'raw' has bytes, which JSON cannot hold" in told


def test_keys_that_come_late_are_columns_and_kinds_that_differ_are_refused(embed, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a", "n": 1}\n{"text": "b", "n": 2.5, "late": true}\n', "utf-8")
    embed(tmp_path / "in.jsonl", "-o", tmp_path / "out.parquet")
    rows, _ = read(tmp_path / "out.parquet")
    assert rows == [{"text": "a", "n": 1.0, "late": None}, {"text": "b", "n": 2.5, "late": True}]
    lines = ['{"text": "a"}\n'] * 5000 + ['{"text": "b", "late": 1}\n']
    (tmp_path / "in.jsonl").write_text("".join(lines), "utf-8")
    embed(tmp_path / "in.jsonl", "-o", tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")[0][-2:] == [{"text": "a", "late": None}, {"text": "b", "late": 1}]
    (tmp_path / "in.jsonl").write_text('{"text": "a", "n": 1}\n{"text": "b", "n": "x"}\n', "utf-8")
    told = embed(tmp_path / "in.jsonl", "-o", tmp_path / "bad.parquet", "--model", "no such model!", status=1)
    assert "the fields beside the texts do not fit the columns of a table" in told
    (tmp_path / "in.jsonl").write_text('{"text": "a", "n": {}}\n', "utf-8")
    assert "do not fit" in embed(tmp_path / "in.jsonl", "-o", tmp_path / "bad.parquet", status=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.parquet"]


def test_vectors_that_a_file_has_are_replaced(embed, embedder, tmp_path):
    WRITERS["csv"](tmp_path / "in.csv", ROWS)
    embed(tmp_path / "in.csv", "-o", tmp_path / "a.parquet", "--truncate-dim", 3)
    embed(tmp_path / "a.parquet", "-o", tmp_path / "b.parquet", "--truncate-dim", 4)
    assert read(tmp_path / "b.parquet")[1].shape == (4, 4)
    embed(tmp_path / "b.parquet", "-o", tmp_path / "b.jsonl", "--truncate-dim", 5)
    embed(tmp_path / "b.jsonl", "-o", tmp_path / "c.parquet")
    np.testing.assert_allclose(read(tmp_path / "c.parquet")[1], embedder.encode(WORDS), atol=1e-6)
    assert pq.read_schema(tmp_path / "c.parquet").names == ["id", "text", "embedding"]


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_stream_is_written_as_it_comes(ortembed, embedder, tmp_path, output):
    stdin = "text,n\n" + "".join(f"text {i},{i}\n" for i in range(20))
    done = ortembed("embed", "-", "--format", "csv", "-o", tmp_path / f"out.{output}", stdin=stdin)
    assert (done.returncode, done.stderr) == (0, b"")
    rows, vectors = read(tmp_path / f"out.{output}")
    assert rows in (None, [{"text": f"text {i}", "n": str(i)} for i in range(20)])
    np.testing.assert_allclose(vectors, embedder.encode([f"text {i}" for i in range(20)]), atol=1e-6)


def test_a_stream_has_no_late_keys_for_a_table(ortembed, tmp_path):
    stdin = '{"text": "a"}\n' * 5000 + '{"text": "b", "late": 1}\n'
    done = ortembed("embed", "-", "--format", "jsonl", "-o", tmp_path / "out.parquet", stdin=stdin)
    assert done.returncode == 1
    assert b"standard input, rows 4097 to 5001: 'late' is a key that is missing in the rows before" in done.stderr
    assert done.stderr.count(b"\n") == 1  # and nothing of pyarrow's own
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.duration("ns"), 1),
        (pa.list_(pa.timestamp("ns")), [1]),
        (pa.date32(), 10_000_000),
        (pa.timestamp("s", tz="Europe/Nowhere"), 1),
        (pa.list_(pa.timestamp("s", tz="Europe/Nowhere")), [1]),
    ],
    ids=str,
)
def test_values_that_python_has_no_form_for_are_told(embed, tmp_path, kind, value):
    values = pa.array([value], pa.int32()).cast(kind) if kind == pa.date32() else pa.array([value], kind)
    pq.write_table(pa.table({"text": ["a"], "late": values}), tmp_path / "in.parquet")
    told = embed(tmp_path / "in.parquet", "-o", tmp_path / "out.jsonl", "--model", "no such model!", status=1)
    assert "in.parquet: column 'late' is " in told
    assert "write .parquet or .npy" in told
    assert "pandas" not in told
    embed(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "--truncate-dim", 2)


def test_one_text_has_no_ranges(embed, tmp_path):
    (tmp_path / "in.txt").write_text("a", "utf-8")
    told = embed(tmp_path / "in.txt", "-o", tmp_path / "out.npy", "--precision", "int8", status=1)
    assert told == "ortembed: InvalidInputError: int8 ranges cannot be taken from one text\n"


def test_a_table_cannot_come_as_a_stream(ortembed):
    done = ortembed("embed", "-", "--format", "parquet")
    assert b"standard input is a stream, and Parquet can only be read from a file" in done.stderr


def test_without_pyarrow_the_next_step_is_told(embed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "in.txt").write_text("a", "utf-8")
    told = embed(tmp_path / "in.txt", "-o", tmp_path / "out.parquet", "--model", "no such model!", status=1)
    assert told.endswith("run: pip install 'ortembed[parquet]'\n")


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet", "in.csv"])
def test_search_takes_what_embed_wrote(embed, capsys, tmp_path, name):
    WRITERS["csv"](tmp_path / "in.csv", ROWS)
    embed(tmp_path / "in.csv", "-o", tmp_path / "out.jsonl")
    embed(tmp_path / "in.csv", "-o", tmp_path / "out.parquet")
    assert main(["search", "kitten on a rug", "--in", str(tmp_path / name), "--top", "1"]) == 0
    assert capsys.readouterr().out.endswith("a cat sat on the mat\n")


def test_search_uses_the_vectors_that_are_there(embed, capsys, tmp_path):
    WRITERS["csv"](tmp_path / "in.csv", ROWS)
    embed(tmp_path / "in.csv", "-o", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("ascii").splitlines()]
    rows[0]["embedding"], rows[1]["embedding"] = rows[1]["embedding"], rows[0]["embedding"]
    (tmp_path / "out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "ascii")
    assert main(["search", "kitten on a rug", "--in", str(tmp_path / "out.jsonl"), "--top", "1"]) == 0
    assert "or not" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "binary", "-o", "out.jsonl"], "has codes of another precision"),
        (["--truncate-dim", "8", "-o", "out.jsonl"], "has vectors of 8 dimensions, all-minilm-l6-v2 gives 384"),
        (["-o", "out.npy"], "has no texts to show"),
    ],
)
def test_search_refuses_vectors_that_do_not_fit(embed, capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    WRITERS["csv"](tmp_path / "in.csv", ROWS)
    embed("in.csv", *arguments)
    assert main(["search", "x", "--in", arguments[-1]]) == 1
    assert message in capsys.readouterr().err
