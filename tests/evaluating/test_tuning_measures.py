"""Measures of chunks found, against slow definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import SettingError
from likewise.evaluating.ranking import ndcg
from likewise.evaluating.spans import Span, span_recall
from likewise.evaluating.tuning.labels import LabelledQueries
from likewise.evaluating.tuning.measures import measure_of

SPANS = st.builds(
    lambda document, start, size: Span(document, start, start + size),
    st.sampled_from("ab"),
    st.integers(0, 30),
    st.integers(1, 12),
)


def characters(spans):
    return [(span.document, place) for span in spans for place in range(span.start, span.end)]


@given(st.lists(SPANS), st.lists(SPANS, min_size=1), st.integers(1, 60))
def test_recall_within_so_many_characters(found, gold, most):
    labels = LabelledQueries(texts={"q": "?"}, qrels={}, spans={"q": gold})
    value = measure_of(f"span_recall_within@{most}", labels)({"q": found})
    wanted = set(characters(gold))
    assert value == pytest.approx(len(wanted & set(characters(found)[:most])) / len(wanted))


def test_only_the_first_chunks_count():
    gold, found = [Span("a", 0, 10)], [Span("a", 20, 30), Span("a", 5, 15), Span("a", 0, 5)]
    labels = LabelledQueries(texts={"q": "?"}, qrels={}, spans={"q": gold})
    assert measure_of("span_recall@2", labels)({"q": found}).tolist() == [span_recall(found[:2], gold)]
    assert measure_of("span_iou@1", labels)({"q": found}).tolist() == [0.0]
    for name in ("span_recall", "span_recall@", "span_recall_within@0", "span_iou@x"):
        with pytest.raises(SettingError, match="say how many count after an @"):
            measure_of(name, labels)


def test_a_document_ranks_by_its_best_chunk():
    labels = LabelledQueries(texts={"p": "?", "q": "?"}, qrels={"p": {"b": 1, "c": 2}, "q": {"z": 1}}, spans={})
    found = {"p": [Span("a", 0, 1), Span("b", 0, 1), Span("a", 1, 2), Span("c", 0, 1)], "q": []}
    expected = ndcg({"p": {"a": 3.0, "b": 2.0, "c": 1.0}}, {"p": {"b": 1, "c": 2}}, k=10)["p"]
    assert np.allclose(measure_of("ndcg@10", labels)(found), [expected, 0.0])
