"""Samples of a user's own: who is searched for what, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_tasks import MADE, words_subject

import likewise as lw
from likewise.chunking import embedded_text
from likewise.errors import DataError, LikewiseError, ReadingError, SettingError, UnknownNameError
from likewise.evaluating.kinds import KINDS
from likewise.evaluating.known_items import cut_passages, distinct, make_known_items
from likewise.evaluating.samples import Labelled, SampleSettings, read_queries, read_sample, sample_of
from likewise.evaluating.words import WordSearch

PEOPLE = Path(__file__).parents[2] / "examples" / "handbook" / "people"
PAGE = "Every morning the keeper of the {0} walks along the fence, and writes down what the {0} did. " * 2


@pytest.fixture
def folder(tmp_path):
    """Four documents in three files, one of which is a table."""
    (tmp_path / "docs" / "birds").mkdir(parents=True)
    (tmp_path / "docs" / "birds" / "owl.md").write_text(f"# Owls\n\n{PAGE.format('owl')}")
    (tmp_path / "docs" / "elk.txt").write_text(PAGE.format("elk"))
    (tmp_path / "docs" / "table.csv").write_text("animal,food\nnewt,worms\nbat,moths\n")
    return tmp_path / "docs"


@pytest.fixture
def queries(tmp_path):
    def write(*rows):
        path = tmp_path / "q.jsonl"
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    return write


def asked(query, *relevant):
    return {"query": query, "relevant": list(relevant)}


def test_a_document_is_named_in_several_ways(folder, queries, monkeypatch):
    documents = list(lw.read(folder))
    owl, elk, newt, bat = (one.id for one in sorted(documents, key=lambda one: one.id))
    monkeypatch.chdir(folder.parent)
    path = queries(
        asked("by path", "birds/owl.md"),
        asked("from here", "docs/birds/../elk.txt", "./docs/birds/owl.md"),
        asked("whole", str(folder / "elk.txt")),
        asked("by id", newt),
        asked("a table", "table.csv"),
        asked("a row", "table.csv#2", "table.csv"),
    )
    found = [sorted(one.documents) for one in read_queries(path, documents)]
    assert found == [[owl], sorted([elk, owl]), [elk], [newt], [newt, bat], [newt, bat]]


def test_documents_count_by_their_best_passage(queries, tmp_path):
    """Against a slow version: all passages of a document, the best of their scores."""
    path = queries(asked("a doctor's note", "sickness-absence.md"), asked("who to ring", "contacts.csv", "welcome.md"))
    outcome = read_sample(PEOPLE, kind="retrieval", queries=path).score(subject := words_subject())
    passages = cut_passages(lw.read(PEOPLE))
    vectors = subject.vectors([embedded_text(one.chunk) for one in passages], "document")
    for query, names, value in (
        ("a doctor's note", {"sickness-absence.md"}, outcome.items[0]),
        ("who to ring", {"contacts.csv", "welcome.md"}, outcome.items[1]),
    ):
        best = {}
        for passage, score in zip(passages, vectors @ subject.vectors([query], "query")[0], strict=True):
            best[passage.document] = max(best.get(passage.document, -1), score)
        order = sorted(best, key=best.get, reverse=True)
        gains = [one.partition("#")[0].removeprefix(f"{PEOPLE}/") in names for one in order]
        discounts = 1 / np.log2(np.arange(2, 12))
        assert value == pytest.approx(discounts[np.array(gains[:10])].sum() / discounts[: min(sum(gains), 10)].sum())


def test_made_queries_are_searched_in_passages_without_them():
    sample = read_sample(PEOPLE, kind="retrieval")
    items = make_known_items(distinct(cut_passages(lw.read(PEOPLE))))
    assert sample.passages == items.texts
    found = WordSearch().search(items.queries, items.texts, 5)
    hits = [bool(set(row) & set(some)) for row, some in zip(found.ids.tolist(), items.relevant, strict=True)]
    assert sample.score(WordSearch()).metrics["hit_rate@5"] == pytest.approx(np.mean(hits))
    assert len(sample.documents) == len(list(lw.read(PEOPLE)))


def test_of_a_large_folder_a_part_is_taken_that_keeps_the_answers(queries):
    path = queries(asked("leave", "annual-leave.md"), asked("rows", "contacts.csv"))
    settings = SampleSettings(most_passages=40)
    sample = read_sample(PEOPLE, kind="retrieval", queries=path, settings=settings)
    whole = read_sample(PEOPLE, kind="retrieval", queries=path)
    needed = [
        one
        for one in cut_passages(lw.read(PEOPLE))
        if one.document.endswith("annual-leave.md") or "contacts.csv#" in one.document
    ]
    assert len(sample.passages) == 40 < len(whole.passages)
    assert {embedded_text(one.chunk) for one in needed} <= set(sample.passages) < set(whole.passages)
    assert sample.notes[0].startswith("40 of ")
    assert "drawn at random" in sample.notes[0]
    assert len(read_sample(PEOPLE, kind="retrieval", settings=settings).passages) == 40


@pytest.mark.parametrize("kind", ["retrieval", "sts", "summary_scoring"])
def test_a_task_file_is_a_sample_of_its_kind(kind):
    sample = read_sample(MADE / f"{kind}.toml", kind=kind)
    assert sample.needs == KINDS.get(kind).needs
    assert len(sample.passages) > 10
    assert len(sample.score(words_subject()).items) > 1


def test_made_queries_say_what_they_cannot_tell():
    notes = " ".join(read_sample(PEOPLE, kind="clustering").notes)
    assert "no forecast" in notes
    assert "For clustering the order may be another" in notes
    assert "clustering" not in " ".join(read_sample(PEOPLE, kind="retrieval").notes)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([asked("q", "owls.md"), asked("q", "elk.txt")], "line 1: no document named 'owls.md'.*Did you mean"),
        ([asked("q", "elk.txt"), asked("q")], "line 2: a query must have a text, and at least one relevant document"),
        ([asked(" ", "elk.txt")], "line 1: a query must have a text"),
        ([asked("q", "elk.txt")], "has 1 queries; chance can't be told"),
        ([], "has 0 queries"),
        ([{"question": "q", "relevant": ["elk.txt"]}], "line 1: no column named 'query'"),
        ([{"query": "q", "relevant": [{"id": 3}]}], "line 1: relevant must be an id"),
        (["{"], "line 1 is no JSON"),
    ],
)
def test_bad_queries_are_refused_with_their_line(folder, queries, lines, message):
    with pytest.raises(DataError, match=message):
        read_sample(folder, kind="retrieval", queries=queries(*lines))


@pytest.mark.parametrize(
    ("files", "error", "message"),
    [
        ({}, DataError, "docs has no document to rank models on$"),
        ({"bad.pdf": "%PDF-1.4"}, DataError, r"no document.*\. 1 could not be read, the first, .*bad.pdf: "),
        ({"one.txt": PAGE}, DataError, "only 0 queries could be made of 1 documents in 1 passages.*fewer than 10"),
        (None, ReadingError, "no file or folder at"),
    ],
)
def test_too_few_documents_are_one_clear_error(tmp_path, files, error, message):
    if files is not None:
        (tmp_path / "docs").mkdir()
        for name, text in files.items():
            (tmp_path / "docs" / name).write_text(text)
    with pytest.raises(error, match=message):
        read_sample(tmp_path / "docs", kind="retrieval")


def test_one_document_cannot_be_searched_for(tmp_path, queries):
    (tmp_path / "one.txt").write_text(PAGE)
    path = queries(asked("q", "one.txt"), asked("r", "one.txt"))
    with pytest.raises(DataError, match="the sample has one document, which every search finds"):
        read_sample(tmp_path / "one.txt", kind="retrieval", queries=path)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"path": PEOPLE, "kind": "retreival"}, UnknownNameError, "Did you mean 'retrieval'"),
        (
            {"path": PEOPLE, "kind": "sts", "queries": Path("q")},
            SettingError,
            "--queries label documents for retriev",
        ),
        ({"path": MADE / "sts.toml", "kind": "retrieval"}, SettingError, "is a task of sts, not of retrieval"),
        ({"path": MADE / "retrieval.toml", "kind": "retrieval", "queries": Path("q")}, SettingError, "leave --queries"),
        ({"path": Path("none.toml"), "kind": "sts"}, LikewiseError, "none.toml can't be read"),
        ({"path": PEOPLE, "kind": "retrieval", "queries": Path("none.jsonl")}, DataError, "none.jsonl can't be read"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        read_sample(**arguments)


@pytest.mark.parametrize("name", ["most_passages", "most_queries"])
def test_settings_are_counts(name):
    with pytest.raises(SettingError, match=f"{name} is 0"):
        SampleSettings(**{name: 0})


def test_documents_in_memory_are_a_sample_and_their_ids_are_checked():
    documents = [lw.Document(id=name, text=PAGE.format(name)) for name in ("owl", "elk")]
    labelled = [Labelled("the owl", ["owl"]), Labelled("an elk", ["elk"])]
    assert sample_of(documents, labelled).score(WordSearch()).items == [1, 1]
    with pytest.raises(DataError, match="a labelled query names 'bat', and no document has that id"):
        sample_of(documents, [*labelled, Labelled("a bat", ["bat"])])


def test_one_long_document_gives_queries_enough():
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in sorted(PEOPLE.glob("*.md")))
    sample = sample_of([lw.Document(id="all", text=text, format="markdown")])
    assert len(sample.score(WordSearch()).items) >= 10


def test_files_that_could_not_be_read_are_named(folder, queries):
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    path = queries(asked("the owl", "birds/owl.md"), asked("an elk", "elk.txt"))
    assert (
        f"1 could not be read, the first, {folder}/bad.pdf: "
        in read_sample(folder, kind="retrieval", queries=path).notes[-1]
    )
