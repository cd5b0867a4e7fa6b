"""How much of the passages that answer a question is in the chunks that were retrieved, and how much else.

The measures are those of Smith and Troynikov 2024, "Evaluating Chunking Strategies for Retrieval" (Chroma), as its code
counts: in characters, which tokens may stand for if both spans are in tokens. ``likewise.types.Chunk`` has the offsets.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from likewise.errors import DataError


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a document.

    Raises:
        DataError: It is empty, or starts before 0.
    """

    document: str
    start: int  # characters or tokens, inclusive
    end: int  # exclusive

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise DataError(
                f"a span of {self.document!r} goes from {self.start} to {self.end}; expected 0 <= start < end"
            )


def span_recall(retrieved: Sequence[Span], gold: Sequence[Span]) -> float:
    """Which share of the gold spans was retrieved; what is in several spans counts once.

    Args:
        retrieved: Of one question; none gives 0.
        gold: What answers the question; at least one.

    Returns:
        0 to 1.

    Raises:
        DataError: No gold span.

    Example:
        >>> span_recall([Span("a", 0, 10)], [Span("a", 5, 15)])
        0.5
    """
    return _shared(retrieved, gold) / _size(_merged(gold))


def span_precision(retrieved: Sequence[Span], gold: Sequence[Span]) -> float:
    """Which share of the retrieved spans is gold; what was retrieved twice counts twice in their length, not as gold.

    So chunks that overlap lose. Args, Returns and Raises are as of ``span_recall``.
    """
    shared = _shared(retrieved, gold)
    return shared / _size(retrieved) if retrieved else 0.0


def span_iou(retrieved: Sequence[Span], gold: Sequence[Span]) -> float:
    """What is both, over what is either: intersection over union, retrieved length counted as in ``span_precision``.

    Args, Returns and Raises are as of ``span_recall``.
    """
    shared = _shared(retrieved, gold)
    return shared / (_size(retrieved) + _size(_merged(gold)) - shared)


def _shared(retrieved: Sequence[Span], gold: Sequence[Span]) -> int:
    """How much of gold was retrieved."""
    if not gold:
        raise DataError("gold: got no span; leave the question out, or say which passage answers it")
    either = _size(_merged([*retrieved, *gold]))
    return _size(_merged(retrieved)) + _size(_merged(gold)) - either


def _size(spans: Sequence[Span]) -> int:
    return sum(span.end - span.start for span in spans)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same stretches, those that overlap made one."""
    by_document: defaultdict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.document, span.start)):
        known = by_document[span.document]
        if known and span.start <= known[-1].end:
            known[-1] = Span(span.document, known[-1].start, max(known[-1].end, span.end))
        else:
            known.append(span)
    return [span for spans in by_document.values() for span in spans]
