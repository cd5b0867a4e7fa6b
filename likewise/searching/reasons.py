"""Why a hit is one: the words that it shares, what each word of the question is worth, and its closest passage."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from likewise.encoding.encoder import Encoder
from likewise.encoding.lexical import term_of
from likewise.encoding.multi_vector import MultiVectorEncoder
from likewise.searching.probes import Probe
from likewise.searching.reranking import shown_text
from likewise.searching.settings import SearchSettings
from likewise.searching.wording import How, Wanted
from likewise.storing import Store, StoredChunk
from likewise.types import Hit, Vectors

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_PIECE = re.compile(r"[^\W_]+")  # of a word, as in "E-4172"
_PASSAGE = re.compile(r"\S.*?(?:[.!?。！？](?=\s)|\n|$)", re.DOTALL)
_SHORTEST = 3  # letters and digits that make a passage worth comparing


@dataclass(frozen=True, slots=True)
class Term:
    """A word that was looked for and that the chunk has."""

    word: str  # as the question spells it; "begun*"; "misspelt~stem"; the stem of one that the first hits lent
    score: float  # its part of the BM25 score
    how: How  # in which of these four ways it came to be looked for


@dataclass(frozen=True, slots=True)
class Worth:
    """A word of the question, and by how much the cosine to the chunk falls when it is left out."""

    word: str
    loss: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence or line of the chunk, or its heading."""

    text: str
    start: int  # characters of the document; a heading stands before the chunk and has none: (start, start)
    end: int
    cosine: float  # to the question


@dataclass(frozen=True, slots=True)
class Pair:
    """A token of the question and the token of the chunk that is most like it."""

    query: str
    chunk: str
    score: float  # its part of the MaxSim score


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """What made a hit."""

    hit: Hit  # with its place in every stage
    lexical: float  # the BM25 score, which ``terms`` sum to
    terms: tuple[Term, ...]  # greatest first
    phrases: tuple[str, ...]  # of the question, all of which the chunk has
    cosine: float | None  # None where only words were asked for
    words: tuple[Worth, ...]  # greatest loss first
    passage: Passage | None  # the closest to the question
    max_sim: float | None  # None without late interaction
    pairs: tuple[Pair, ...]  # in the order of the question; they sum to ``max_sim``


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who can say why. Without an encoder, or without late interaction, that part stays empty."""

    store: Store
    encoder: Encoder | None
    late: MultiVectorEncoder | None


def explain(
    witnesses: Witnesses, probe: Probe, words: Sequence[Wanted], hits: Sequence[Hit], *, settings: SearchSettings
) -> list[Reasons]:
    """The reasons of each hit of a question, whose words are those that were looked for."""
    query = probe.text
    chunks = {chunk.id: chunk for chunk in witnesses.store.fetch([hit.chunk_id for hit in hits])}
    present = [hit for hit in hits if hit.chunk_id in chunks]
    order = [chunks[hit.chunk_id] for hit in present]
    terms = _terms(witnesses.store, _spelled(words, probe), order, settings)
    cosines, worths = _worths(witnesses, query, order)
    passages = _passages(witnesses.encoder, query, order)
    pairs = [_pairs(witnesses.late, query, chunk) for chunk in order]
    return [
        Reasons(
            hit=hit,
            lexical=sum(term.score for term in terms[i]),
            terms=terms[i],
            phrases=tuple(phrase.text for phrase in probe.phrases),
            cosine=cosines[i],
            words=worths[i],
            passage=passages[i],
            max_sim=sum(pair.score for pair in pairs[i]) if witnesses.late else None,
            pairs=pairs[i],
        )
        for i, hit in enumerate(present)
    ]


def _spelled(words: Sequence[Wanted], probe: Probe) -> list[Wanted]:
    """Words that the question says, as it spells them."""
    spelled: dict[int, str] = {}
    pieces = [*_PIECE.findall(probe.text), *_WORD.findall(probe.text)]
    for piece in pieces:
        for stem in probe.analyzer.words(piece):
            spelled.setdefault(term_of(stem), piece)
    return [
        replace(word, word=spelled.get(word.term, word.word))
        if word.how == "said" and isinstance(word.term, int)
        else word
        for word in words
    ]


def _terms(
    store: Store, words: Sequence[Wanted], chunks: Sequence[StoredChunk], settings: SearchSettings
) -> list[tuple[Term, ...]]:
    """BM25 is a sum over terms: each one's part in each chunk."""
    by_term, bm25 = {word.term: word for word in words}, (settings.k1, settings.b)
    weights, ids = np.array([word.weight for word in words], np.float32), np.array([c.id for c in chunks], np.int64)
    parts = store.lexical_parts(list(by_term), weights, ids, bm25=bm25)
    found = [
        [Term(by_term[term].word, score, by_term[term].how) for term, score in parts.get(chunk.id, {}).items()]
        for chunk in chunks
    ]
    return [tuple(sorted(terms, key=lambda term: (-term.score, term.word))) for terms in found]


def _worths(
    witnesses: Witnesses, query: str, chunks: Sequence[StoredChunk]
) -> tuple[list[float | None], list[tuple[Worth, ...]]]:
    """The cosine of each chunk, and what each word of the question does for it: left out, by how much it falls."""
    if witnesses.encoder is None:
        return [None for _ in chunks], [() for _ in chunks]
    matches = list(_WORD.finditer(query))
    without = [" ".join((query[: m.start()] + query[m.end() :]).split()) for m in matches] if len(matches) > 1 else []
    asked = _units(witnesses.encoder.encode([query, *without], role="query", overflow="chunk"))  # (1 + W, D)
    kept = witnesses.store.chunk_vectors([chunk.id for chunk in chunks])
    missing = np.zeros_like(asked[0])
    vectors = _units(np.array([kept.get(chunk.id, missing) for chunk in chunks], np.float32).reshape(-1, len(missing)))
    cosines = vectors @ asked.T  # (N, 1 + W)
    worths = [
        tuple(
            sorted(
                (Worth(m.group(), float(row[0] - less)) for m, less in zip(matches, row[1:], strict=False)),
                key=lambda worth: -worth.loss,
            )
        )
        for row in cosines
    ]
    return [float(row[0]) for row in cosines], worths


def _passages(encoder: Encoder | None, query: str, chunks: Sequence[StoredChunk]) -> list[Passage | None]:
    """Of each chunk the sentence or line whose vector is closest to the question's."""
    if encoder is None:
        return [None for _ in chunks]
    candidates = [list(_candidates(chunk)) for chunk in chunks]
    texts = [text for some in candidates for text, _, _ in some]
    asked = _units(encoder.encode([query], role="query", overflow="chunk"))[0]
    cosines = iter((_units(encoder.encode(texts, role="document", overflow="truncate")) @ asked).tolist())
    found: list[Passage | None] = []
    for some in candidates:
        passages = [Passage(*one, next(cosines)) for one in some]
        found.append(max(passages, key=lambda passage: passage.cosine, default=None))  # the first of equals
    return found


def _candidates(chunk: StoredChunk) -> Iterator[tuple[str, int, int]]:
    """The heading of a chunk, and its sentences or lines that say something: text, start and end."""
    if chunk.heading:
        yield " › ".join(chunk.heading), chunk.start, chunk.start
    for match in _PASSAGE.finditer(chunk.text):
        text = match.group().strip()
        if sum(map(str.isalnum, text)) >= _SHORTEST:
            start = chunk.start + match.start()
            yield text, start, start + len(text)


def _pairs(late: MultiVectorEncoder | None, query: str, chunk: StoredChunk) -> tuple[Pair, ...]:
    """For each token of the question the greatest product with a token of the chunk: the terms of MaxSim."""
    if late is None:
        return ()
    asked, text = late.encode([query], role="query", overflow="truncate")[0], shown_text(chunk)
    document = late.encode([text], role="document", overflow="truncate")[0]
    left, right = late.pieces(query, role="query"), late.pieces(text, role="document")
    if not len(document):
        return ()
    products = asked @ document.T  # (T, S)
    return tuple(
        Pair(piece, right[int(row.argmax())], float(row.max())) for piece, row in zip(left, products, strict=True)
    )


def _units(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
    return unit
