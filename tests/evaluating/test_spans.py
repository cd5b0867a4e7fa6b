"""Retrieved spans against gold ones, character by character."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise.errors import DataError
from likewise.evaluating.spans import Span, span_iou, span_precision, span_recall


@st.composite
def spans(draw):
    start = draw(st.integers(0, 12))
    return Span(draw(st.sampled_from("ab")), start, start + draw(st.integers(1, 8)))


@given(st.lists(spans(), max_size=5), st.lists(spans(), min_size=1, max_size=4))
def test_they_count_characters(retrieved, gold):
    taken = Counter((span.document, place) for span in retrieved for place in range(span.start, span.end))
    wanted = {(span.document, place) for span in gold for place in range(span.start, span.end)}
    both = len(wanted & taken.keys())
    assert span_recall(retrieved, gold) == pytest.approx(both / len(wanted))
    assert span_precision(retrieved, gold) == pytest.approx(both / taken.total() if taken else 0)
    assert span_iou(retrieved, gold) == pytest.approx(both / (taken.total() + len(wanted) - both))


def test_an_overlap_of_chunks_costs_precision_and_a_gap_recall():
    gold = [Span("a", 10, 20), Span("a", 30, 40)]
    exact, overlapping = gold, [Span("a", 10, 18), Span("a", 12, 20), Span("a", 30, 40)]
    assert span_precision(exact, gold) == span_recall(exact, gold) == span_iou(exact, gold) == 1
    assert span_recall(overlapping, gold) == 1
    assert span_precision(overlapping, gold) == span_iou(overlapping, gold) == 20 / 26
    assert span_recall([Span("a", 0, 20)], gold) == span_precision([Span("a", 0, 20)], gold) == 0.5
    assert span_iou([Span("a", 0, 20)], gold) == 10 / 30


def test_other_documents_are_other_characters():
    assert span_recall([Span("b", 0, 10)], [Span("a", 0, 10)]) == 0
    assert span_iou([Span("b", 0, 10), Span("a", 0, 10)], [Span("a", 0, 10)]) == 0.5


def test_nothing_retrieved_is_zero_and_nothing_to_retrieve_an_error():
    for metric in (span_recall, span_precision, span_iou):
        assert metric([], [Span("a", 0, 10)]) == 0
        with pytest.raises(DataError, match="gold: got no span; leave the question out"):
            metric([Span("a", 0, 10)], [])


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (-1, 3)])
def test_a_span_has_a_length(start, end):
    with pytest.raises(DataError, match=f"a span of 'a' goes from {start} to {end}"):
        Span("a", start, end)
