"""Rows are read as they are, and what is wrong with them is said with file and line."""

import gzip
import json

import pytest

from likewise.errors import DataError, SettingError, UnknownNameError
from likewise.evaluating.data_files import RowSource, find_file, read_records, read_rows, read_texts

TABLE = "id\ttext\tgrade\n1\tA cat.\t2\n2\tA dog.\t0\n"


@pytest.fixture
def write(tmp_path):
    def written(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return written


def source(file, **options):
    return RowSource(file=file, columns=options.pop("columns", {"id": "id", "text": "text"}), **options)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.tsv", TABLE),
        ("rows.tsv.gz", TABLE),
        ("rows.csv", TABLE.replace("\t", ",")),
        ("rows.csv.gz", TABLE.replace("\t", ",").replace("\n", "\r\n")),
        ("rows.jsonl", '{"id": 1, "text": "A cat.", "grade": 2}\n\n{"id": "2", "text": "A dog.", "grade": 0}\n'),
        ("rows.jsonl.gz", '\ufeff{"id": 1, "text": "A cat.", "grade": 2}\n{"id": 2, "text": "A dog.", "grade": 0.0}'),
    ],
)
def test_every_format_gives_the_same_rows(write, tmp_path, name, content):
    write(name, content)
    first, second = read_rows(source(name, columns={"id": "id", "text": "text", "grade": "grade"}), tmp_path)
    assert (first.id("id"), first.text("text"), first.whole("grade"), first.ordinal) == ("1", "A cat.", 2, 1)
    assert (second.id("id"), second.text("text"), second.whole("grade"), second.ordinal) == ("2", "A dog.", 0, 2)


def test_csv_cells_may_hold_commas_quotes_and_lines(write):
    path = write("rows.csv", 'id,text\n1,"one, ""two""\nthree"\n2,four\n')
    assert list(read_records(path)) == [(3, {"id": "1", "text": 'one, "two"\nthree'}), (4, {"id": "2", "text": "four"})]


def test_texts_are_a_column_or_a_line_each(write):
    assert read_texts(write("log.2024", " one\n\n two, three\r\n")) == [" one", " two, three"]
    assert read_texts(write("log.csv", "id,query\n1,one\n2,two\n"), column="query") == ["one", "two"]


def test_one_text_of_each_group_is_drawn(write):
    rows = [f'{{"text": "{number}", "document": {number // 3}}}\n' for number in range(30)]
    path = write("chunks.jsonl", "".join(rows))
    drawn = [{*read_texts(path, group="document", seed=seed)} for seed in range(20)]
    assert all(sorted(int(text) // 3 for text in one) == list(range(10)) for one in drawn)
    assert set.union(*drawn) == {str(number) for number in range(30)}


def test_trec_runs_and_judgements_are_read_as_they_are(write):
    run = write("bm25.run", "q1 Q0 d2 1 14.5 bm25\n\nq1 Q0 d1 2 3e-1 bm25\n")
    assert [row["document"] for _, row in read_records(run)] == ["d2", "d1"]
    qrels = write("qrels.txt.gz", "q1 0 d1 2\nq1\t0\td2\t0\n")
    assert [(row["query"], row["document"], row["grade"]) for _, row in read_records(qrels, "trec_qrels")] == [
        ("q1", "d1", "2"),
        ("q1", "d2", "0"),
    ]


def test_rows_are_chosen_and_taken_apart(write, tmp_path):
    talks = [
        {
            "id": i,
            "lang": lang,
            "parts": [{"n": n, "turns": [{"id": f"{i}.{n}.{t}"} for t in range(2)]} for n in (1, 2)],
        }
        for i, lang in enumerate(("en", "de", "en"))
    ]
    write("talks.jsonl", "".join(json.dumps(one) + "\n" for one in talks))
    turns = source(
        "talks.jsonl", columns={"id": "parts.turns.id", "part": "parts.n"}, each="parts.turns", where={"lang": "en"}
    )
    found = read_rows(turns, tmp_path)
    assert [row.id("id") for row in found][:5] == ["0.1.0", "0.1.1", "0.2.0", "0.2.1", "2.1.0"]
    assert [row.whole("part") for row in found][:4] == [1, 1, 2, 2]
    some = {"columns": {"id": "parts.turns.id"}, "each": "parts.turns"}
    every, others = (
        [row.id("id") for row in read_rows(source("talks.jsonl", **some, **which), tmp_path)]
        for which in ({"every": 3}, {"except_every": 3})
    )
    assert every == ["0.1.0", "0.2.1", "1.2.0", "2.1.1"]
    assert sorted(every + others) == sorted(f"{i}.{n}.{t}" for i in range(3) for n in (1, 2) for t in range(2))


def test_several_columns_are_one_text_without_the_empty_ones(write, tmp_path):
    write("rows.jsonl", '{"a": "one", "b": "", "c": ["two", "three"]}')
    (row,) = read_rows(source("rows.jsonl", columns={"text": ["a", "b", "c"]}), tmp_path)
    assert row.text("text") == "one two, three"


def test_a_file_is_found_with_or_without_gz(write, tmp_path):
    write("a/rows.tsv.gz", TABLE)
    assert find_file(tmp_path, "a/rows.tsv") == tmp_path / "a" / "rows.tsv.gz"
    assert find_file(tmp_path, "b/rows.tsv") is None
    assert len(read_rows(source("a/rows.tsv"), tmp_path)) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.tsv", "id\ttext\n1\tA cat.\n2\n", r"rows.tsv, line 3 has 1 columns, and the header 2"),
        ("rows.csv", 'id,text\n1,"A" cat\n', r"rows.csv, line 2: "),
        ("rows.jsonl", '{"id": 1, "text": "a"}\n{"id": 2,\n', r"rows.jsonl, line 2 is no JSON"),
        ("rows.jsonl", "[1]\n", r"rows.jsonl, line 1 must be a JSON object, got \[1\]"),
        ("rows.run", "q1 Q0 d1 1 3.0\n", r"rows.run, line 1 has 5 fields; expected query iteration document rank"),
        ("rows.tsv", b"id\ttext\n1\t\xff\n", r"rows.tsv can't be read: .*utf-8"),
        ("rows.dat", "id text", r"can't tell its format by its name; say format = one of jsonl, tsv"),
        ("rows.tsv", "id\ttext\n", r"rows.tsv has no row to evaluate with: 0 rows are in it"),
        ("rows.tsv", "", r"has no row to evaluate with"),
    ],
)
def test_bad_files_are_one_clear_error(write, tmp_path, name, content, message):
    write(name, content)
    with pytest.raises(DataError, match=message):
        read_rows(source(name), tmp_path)


def test_damaged_and_missing_files(write, tmp_path):
    path = write("rows.tsv.gz", TABLE * 100)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"rows.tsv.gz can't be read"):
        read_rows(source("rows.tsv.gz"), tmp_path)
    with pytest.raises(DataError, match=r"there is no .*gone.tsv: check --data"):
        read_rows(source("gone.tsv"), tmp_path)
    with pytest.raises(UnknownNameError, match=r"no row format named 'tsb'\. Did you mean 'tsv'"):
        list(read_records(path, "tsb"))


def test_an_empty_choice_says_what_was_asked_for(write, tmp_path):
    write("rows.tsv", TABLE)
    with pytest.raises(DataError, match=r"2 rows are in it, none with text = 'A cow.'"):
        read_rows(source("rows.tsv", where={"text": "A cow."}), tmp_path)
    with pytest.raises(DataError, match=r"rows.tsv, line 2: grade must be a list"):
        read_rows(source("rows.tsv", each="grade"), tmp_path)


@pytest.mark.parametrize(
    ("value", "ask", "message"),
    [
        ('"A"', lambda row: row.number("x"), "line 1: x must be a finite number, got 'A'"),
        ("NaN", lambda row: row.number("x"), "a finite number"),
        ('"inf"', lambda row: row.number("x"), "a finite number"),
        ("true", lambda row: row.number("x"), "a finite number, got True"),
        ("1.5", lambda row: row.whole("x"), "a whole number, got 1.5"),
        ("1", lambda row: row.text("x"), "a text, got 1"),
        ("null", lambda row: row.text("x"), "a text, got None"),
        ('""', lambda row: row.id("x"), "an id: a text that is not empty"),
        ("[1, null]", lambda row: row.ids("x"), "an id"),
        ('["a", 1]', lambda row: row.texts("x"), "a list of texts"),
        ("[1, null]", lambda row: row.numbers("x"), "a finite number, got None"),
        ("1", lambda row: row.numbers("x"), "a list of numbers"),
    ],
)
def test_values_that_are_not_what_they_should_be(write, tmp_path, value, ask, message):
    write("rows.jsonl", f'{{"x": {value}}}')
    (row,) = read_rows(source("rows.jsonl", columns={"x": "x"}), tmp_path)
    with pytest.raises(DataError, match=message):
        ask(row)


def test_a_column_that_is_not_there_is_named_with_the_nearest(write, tmp_path):
    write("rows.tsv", TABLE)
    (row, _) = read_rows(source("rows.tsv", columns={"text": "txt", "both": ["id", "text"]}), tmp_path)
    with pytest.raises(DataError, match=r"rows.tsv, line 2: no column named 'txt'. Did you mean 'text'\?"):
        row.text("text")
    with pytest.raises(SettingError, match="only texts can be joined"):
        row.id("both")
    assert not row.has("text")
    assert not row.has("grade")
    assert row.has("both")


@pytest.mark.parametrize("options", [{"every": 0}, {"except_every": 1}, {"every": 2, "except_every": 3}])
def test_choices_that_make_no_sense(options):
    with pytest.raises(SettingError, match="every"):
        source("rows.tsv", **options)
