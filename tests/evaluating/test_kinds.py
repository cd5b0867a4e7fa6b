"""Every kind of task: mteb's figures on equal vectors, and one clear error for bad data."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from made_tasks import KINDS_BY_MTEB, MADE, WordsEncoder, column, rows, words_subject

from likewise.encoding.contract import CANARIES
from likewise.errors import DataError, SettingError
from likewise.evaluating.data_files import Row
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.kinds import KINDS, Outcome
from likewise.evaluating.scores import _interval
from likewise.evaluating.subjects import dense_subject
from likewise.evaluating.task_files import read_task, rows_of

BY_MTEB = json.loads(KINDS_BY_MTEB.read_text(encoding="utf-8"))
TASKS = sorted(path.stem for path in MADE.glob("*.toml"))


def table(records, *, columns=None):
    """Rows as a file of them would give; columns are named as they are."""
    names = columns or dict.fromkeys(key for record in records for key in record)
    return [
        Row(f"made.jsonl, line {number}", number, record, {name: name for name in names})
        for number, record in enumerate(records, start=1)
    ]


def score(kind, tables, subject=None, **settings):
    plugin = KINDS.get(kind)
    made = plugin.settings(**{**plugin.defaults, **settings})
    return plugin.score(tables, made, subject or words_subject())


def run(name, subject=None, **settings):
    """The outcome of a task of made data."""
    task = read_task(MADE / f"{name}.toml")
    kind = KINDS.get(task.kind)
    return kind.score(rows_of(task, None), replace(task.settings, **settings), subject or words_subject())


@pytest.mark.parametrize("kind", BY_MTEB)
def test_on_equal_vectors_every_kind_has_the_figures_of_mteb(kind):
    found = run(kind).metrics
    for name, value in BY_MTEB[kind].items():
        assert found[name] == pytest.approx(value, abs=1e-6, rel=0), name


@pytest.mark.parametrize("name", TASKS)
def test_every_outcome_is_finite_and_made_of_its_items(name):
    outcome = run(name)
    assert outcome.metric in outcome.metrics
    assert all(map(math.isfinite, outcome.metrics.values()))
    assert not outcome.ids or len(outcome.ids) == len(outcome.items)
    assert not outcome.gold or len(outcome.gold) == len(outcome.items)
    found = _interval(outcome)
    assert found.estimate == pytest.approx(outcome.value, abs=1e-9)
    assert found.low <= outcome.value <= found.high
    assert found.low < found.high
    again = run(name)
    assert (again.metrics, list(again.items)) == (outcome.metrics, list(outcome.items))


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize(
    ("prompts", "plain"), [({"query": "ask "}, "document"), ({"query": "q ", "document": "d "}, "query")]
)
def test_queries_and_documents_are_encoded_as_such_and_other_texts_as_the_model_has_it(name, prompts, plain):
    """A prompt for searching does not get into pairs of sentences, unless both roles have one, as E5's do."""
    encoder = WordsEncoder(prompts=prompts)
    run(name, dense_subject("words", encoder, kept=Keeper(None)))
    searches = {"retrieval", "code_search", "tool_routing", "reranking", "instruction_retrieval"}
    asked = [role for text, role in encoder.asked if text not in CANARIES]
    assert set(asked) == ({"query", "document"} if name in searches else {plain})


def test_an_outcome_without_a_number_is_refused():
    with pytest.raises(DataError, match="f1 is nan: the vectors or the data give no score"):
        Outcome(metric="f1", metrics={"f1": math.nan}, items=[1.0])
    with pytest.raises(DataError, match="an item of f1 is not finite"):
        Outcome(metric="f1", metrics={"f1": 1.0}, items=[math.inf])


def collection(**changed):
    tables = {
        "documents": table(rows("documents")),
        "queries": table(rows("queries")),
        "qrels": table(rows("qrels")),
    }
    return {**tables, **changed}


def test_judgements_of_unknown_documents_are_an_error_or_are_kept_as_trec_eval_keeps_them():
    qrels = table([*rows("qrels"), {"query": "q0", "document": "gone", "grade": 1}])
    with pytest.raises(DataError, match=r"made.jsonl, line \d+: no document has the id 'gone'.*unknown_documents"):
        score("retrieval", collection(qrels=qrels))
    kept = score("retrieval", collection(qrels=qrels), unknown_documents="keep")
    assert "1 judged documents that are not there, never found" in kept.notes
    plain = score("retrieval", collection())
    assert kept.items[0] < plain.items[0]
    assert list(kept.items[1:]) == list(plain.items[1:])
    assert score("reranking", collection(qrels=qrels), unknown_documents="keep").value > 0


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        (
            "documents",
            {"id": "d3", "title": "", "text": ""},
            "line 61: the id 'd3' is there already, at made.jsonl, line 4",
        ),
        ("queries", {"id": "q0", "text": ""}, "the id 'q0' is there already"),
        ("qrels", rows("qrels")[0], "is judged twice for query 'q0'"),
        ("qrels", {"query": "q99", "document": "d1", "grade": 1}, "no query has the id 'q99'"),
        ("qrels", {"query": "q0", "document": "d1", "grade": 0.5}, r"grade must be a whole number, got 0\.5"),
    ],
)
def test_bad_collections_are_one_clear_error(name, more, message):
    with pytest.raises(DataError, match=message):
        score("retrieval", collection(**{name: table([*rows(name), more])}))


def test_queries_without_judgements_are_left_out_and_those_without_a_relevant_document_score_0():
    queries = table([*rows("queries"), {"id": "asked by nobody", "text": "t1w1"}, {"id": "hopeless", "text": "t1w1"}])
    qrels = table([*rows("qrels"), {"query": "hopeless", "document": "d1", "grade": 0}])
    outcome = score("retrieval", collection(queries=queries, qrels=qrels))
    plain = score("retrieval", collection())
    assert set(outcome.ids) - set(plain.ids) == {"hopeless"}
    assert outcome.items[list(outcome.ids).index("hopeless")] == 0
    assert outcome.value == pytest.approx(plain.value * len(plain.ids) / len(outcome.ids))
    assert set(outcome.notes) == {
        "1 queries without judgements left out",
        "1 queries without a relevant document, which score 0",
    }


def test_a_group_is_searched_alone():
    """Memories of another conversation are never found, though they have the same ids and better words."""
    documents = [{"group": g, "id": i, "text": f"w{g}{i}"} for g in ("a", "b") for i in (1, 2)]
    documents.append({"group": "a", "id": 3, "text": "wb1"})
    queries = [
        {"group": "b", "text": "wb1", "category": 4},
        {"group": "a", "text": "wa2", "category": 2},
        {"group": "a", "text": "wb1", "category": 2},
    ]
    qrels = [{"group": "b", "document": [1]}, {"group": "a", "document": [2, 1]}, {"group": "a", "document": [1]}]
    tables = {"documents": table(documents), "queries": table(queries), "qrels": table(qrels)}
    outcome = score("memory_recall", tables, metric="recall@1")
    assert dict(zip(outcome.ids, outcome.items, strict=True)) == {"b/1": 1.0, "a/2": 0.5, "a/3": 0.0}
    assert outcome.metrics["recall@1 of category 2"] == 0.25
    assert outcome.metrics["recall@1 of category 4"] == 1.0
    with pytest.raises(DataError, match="the group 'c' has queries and no documents"):
        score(
            "memory_recall",
            {
                "documents": tables["documents"],
                "queries": table([*queries, {"group": "c", "text": "x", "category": 1}]),
                "qrels": table([*qrels, {"group": "c", "document": [1]}]),
            },
            unknown_documents="keep",
        )


def test_a_request_for_two_tools_is_served_by_both():
    tools = [{"id": f"t{i}", "text": f"w{i}"} for i in range(8)]
    queries, qrels = [{"text": "w0 w1"}, {"text": "w2"}], [{"document": ["t0", "t1"]}, {"document": ["t2", "t7"]}]
    tables = {"documents": table(tools), "queries": table(queries), "qrels": table(qrels)}
    outcome = score("tool_routing", tables)
    found = score("retrieval", tables, metric="recall@5").items
    assert list(outcome.items) == list(found)
    assert outcome.metrics["complete@5"] == np.mean([one == 1 for one in found])


def test_candidates_are_a_table_or_by_words_or_those_that_are_judged():
    tables = collection()
    with pytest.raises(SettingError, match="a table of candidates if, and only if"):
        score("reranking", tables, candidates="table")
    own = [{"query": row["query"], "document": row["document"]} for row in rows("qrels")]
    as_judged = score("reranking", {**tables, "candidates": table(own)}, candidates="table")
    assert list(as_judged.items) == list(score("reranking", tables, candidates="judged").items)
    with pytest.raises(DataError, match="line 1: no document has the id 'd99'"):
        bad = table([{"query": "q0", "document": "d99"}])
        score("reranking", {**tables, "candidates": bad}, candidates="table")


def test_words_propose_documents_by_bm25():
    texts = {"a": "cat cat dog", "b": "dog", "c": "cow", "d": "cat " + "horse " * 30}
    tables = {
        "documents": table([{"id": id, "text": text} for id, text in texts.items()]),
        "queries": table([{"id": "q", "text": "cats"}, {"id": "r", "text": "sheep"}]),
        "qrels": table(
            [{"query": "q", "document": "c"}, {"query": "q", "document": "d"}, {"query": "r", "document": "b"}]
        ),
    }
    both, first = (score("reranking", tables, candidates="bm25", depth=depth) for depth in (2, 1))
    assert both.items[0] in (0.25, 0.5)  # of the two that are relevant, only d has the word
    assert first.items == [0.0, 0.0]


def test_p_mrr_is_above_0_if_documents_that_are_ruled_out_fall():
    documents = [{"id": f"d{i}", "text": f"w{i} x"} for i in range(6)]
    queries = [
        {"id": "og", "text": "x", "instruction": "w1"},
        {"id": "changed", "text": "x", "instruction": "w2"},
    ]
    qrels = [{"query": "og", "document": "d1"}, {"query": "changed", "document": "d2"}]
    tables = {"documents": table(documents), "queries": table(queries), "qrels": table(qrels)}
    changes = table([{"before": "og", "after": "changed", "document": "d1"}])
    outcome = score("instruction_retrieval", {**tables, "changes": changes})
    assert outcome.metric == "p-mrr"
    assert 0 < outcome.value <= 1
    back = table([{"before": "changed", "after": "og", "document": "d1"}])
    assert -1 <= score("instruction_retrieval", {**tables, "changes": back}).value < 0
    assert score("instruction_retrieval", tables).metric == "ndcg@10"
    with pytest.raises(DataError, match="no judged query has the id 'new'"):
        bad = table([{"before": "og", "after": "new", "document": "d1"}])
        score("instruction_retrieval", {**tables, "changes": bad})


def labelled(texts, labels):
    return table([{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)])


@pytest.mark.parametrize("kind", ["classification", "out_of_scope"])
def test_one_class_to_learn_from_is_an_error(kind):
    test = labelled(column("requests", "text"), column("requests", "label"))
    with pytest.raises(DataError, match=r"made.jsonl, line 1 and after: all 3 rows have the label 'topic 1'"):
        score(kind, {"train": labelled(["a", "b", "c"], ["topic 1"] * 3), "test": test})


def test_one_class_elsewhere_is_an_error_too():
    with pytest.raises(DataError, match="all 2 rows have the label 'x'"):
        score("clustering", {"texts": labelled(["a", "b"], ["x", "x"])})
    pairs = table([{"left": "a", "right": "b", "label": 0}, {"left": "a", "right": "c", "label": 0}])
    with pytest.raises(DataError, match="none of 2 pairs have the label '1'; expected two classes"):
        score("pair_classification", {"pairs": pairs})
    with pytest.raises(DataError, match="all of 2 pairs have the label '0'"):
        score("pair_classification", {"pairs": pairs}, positive="0")
    one = table([{"text": "a", "labels": ["x"]}, {"text": "b", "labels": ["x"]}])
    with pytest.raises(DataError, match=r"the labels are \['x'\]; expected two or more"):
        score("multilabel", {"train": one, "test": one})
    alike = table([{"left": "a", "right": "b", "score": 3}, {"left": "a", "right": "c", "score": 3}])
    with pytest.raises(DataError, match=r"all 2 are 3\.0"):
        score("sts", {"pairs": alike})


def test_all_rows_may_be_learned_from_and_labels_that_never_were_are_noted():
    train, test = (labelled(column(name, "text"), column(name, "label")) for name in ("train", "test"))
    few, full = (score("classification", {"train": train, "test": test}, per_label=n) for n in (8, 0))
    assert set(np.unique(full.items)) <= {0.0, 1.0}
    assert full.value > few.value
    other = [*test, *labelled(["t1w1"], ["topic 99"])]
    assert score("classification", {"train": train, "test": other}).notes == [
        "1 labels are tested and never learned: topic 99"
    ]


def test_what_no_draw_needs_is_not_encoded():
    subject = words_subject()
    run("classification", subject, draws=1, per_label=2)
    texts = {text for text, _ in subject._encoder.asked}
    assert len(texts & set(column("train", "text"))) == 12
    assert set(column("test", "text")) <= texts


def test_requests_out_of_scope_are_told_by_how_near_the_nearest_known_one_is():
    train = labelled(["a b", "a c", "d e", "d f"], ["one", "one", "two", "two"])
    test = labelled(["a b", "d e", "x y", "z"], ["one", "two", "oos", "three"])
    outcome = score("out_of_scope", {"train": train, "test": test}, held_out=["three"])
    assert outcome.metrics["auroc"] == 1.0
    assert outcome.metrics["accuracy_inside"] == 1.0
    assert outcome.metrics["refused_outside"] == 1.0
    assert outcome.metrics["refused_inside"] == 0.0
    assert list(outcome.gold) == [1, 1, 0, 0]
    with pytest.raises(DataError, match="no request is out of scope"):
        score("out_of_scope", {"train": train, "test": train})
    with pytest.raises(DataError, match="every row is held out"):
        score("out_of_scope", {"train": train, "test": test}, held_out=["one", "two"])


def test_summaries_without_an_order_are_left_out_and_counted():
    outcome = run("summary_scoring")
    assert outcome.notes == ["1 texts without an order left out"]
    assert len(outcome.items) == 11
    bad = table([{"human": ["a"], "machine": ["b", "c"], "scores": [1]}])
    with pytest.raises(DataError, match="1 human summaries, 2 others and 1 scores"):
        score("summary_scoring", {"documents": bad})
    flat = table([{"human": ["a"], "machine": ["b", "c"], "scores": [1, 1]}])
    with pytest.raises(DataError, match="no text has summaries that differ in their scores"):
        score("summary_scoring", {"documents": flat})


class Compass(WordsEncoder):
    """Words that lie as their names say: one number for each letter."""

    def _vector(self, text):
        return [float(text.count(letter)) for letter in "abcdefghijklmnop"]


def test_analogies_are_solved_by_adding_and_never_by_a_words_own():
    questions = table(
        [
            {"a": "a", "b": "ab", "c": "c", "d": "cb", "section": "right"},
            {"a": "a", "b": "ab", "c": "c", "d": "d", "section": "wrong"},
        ]
    )
    subject = dense_subject("compass", Compass(normalise=False), kept=Keeper(None))
    outcome = score("analogies", {"questions": questions}, subject)
    assert list(outcome.items) == [1.0, 0.0]
    assert (outcome.metrics["accuracy of right"], outcome.metrics["accuracy of wrong"]) == (1.0, 0.0)


def test_chunks_are_held_against_the_passages_that_answer(exact_encoder):
    parts = ["The cat sleeps on the warm sofa all day long.", "Invoices are paid within thirty days of receipt."]
    text = "\n\n".join(parts)
    documents = table([{"id": "handbook", "text": text}])
    passages = table(
        [
            {
                "question": "When do we pay suppliers?",
                "document": "handbook",
                "start": text.index(part),
                "end": len(text),
            }
            for part in parts[1:]
        ]
    )
    subject = dense_subject("model", exact_encoder, kept=Keeper(None))
    found = score("chunk_retrieval", {"documents": documents, "passages": passages}, subject, k=1, max_tokens=12)
    assert found.metrics == {"iou": 1.0, "recall": 1.0, "precision": 1.0}
    both = score("chunk_retrieval", {"documents": documents, "passages": passages}, subject, k=2, max_tokens=12)
    assert both.metrics["recall"] == 1.0
    assert both.metrics["precision"] == pytest.approx(len(parts[1]) / sum(map(len, parts)), abs=0.02)
    with pytest.raises(DataError, match="no document has the id 'elsewhere'"):
        bad = table([{"question": "q", "document": "elsewhere", "start": 0, "end": 1}])
        score("chunk_retrieval", {"documents": documents, "passages": bad}, subject)
    with pytest.raises(SettingError, match="words has no tokenizer to measure chunks with"):
        score("chunk_retrieval", {"documents": documents, "passages": passages})
