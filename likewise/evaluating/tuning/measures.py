"""How good the chunks found for a query are: by the documents that they are of, or by the spans that they cover."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.errors import SettingError, UnknownNameError
from likewise.evaluating.ranking import METRICS, Qrels, ranking_metric
from likewise.evaluating.spans import Span, span_iou, span_precision, span_recall
from likewise.evaluating.tuning.labels import LabelledQueries

Found: TypeAlias = Mapping[str, Sequence[Span]]  # by query: where the chunks lie, best first
Measure: TypeAlias = Callable[[Found], NDArray[np.float64]]  # (Q,) in the order of the labels

OF_DOCUMENTS, OF_SPANS = "ndcg@10", "span_recall_within@4000"  # what is measured if nothing else is asked for
_SPAN_METRICS: Mapping[str, Callable[[Sequence[Span], Sequence[Span]], float]] = {
    "span_recall": span_recall,
    "span_precision": span_precision,
    "span_iou": span_iou,
}
_WITHIN = "span_recall_within"


def measure_of(name: str, labels: LabelledQueries) -> Measure:
    """A measure by its name.

    Where documents answer: ``ndcg@10`` and the others of ``likewise.evaluating.ranking``; a document ranks by its best
    chunk. Where spans answer: ``span_recall@5``, ``span_precision@5`` and ``span_iou@5`` of the first five chunks, and
    ``span_recall_within@4000``, of the first 4,000 characters found. The last one alone compares chunks of different
    sizes fairly: each way of cutting may show equally much.

    Raises:
        UnknownNameError: No such measure for such labels.
        SettingError: What follows the @ is no whole number of at least 1.
    """
    if labels.qrels:
        if name.partition("@")[0] not in METRICS:
            raise UnknownNameError("measure of documents found", name, [f"{one}@10" for one in METRICS])
        return partial(_of_documents, labels.qrels, ranking_metric(name))
    stem, _, digits = name.partition("@")
    if stem not in (_WITHIN, *_SPAN_METRICS):
        known = [OF_SPANS, *(f"{one}@5" for one in _SPAN_METRICS)]
        raise UnknownNameError("measure of spans found", name, known)
    if not (digits.isascii() and digits.isdigit() and int(digits)):
        raise SettingError(f"measure {name!r}: say how many count after an @, such as {stem}@5")
    if stem == _WITHIN:
        return partial(_of_spans, labels.spans, partial(_recall_within, characters=int(digits)))
    return partial(_of_spans, labels.spans, partial(_first, metric=_SPAN_METRICS[stem], k=int(digits)))


def _of_documents(qrels: Qrels, metric: Callable[..., Mapping[str, float]], found: Found) -> NDArray[np.float64]:
    # Places in place of scores: those of two fusions are no more alike than their order.
    run = {
        query: {document: -float(place) for place, document in enumerate(dict.fromkeys(one.document for one in spans))}
        for query, spans in found.items()
    }
    values = metric(run, qrels)
    return np.array([values[query] for query in qrels])


def _of_spans(
    gold: Mapping[str, Sequence[Span]], score: Callable[[Sequence[Span], Sequence[Span]], float], found: Found
) -> NDArray[np.float64]:
    return np.array([score(found[query], wanted) for query, wanted in gold.items()])


def _first(
    found: Sequence[Span], gold: Sequence[Span], *, metric: Callable[[Sequence[Span], Sequence[Span]], float], k: int
) -> float:
    return metric(found[:k], gold)


def _recall_within(found: Sequence[Span], gold: Sequence[Span], *, characters: int) -> float:
    """Recall of the first so many characters, the last chunk cut off where they end."""
    kept, left = [], characters
    for span in found:
        if left <= 0:
            break
        kept.append(Span(span.document, span.start, min(span.end, span.start + left)))
        left -= span.end - span.start
    return span_recall(kept, gold)
