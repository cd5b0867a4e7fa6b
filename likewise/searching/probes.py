"""What a search looks for: a vector and counted words, from a question or from what is in the index already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from likewise.encoding.encoder import Encoder
from likewise.encoding.lexical import Analyzer, WordCounts
from likewise.errors import SettingError
from likewise.searching.query_text import Begun, Phrase, parse_query, plain_query
from likewise.searching.reranking import shown_text
from likewise.storing import Store, StoredChunk
from likewise.types import Vectors

_FEEDBACK = 0.75  # what the first hits weigh beside the question (Manning, Raghavan and Schütze 2008, section 9.1.1)
_UNLIKE = 0.5  # what is unwanted weighs; more than the book's 0.15, as here it was named and not guessed


@dataclass(frozen=True, slots=True)
class Probe:
    """What to look for."""

    text: str  # for those that read it: rerankers and people
    vector: Callable[[], Vectors]  # (D,), made when it is needed
    words: WordCounts
    analyzer: Analyzer  # that counted them
    phrases: tuple[Phrase, ...] = ()  # which a chunk must have
    begun: tuple[Begun, ...] = ()  # words of which only the beginning is given, which are not among ``words``
    left_out: frozenset[int] = frozenset()  # chunks that are no answer


def of_question(
    text: str, unlike: Sequence[str], *, analyzer: Analyzer, encoder: Callable[[], Encoder], marks: bool = True
) -> Probe:
    """A question, turned away from the meaning of some texts; ``marks`` is whether quotes and stars in it mean more."""
    parsed = parse_query(text, analyzer) if marks else plain_query(text)

    def vector() -> Vectors:
        vectors = encoder().encode([parsed.text, *unlike], role="query", overflow="chunk")
        return rocchio(vectors[0], unlike=vectors[1:])

    words = analyzer.count([parsed.words])[0]
    return Probe(parsed.text, vector, words, analyzer, phrases=parsed.phrases, begun=parsed.begun)


def of_example(
    example: str | int, unlike: Sequence[str | int], *, store: Store, analyzer: Analyzer, where: str
) -> Probe:
    """More like a document (its id) or a chunk (its number), turned away from others.

    Raises:
        SettingError: No such document or chunk, or a document without text.
    """
    chunks = _chunks(store, example, where)
    away = [chunk for one in unlike for chunk in _chunks(store, one, where)]
    text = "\n".join(map(shown_text, chunks))

    def vector() -> Vectors:
        near, far = (list(store.chunk_vectors([chunk.id for chunk in some]).values()) for some in (chunks, away))
        return rocchio(_unit(np.mean(near, axis=0)), unlike=np.array(far))

    left_out = frozenset(chunk.id for chunk in (*chunks, *away))
    return Probe(text, vector, analyzer.count([text])[0], analyzer, left_out=left_out)


def rocchio(query: Vectors, *, like: Vectors | None = None, unlike: Vectors | None = None) -> Vectors:
    """A query vector moved towards some vectors and away from others: (D,) of unit length.

    Rocchio 1971, as in Manning, Raghavan and Schütze 2008, equation 9.3:
    ``query + 0.75 * mean(like) - 0.5 * mean(unlike)``.

    Args:
        query: (D,) of unit length.
        like: (N, D).
        unlike: (M, D).
    """
    moved = query
    if like is not None and len(like):
        moved = moved + _FEEDBACK * like.mean(axis=0)
    if unlike is not None and len(unlike):
        moved = moved - _UNLIKE * unlike.mean(axis=0)
    return query if moved is query else _unit(moved)


def _chunks(store: Store, example: str | int, where: str) -> list[StoredChunk]:
    numbers = [int(example)] if isinstance(example, int) else store.chunks_of(example)
    found = store.fetch(numbers)
    if isinstance(example, int) and not found:
        raise SettingError(f"{where} has no chunk {example}: give the chunk_id of a hit, or a document's id as a str")
    if not isinstance(example, int) and not found:
        if store.document_hashes([example]):
            raise SettingError(f"document {example!r} has no text to be like")
        raise SettingError(f"{where} has no document {example!r}: give the document_id of a hit")
    return found


def _unit(vector: Vectors) -> Vectors:
    length = np.linalg.norm(vector)
    unit: Vectors = (vector / length if length > 0 else vector).astype(np.float32)
    return unit
