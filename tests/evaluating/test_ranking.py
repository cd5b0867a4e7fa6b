"""Ranking metrics: as pytrec_eval has them, and as their definitions say, slowly."""

import math

import metric_cases as cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import DataError, SettingError, UnknownNameError
from likewise.evaluating.ranking import METRICS, ndcg, precision, ranking_metric

RUNS = [cases.ranking(seed) for seed in range(cases.RUNS)]
GOLDEN = cases.golden("ranking")


@pytest.mark.parametrize("name", GOLDEN[0])
def test_every_metric_is_pytrec_evals(name):
    metric, ties, absent = ranking_metric(name), 0, 0
    for (run, qrels), expected in zip(RUNS, GOLDEN, strict=True):
        found = metric(run, qrels)
        assert list(found) == list(qrels)
        for query, value in zip(qrels, expected[name], strict=True):
            assert (query in run) == (value is not None)
            assert found[query] == pytest.approx(value or 0, abs=1e-9, rel=0)
            absent += value is None
        ties += any(len(set(scores.values())) < len(scores) for scores in run.values())
    assert ties > 100
    assert absent > 10


def slowly(run, qrels, stem, k):
    """By the definitions, in lists."""
    values = {}
    for query, judgements in qrels.items():
        scores = {document: float(np.float32(score)) for document, score in run.get(query, {}).items()}
        ranking = sorted(scores, key=lambda document: (scores[document], document), reverse=True)[:k]
        gains = [max(0, judgements.get(document, 0)) for document in ranking]
        hits = [gain > 0 for gain in gains]
        ideal = sorted((max(0, grade) for grade in judgements.values()), reverse=True)
        relevant = sum(grade > 0 for grade in ideal)
        dcg, best = (sum(g / math.log2(i + 2) for i, g in enumerate(one)) for one in (gains, ideal[:k]))
        precisions = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
        values[query] = {
            "ndcg": dcg / best if best else 0,
            "map": sum(precisions) / relevant if relevant else 0,
            "mrr": 1 / (hits.index(True) + 1) if any(hits) else 0,
            "recall": sum(hits) / relevant if relevant else 0,
            "precision": sum(hits) / (k or len(hits)) if hits else 0,
            "hit_rate": float(any(hits)),
        }[stem]
    return values


IDS = st.sampled_from(["a", "b", "c", "d", "e", "f", "ä"])
QUERIES = st.sampled_from(["1", "2", "3"])
SCORES = st.sampled_from([-1.0, 0.0, 0.5, 0.5 + 1e-12, 2.0])


@given(
    st.dictionaries(QUERIES, st.dictionaries(IDS, SCORES, max_size=7), min_size=1, max_size=3),
    st.dictionaries(QUERIES, st.dictionaries(IDS, st.integers(-2, 3), max_size=7), min_size=1, max_size=3),
    st.sampled_from(sorted(METRICS)),
    st.none() | st.integers(1, 8),
)
def test_every_metric_is_its_definition(run, qrels, stem, k):
    if not run.keys() & qrels.keys():
        run = run | {next(iter(qrels)): {}}
    found = METRICS[stem](run, qrels, k=k)
    assert found == pytest.approx(slowly(run, qrels, stem, k), abs=1e-12)
    assert all(0 <= value <= 1 + 1e-12 for value in found.values())


@pytest.mark.parametrize("stem", METRICS)
def test_a_query_without_relevant_documents_or_answers_counts_nothing(stem):
    run = {"answered": {"a": 1.0}, "nothing relevant": {"a": 1.0}, "only below": {"a": 1.0}, "empty": {}}
    qrels = {name: {"a": 1} for name in ("answered", "empty", "absent")}
    qrels |= {"nothing relevant": {"a": 0}, "only below": {"a": -1}, "none judged": {}}
    found = METRICS[stem](run, qrels)
    assert found == {name: float(name == "answered") for name in qrels}
    assert not any(map(math.isnan, found.values()))


def test_documents_that_are_relevant_but_unknown_to_the_run_lower_recall_alone():
    run, qrels = {"q": {"a": 2.0, "b": 1.0}}, {"q": {"a": 1, "not in the corpus": 1}}
    assert ranking_metric("recall")(run, qrels) == {"q": 0.5}
    assert ranking_metric("mrr")(run, qrels) == {"q": 1.0}


@pytest.mark.parametrize("name", ["ndgc@10", "", "@10", "ndcg10"])
def test_an_unknown_metric_is_named_with_those_there_are(name):
    with pytest.raises(UnknownNameError, match="Known: hit_rate, map, mrr, ndcg, precision, recall"):
        ranking_metric(name)


@pytest.mark.parametrize("digits", ["", "0", "-1", "ten", "1.5", "²"])
def test_a_metric_of_a_wrong_k_is_refused(digits):
    with pytest.raises(SettingError, match="expected ndcg@10"):
        ranking_metric(f"ndcg@{digits}")


@pytest.mark.parametrize("k", [0, -1, 2.0, True])
def test_k_is_at_least_one(k):
    with pytest.raises(SettingError, match=f"k is {k!r}; expected a whole number of at least 1"):
        precision({"q": {"a": 1.0}}, {"q": {"a": 1}}, k=k)


@pytest.mark.parametrize(
    ("run", "qrels", "message"),
    [
        ({"q": {"a": 1.0}}, {}, "the qrels have no query"),
        ({}, {"q": {"a": 1}}, "Their first is 'q', the run's None"),
        ({"1": {"a": 1.0}}, {1: {"a": 1}}, "Their first is 1, the run's '1'; expected the same ids, as text"),
        ({"q": {"b": 0.0, "a": math.nan}}, {"q": {"c": 1}}, "score of document 'a' for query 'q' is nan"),
        ({"q": {"a": math.inf}}, {"q": {"a": 1}}, "score of document 'a' for query 'q' is inf"),
        ({"q": {"a": 1e39}}, {"q": {"a": 1}}, "expected a finite number within float32"),
        ({"q": {"a": 1.0}}, {"q": {"a": 0.5}}, "grade of document 'a' for query 'q' is 0.5; expected a whole number"),
    ],
)
def test_what_cannot_be_scored_is_said(run, qrels, message):
    for metric in METRICS.values():
        with pytest.raises(DataError, match=message):
            metric(run, qrels)


def test_what_is_given_stays_as_it_was():
    run, qrels = cases.ranking(3)
    ndcg(run, qrels, k=5)
    assert (run, qrels) == cases.ranking(3)
