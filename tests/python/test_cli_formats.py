"""Files of texts in each format: what is read from them, and what is said of files that do not fit."""

import csv
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ortembed import InvalidInputError
from ortembed.cli.formats.sources import open_source, read_texts

# No halves of surrogate pairs, which no file can hold, nor zero bytes, which no text has.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), max_size=8)
AGAIN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def write_csv(path, rows, delimiter):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("id", "text"), *rows])


def write_json_lines(path, rows):
    path.write_text("".join(json.dumps({"id": a, "text": b}, ensure_ascii=False) + "\n" for a, b in rows), "utf-8")


def write_parquet(path, rows):
    schema = pa.schema({"id": pa.string(), "text": pa.string()})
    pq.write_table(pa.Table.from_pylist([{"id": a, "text": b} for a, b in rows], schema), path)


WRITERS = {
    "csv": lambda path, rows: write_csv(path, rows, ","),
    "tsv": lambda path, rows: write_csv(path, rows, "\t"),
    "jsonl": write_json_lines,
    "parquet": write_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
@AGAIN
@given(ROWS)
def test_rows_come_back_as_they_were_written(tmp_path, name, rows):
    path = tmp_path / f"rows.{name}"
    WRITERS[name](path, rows)
    read = list(open_source(str(path)).rows())
    assert [(row.fields["id"], row.text) for row in read] == rows
    assert all(list(row.fields) == ["id", "text"] for row in read)
    assert read_texts(str(path), column="id") == [first for first, _ in rows]


@AGAIN
@given(st.lists(TEXTS.map(lambda text: text.replace("\n", " ").rstrip("\r")), max_size=8))
def test_lines_come_back_as_they_were_written(tmp_path, texts):
    path = tmp_path / "lines.txt"
    path.write_bytes("".join(f"{text}\n" for text in texts).encode())
    mark = bool(texts) and texts[0].startswith("\ufeff")
    assert read_texts(str(path)) == ([texts[0][1:], *texts[1:]] if mark else texts)


@pytest.mark.parametrize(
    ("name", "data", "texts"),
    [
        ("a.csv", b"\xef\xbb\xbftext,id\r\na,1\r\n", ["a"]),
        ("a.csv", b"name\na\n\nb\n", ["a", "b"]),  # the only column, whatever it is called; blank lines are no rows
        ("a.csv", b'text\n""\n"a\r\nb"\n', ["", "a\r\nb"]),
        ("a.csv", b"text\n" + b"x" * 200_000, ["x" * 200_000]),
        ("a.tsv", b"id\ttext\n1\ta,b\n", ["a,b"]),
        ("A.CSV", b"text\na", ["a"]),
        ("a.jsonl", b'\n{"n": 1, "words": "a"}\n  \n{"words": "b"}', ["a", "b"]),
        ("a.ndjson", b'{"text": "\\ud83d\\ude00", "title": "t"}', ["\U0001f600"]),
        ("a.jsonl", b"", []),
        ("a.md", b"text\na\n", ["text", "a"]),
    ],
)
def test_files_are_read_as_their_names_say(tmp_path, name, data, texts):
    (tmp_path / name).write_bytes(data)
    assert read_texts(str(tmp_path / name)) == texts


def test_a_format_that_is_named_goes_before_the_suffix(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"text\na\n")
    assert read_texts(str(path), format_name="csv") == ["a"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"", "a.csv is empty, where a first row should name the columns"),
        ("a.csv", b"id,text\n1,a\n2\n", "a.csv, line 3: 1 fields, where there are 2 columns"),
        ("a.csv", b'id,text\n1,"a\nb"\n2,c,d\n', "a.csv, line 4: 3 fields, where there are 2 columns"),
        ("a.csv", b'text\na\n"b\nc\n', "a.csv, line 3: unexpected end of data; is a quote not closed?"),
        ("a.csv", b'text\n"a" b\n', "a.csv, line 2: ',' expected after '\"'"),
        ("a.csv", b'text\n"' + b"x" * (1 << 24) + b'y"\n', "a.csv, line 2: field larger than field limit (16777216)"),
        ("a.csv", b"text\na\rb\n", "a.csv, line 2: a carriage return in a field that is not quoted"),
        ("a.csv", b"text\ra\rb\r", "a.csv, line 1: a carriage return in a field that is not quoted"),
        ("a.csv", b"a,b,a\n", "a.csv has more than one column 'a'"),
        ("a.csv", b"a,b\n1,2\n", "no single column of texts, nor \"text\"; name one with --column; it has: 'a', 'b'"),
        ("a.csv", b"text\n\xff\n", "a.csv is not UTF-8: line 2 has byte 0xff"),
        ("a.csv", b"text\na\0b\n", "a.csv is not a text: line 2 has a zero byte"),
        ("a.csv", "text\n".encode("utf-16"), "a.csv is UTF-16; convert it first"),
        ("a.jsonl", b'{"text": "a"}\n{"text": ', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", b'{"text": "a"}\n["text"]', "a.jsonl, line 2: a list, not an object"),
        ("a.jsonl", b'{"text": "a"}\n{"id": 1}', "a.jsonl, line 2 has no single column of texts"),
        ("a.jsonl", b'{"text": "a"}\n{"text": null}', "a.jsonl, line 2: 'text' is null, not a string"),
        ("a.jsonl", b'{"text": "a"}\n{"text": 5}', "a.jsonl, line 2: 'text' is a number, not a string"),
        ("a.jsonl", b'{"text": "a"}\n{"text": "\\ud800"}', "a.jsonl, line 2: 'text' has an unpaired surrogate"),
        ("a.jsonl", b'{"a": "1", "b": "2"}', 'line 1 has no single column of texts, nor "text"'),
        ("a.jsonl", b'{"text": "a", "n": NaN}', "line 1: not JSON: NaN is no JSON number"),
        ("a.jsonl", b'{"text": "a", "n": 1e999}', "line 1: not JSON: 1e999 is beyond what a number may be"),
        ("a.jsonl", b'{"text": "a", "text": "b"}', "line 1: not JSON: the key 'text' comes twice"),
        ("a.jsonl", b'{"text": "a", "n": [{"x": 1, "x": 1}]}', "line 1: not JSON: the key 'x' comes twice"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl, line 1: not JSON"),
        ("a.jsonl", b'{"text": "a", "n": ' + b"1" * 5000 + b"}", "a.jsonl, line 1: not JSON"),
        ("a.parquet", b"", "a.parquet is not a Parquet file that can be read"),
        ("a.parquet", b"PAR1 and no more", "a.parquet is not a Parquet file that can be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_do_not_fit_are_refused(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        read_texts(str(tmp_path / name))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("body", "has no column 'body'; name one with --column; it has: 'id', 'text'"),
        ("embedding", "'embedding' is what the vectors are called"),
    ],
)
def test_a_column_that_is_not_there_tells_which_are(tmp_path, name, column, message):
    WRITERS[name[2:]](tmp_path / name, [("1", "a")])
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        read_texts(str(tmp_path / name), column=column)


def test_lines_have_no_columns(tmp_path):
    (tmp_path / "a.txt").write_text("a", "utf-8")
    with pytest.raises(InvalidInputError, match="one text a line, which has no columns"):
        read_texts(str(tmp_path / "a.txt"), column="text")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"text": ["a", None]}, "a.parquet, row 2: 'text' is null, not a string"),
        ({"text": ["a"] * 3000 + [None]}, "a.parquet, row 3001: 'text' is null, not a string"),
        ({"text": [1, 2]}, "no single column of texts, nor \"text\"; name one with --column; it has: 'text'"),
        ({"a": ["x"], "b": ["y"]}, "no single column of texts"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, table, message):
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        read_texts(str(tmp_path / "a.parquet"))


@pytest.mark.parametrize("name", ["in.parquet", "in.csv", "in"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(InvalidInputError, match=f"{name} is a folder"):
        read_texts(str(tmp_path / name))


def test_a_column_of_numbers_is_refused(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InvalidInputError, match="column 'n' is int64, not strings"):
        read_texts(str(tmp_path / "a.parquet"), column="n")


def test_a_damaged_table_names_its_file(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"some words {i}" for i in range(2000)]}), path)
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match="a.parquet is not a Parquet file that can be read"):
        read_texts(str(path))


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_strings_of_other_kinds_are_texts(tmp_path, kind):
    pq.write_table(pa.table({"text": pa.array(["a", "b", "a"]).cast(kind)}), tmp_path / "a.parquet")
    assert read_texts(str(tmp_path / "a.parquet")) == ["a", "b", "a"]


def test_texts_of_many_row_groups_come_in_order(tmp_path):
    texts = [str(i) for i in range(5000)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=700)
    assert read_texts(str(tmp_path / "a.parquet")) == texts
