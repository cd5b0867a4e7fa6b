"""Tasks are read strictly, and all that come along are sound."""

import re

import pytest
from made_tasks import MADE

from likewise.errors import DataError, SettingError, UnknownNameError
from likewise.evaluating.kinds import KINDS
from likewise.evaluating.task_files import missing_files, read_task, rows_of, task_digest, task_names

PAIRS = """
kind = "sts"

[pairs]
file = "pairs.tsv"
columns = { left = "a", right = "b", score = "s" }
"""


@pytest.fixture
def write(tmp_path):
    def written(text, name="own.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return written


@pytest.mark.parametrize("name", task_names())
def test_every_task_that_comes_along_is_sound(name):
    task = read_task(name)
    assert (task.name, task.folder) == (name, None)
    assert task.summary
    assert task.languages
    assert all(re.fullmatch(r"[a-z]{2}", language) for language in task.languages)
    assert not task.summary.endswith(".")


def test_the_names_of_the_issue_are_there_and_every_kind_has_made_data():
    named = {"stsb-en", "stsb-de", "stsb-fr", "tatoeba-de", "cranfield", "xquad-en", "banking77", "emotion"}
    assert named <= set(task_names())
    with_tasks = {read_task(name).kind for name in task_names()}
    assert with_tasks | {read_task(path).kind for path in MADE.glob("*.toml")} == set(KINDS.names())


def test_a_file_of_ones_own_is_a_task_and_its_data_lies_beside_it(write, tmp_path):
    task = read_task(write(PAIRS))
    assert (task.name, task.kind, task.folder) == ("own", "sts", tmp_path)
    assert missing_files(task, None) == ["pairs.tsv"]
    (tmp_path / "pairs.tsv").write_text("a\tb\ts\nx\ty\t1\n")
    assert [row.text("right") for row in rows_of(task, None)["pairs"]] == ["y"]
    assert missing_files(task, None) == []
    with pytest.raises(DataError, match=r"there is no .*elsewhere"):
        rows_of(task, tmp_path / "elsewhere")


def test_the_data_of_a_task_that_comes_along_is_asked_for():
    with pytest.raises(DataError, match=r"the data of cranfield does not come along: say in which folder .*--data"):
        rows_of(read_task("cranfield"), None)


def test_a_folder_as_beir_has_it(write, tmp_path):
    folder = tmp_path / "scifact"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "7", "title": "Cats", "text": "They purr.", "metadata": {}}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "what purrs"}\n')
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq\t7\t1\n")
    rows = rows_of(read_task(write('kind = "retrieval"\nbeir = "scifact"\nsplit = "dev"\n')), tmp_path)
    assert rows["documents"][0].text("text") == "Cats They purr."
    assert (rows["qrels"][0].id("query"), rows["qrels"][0].id("document"), rows["qrels"][0].whole("grade")) == (
        "q",
        "7",
        1,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PAIRS.replace("kind", "kindd"), "a task says its kind: one of analogies, bitext_mining"),
        (PAIRS.replace('"sts"', '"st"'), "no task kind named 'st'. Did you mean 'sts'"),
        (PAIRS.replace("[pairs]", "[pair]"), r"no key of a sts task named 'pair'. Did you mean 'pairs'\?"),
        (PAIRS + "colums = 1\n", "no RowSource setting named 'colums'. Did you mean 'columns'"),
        (PAIRS.replace("score =", "scores ="), r"no column of \[pairs\] named 'scores'. Did you mean 'score'"),
        (PAIRS.replace(', score = "s"', ""), r"\[pairs\] does not say which column is 'score'"),
        ('kind = "sts"\n', r"the table \[pairs\] is missing"),
        ('kind = "sts"\npairs = "x"\n', r"\[pairs\] must be a table with file and columns"),
        (PAIRS + "[settings]\ndraws = 3\n", "no StsSettings setting named 'draws'"),
        ('kind = "sts"\nbeir = "x"\n', "beir = … stands for documents, queries and qrels"),
        (PAIRS + "[settings]\n[split]\n", "split is of a folder as BEIR has them"),
        (PAIRS.replace('"pairs.tsv"', "pairs.tsv"), "can't be read as TOML"),
    ],
)
def test_a_wrong_key_is_one_clear_error_that_names_the_file(write, text, message):
    with pytest.raises((SettingError, DataError), match=message) as caught:
        read_task(write(text))
    assert str(caught.value).startswith(str(write(text)))


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("retrieval", 'metric = "ndgc@10"', "no ranking metric named 'ndgc'. Did you mean 'ndcg'"),
        ("retrieval", "depth = 0", "depth is 0"),
        ("retrieval", 'unknown_documents = "drop"', "unknown_documents is 'drop'; it must be 'error' or 'keep'"),
        ("reranking", 'candidates = "some"', "candidates is 'some'; it must be one of table, judged, bm25"),
        ("classification", "draws = 0", "draws is 0"),
        ("classification", 'per_label = "8"', "ClassificationSettings"),
        ("clustering", "most_texts = -2", "most_texts is -1"),
        ("out_of_scope", "refused_share = 1.0", "refused_share is 1.0; it must be between 0 and 1"),
        ("multilabel", "neighbours = 0", "neighbours is 0"),
    ],
)
def test_settings_that_make_no_sense(write, kind, settings, message):
    text = (MADE / f"{kind}.toml").read_text(encoding="utf-8").partition("[settings]")[0]
    with pytest.raises(SettingError, match=message):
        read_task(write(f"{text}\n[settings]\n{settings}\n"))


def test_unknown_tasks_are_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no task named 'stsb-eng'\. Did you mean 'stsb-en'"):
        read_task("stsb-eng")
    with pytest.raises(DataError, match=r"gone.toml can't be read as TOML"):
        read_task("gone.toml")


def test_a_digest_changes_with_all_that_a_score_depends_on(write, tmp_path):
    (tmp_path / "pairs.tsv").write_text("a\tb\ts\nx\ty\t1\n")
    first = task_digest(read_task(write(PAIRS)), tmp_path)
    assert task_digest(read_task(write(PAIRS, "other name.toml")), tmp_path) == first
    assert (
        task_digest(read_task(write(PAIRS.replace('left = "a", right = "b"', 'left = "b", right = "a"'))), tmp_path)
        != first
    )
    (tmp_path / "pairs.tsv").write_text("a\tb\ts\nx\ty\t2\n")
    assert task_digest(read_task(write(PAIRS)), tmp_path) != first
    with pytest.raises(DataError, match="there is no"):
        task_digest(read_task(write(PAIRS.replace("pairs.tsv", "gone.tsv"))), tmp_path)
