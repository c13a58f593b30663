"""``ortembed embed`` into Parquet: no value changes, no column is lost, and what cannot be kept is told early."""

import json
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

BLOCK = 4096  # rows of a stream that are written together


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("first", "later", "told"),
    [
        (1, 2.5, "'n' is double after int64"),
        (1, 2.0, "'n' is double after int64"),
        (1, True, "'n' is bool after int64"),
        ("s", 2, "'n' is int64 after string"),
        (None, "x", "'n' is string after null"),
        ({"a": 1}, {"a": 1, "b": "kept?"}, "'n' is struct<a: int64, b: string> after struct<a: int64>"),
        ([{"a": 1}], [{"c": 1}], "'n' is list<item: struct<c: int64>> after list<item: struct<a: int64>>"),
    ],
    ids=str,
)
def test_a_stream_changes_no_value_to_fit_its_first_rows(ortembed, tmp_path, first, later, told):
    stdin = lines(*[{"text": "a", "n": first}] * BLOCK, {"text": "b", "n": later})
    done = ortembed("embed", "-", "--format", "jsonl", "-o", tmp_path / "out.parquet", stdin=stdin)
    place = f"standard input, rows {BLOCK + 1} to {BLOCK + 1}"
    assert done.stderr.decode().startswith(f"ortembed: InvalidInputError: {place}: {told} in the rows before;")
    assert (done.returncode, done.stderr.count(b"\n"), list(tmp_path.iterdir())) == (1, 1, [])


@pytest.mark.parametrize(
    ("first", "later"), [(1.5, 2), ("x", None), ({"a": 1, "b": 2}, {"b": 3}), ([1], [])], ids=str
)
def test_what_the_first_rows_of_a_stream_can_hold_is_taken(ortembed, tmp_path, first, later):
    stdin = lines(*[{"text": "a", "n": first}] * BLOCK, {"text": "b", "n": later})
    done = ortembed("embed", "-", "--format", "jsonl", "-o", tmp_path / "out.parquet", stdin=stdin)
    assert done.returncode == 0, done.stderr
    last = pq.read_table(tmp_path / "out.parquet").column("n").to_pylist()[-1]
    assert last == ({"a": None, **later} if isinstance(later, dict) else later)


@pytest.mark.parametrize(
    ("before", "after"), [([2**60 + 1] * 64, [1.5]), ([1.5] * 64, [2**60 + 1])], ids=["ints first", "floats first"]
)
def test_values_that_no_column_holds_are_told_before_the_work(embed, tmp_path, before, after):
    rows = [{"text": "a", "n": value} for value in before + after]
    (tmp_path / "in.jsonl").write_text(lines(*rows), "ascii")
    arguments = [tmp_path / "in.jsonl", "-o", tmp_path / "out.parquet", "--model", "no such model!"]
    told = embed(*arguments, status=1)
    assert "in.jsonl: the fields beside the texts do not fit the columns of a table" in told
    assert "1152921504606846977" in told


def test_types_that_come_together_late_hold_every_value(embed, tmp_path):
    values = [1] * 64 + [2.5] + [2**53]
    rows = [{"text": "a", "n": value} for value in values]
    (tmp_path / "in.jsonl").write_text(lines(*rows), "ascii")
    embed(tmp_path / "in.jsonl", "-o", tmp_path / "out.parquet", "--truncate-dim", 2)
    assert pq.read_table(tmp_path / "out.parquet").column("n").to_pylist() == values


@pytest.mark.parametrize("stream", [False, True])
def test_columns_of_no_rows_are_kept(ortembed, tmp_path, stream):
    (tmp_path / "in.csv").write_text("id,text,embedding\n", "ascii")
    source = ["-", "--format", "csv"] if stream else [tmp_path / "in.csv"]
    done = ortembed("embed", *source, "-o", tmp_path / "out.parquet", stdin="id,text,embedding\n")
    assert done.returncode == 0, done.stderr
    assert pq.read_schema(tmp_path / "out.parquet").names == ["id", "text", "embedding"]


def test_columns_of_dictionaries_over_row_groups(embed, tmp_path):
    """Whose batches end where a row group does."""
    kinds = pa.array([f"kind {i // 100}" for i in range(900)]).dictionary_encode()
    table = pa.table({"text": [f"text {i % 9}" for i in range(900)], "kind": kinds})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=350)
    embed(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "--truncate-dim", 2)
    written = pq.read_table(tmp_path / "out.parquet")
    assert written.drop_columns("embedding").equals(table)
    embed(tmp_path / "in.parquet", "-o", tmp_path / "out.jsonl", "--truncate-dim", 2)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("ascii").splitlines()]
    assert [row["kind"] for row in rows] == kinds.to_pylist()
    vectors = written.column("embedding").to_pylist()
    assert vectors == [pytest.approx(row["embedding"], abs=1e-6) for row in rows]
    assert all(one != other for one, other in pairwise(vectors))
