"""A store that is nothing but dicts and loops, written to be obviously right; and rows to fill stores with."""

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from likewise.storing import Changes, ChunkRow, DocumentRow, Filter, SparseWeights
from likewise.storing.filters import matches

WIDTH = 8


def make_chunk(text: str, vector: np.ndarray | None = None) -> ChunkRow:
    """A chunk whose words are its text's words, and whose vector, if none is given, follows from its text."""
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    if vector is None:
        vector = np.random.default_rng(int.from_bytes(digest, "little")).standard_normal(WIDTH).astype(np.float32)
        vector /= np.linalg.norm(vector)
    words = Counter(term_of(word) for word in text.split())
    stems = {term_of(word): word for word in text.split()}
    terms = np.array(sorted(words), dtype=np.uint32)
    return ChunkRow(
        text=text,
        start=0,
        end=len(text),
        heading=("Top", text[:3]),
        embedded_hash=digest,
        vector=vector,
        terms=terms,
        counts=np.array([words[term] for term in terms.tolist()], dtype=np.uint16),
        stems=[stems[term] for term in terms.tolist()],
        tokens=words.total(),
        sparse=make_sparse(words),
    )


def make_sparse(words: Counter) -> SparseWeights:
    """Weights that follow from the words; a network would weigh words that the text does not say, too."""
    terms = np.array(sorted({term % 50 for term in words}), np.uint32)
    return SparseWeights(terms, (1 + np.sin(terms)).astype(np.float32) + np.float32(0.5))


def make_document(id: str, *texts: str, metadata: dict | None = None, file: str | None = None) -> DocumentRow:
    content = hashlib.sha256("\0".join(texts).encode()).digest()
    chunks = [make_chunk(text) for text in texts]
    return DocumentRow(
        id=id, source=f"at {id}", metadata=metadata or {}, content_hash=content, file=file, chunks=chunks
    )


def term_of(word: str) -> int:
    return crc32(word.encode())


def query_of(*words: str) -> tuple[np.ndarray, np.ndarray]:
    counted = Counter(term_of(word) for word in words)
    return np.array(list(counted), dtype=np.uint32), np.array(list(counted.values()), dtype=np.float32)


@dataclass
class PlainStore:
    documents: dict[str, DocumentRow] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)  # document id -> its chunks' numbers
    next_chunk: int = 1

    def commit(self, changes: Changes) -> None:
        gone = {*changes.removed_documents, *(document.id for document in changes.documents)}
        gone |= {id for id, document in self.documents.items() if document.file in changes.removed_files}
        for id in gone & self.documents.keys():
            del self.documents[id], self.numbers[id]
        for document in changes.documents:
            self.documents[document.id] = document
            self.numbers[document.id] = list(range(self.next_chunk, self.next_chunk + len(document.chunks)))
            self.next_chunk += len(document.chunks)

    def chunks(self, where: Filter | None = None) -> dict[int, tuple[DocumentRow, ChunkRow]]:
        return {
            number: (document, chunk)
            for id, document in self.documents.items()
            if where is None or matches(where, document.metadata)
            for number, chunk in zip(self.numbers[id], document.chunks, strict=True)
        }

    def vocabulary(self) -> dict[str, int]:
        return dict(Counter(word for _, chunk in self.chunks().values() for word in set(chunk.text.split())))

    def having(self, terms: list[int], where: Filter | None = None) -> list[int]:
        found = self.chunks(where).items()
        return [number for number, (_, chunk) in found if set(terms) <= set(chunk.terms.tolist())]

    def search_dense(self, query: np.ndarray, k: int, where: Filter | None = None) -> list[tuple[int, float]]:
        scores = {
            number: float(chunk.vector.astype(np.float64) @ query.astype(np.float64))
            for number, (_, chunk) in self.chunks(where).items()
        }
        return _best(scores, k)

    def search_lexical(
        self, query: tuple[np.ndarray, np.ndarray], k: int, where: Filter | None = None
    ) -> list[tuple[int, float]]:
        everything = [chunk for _, chunk in self.chunks().values()]
        average = sum(chunk.tokens for chunk in everything) / max(len(everything), 1) or 1.0
        scores: dict[int, float] = {}
        for term, weight in zip(*(part.tolist() for part in query), strict=True):
            df = sum(term in chunk.terms for chunk in everything)
            idf = math.log(1 + (len(everything) - df + 0.5) / (df + 0.5))
            for number, (_, chunk) in self.chunks(where).items():
                if term in chunk.terms:
                    tf = int(chunk.counts[chunk.terms.tolist().index(term)])
                    norm = 1.2 * (1 - 0.75 + 0.75 * chunk.tokens / average)
                    scores[number] = scores.get(number, 0.0) + weight * idf * tf / (tf + norm)
        return _best(scores, k)

    def search_sparse(
        self, query: tuple[np.ndarray, np.ndarray], k: int, where: Filter | None = None
    ) -> list[tuple[int, float]]:
        asked = dict(zip(*(part.tolist() for part in query), strict=True))
        scores: dict[int, float] = {}
        for number, (_, chunk) in self.chunks(where).items():
            for term, weight in zip(chunk.sparse.terms.tolist(), chunk.sparse.weights.tolist(), strict=True):
                if term in asked:
                    scores[number] = scores.get(number, 0.0) + asked[term] * weight
        return _best(scores, k)


def sparse_query(*words: str) -> tuple[np.ndarray, np.ndarray]:
    terms = np.array(sorted({term_of(word) % 50 for word in words}), np.uint32)
    return terms, np.linspace(0.5, 2, len(terms), dtype=np.float32)


def _best(scores: dict[int, float], k: int) -> list[tuple[int, float]]:
    rounded = {number: float(np.float32(score)) for number, score in scores.items()}
    return sorted(rounded.items(), key=lambda item: (-item[1], item[0]))[:k]


def as_pairs(ranking) -> list[tuple[int, float]]:
    return list(zip(ranking.ids.tolist(), ranking.scores.tolist(), strict=True))


def assert_same(ranking, expected: list[tuple[int, float]]) -> None:
    assert ranking.ids.dtype == np.int64
    assert ranking.scores.dtype == np.float32
    assert ranking.ids.tolist() == [number for number, _ in expected]
    np.testing.assert_allclose(ranking.scores, [score for _, score in expected], rtol=1e-6, atol=1e-7)
