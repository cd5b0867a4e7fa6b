"""What a store promises, and the values that go in and come out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise.storing.filters import Filter
from likewise.storing.vocabulary import Vocabulary
from likewise.types import Ids, Metadata, Vectors

Terms: TypeAlias = NDArray[np.uint32]  # (t,): a term is the number that stands for a word, the CRC-32 of its stem
Term: TypeAlias = int | tuple[int, ...]  # one of these; several are counted as if they were one word
OpenMode: TypeAlias = Literal["read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What a file looked like when it was read: enough to see, without reading it again, that it is unchanged."""

    path: str
    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int
    sha256: bytes
    checked_ns: int  # when it was looked at: a file modified in that same instant can't be trusted to be unchanged


@dataclass(frozen=True, slots=True)
class SparseWeights:
    """A sparse vector that a network made."""

    terms: Terms  # (t,) uint32, ascending, each once
    weights: Vectors  # (t,) float32, above 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """A chunk with everything that searching it needs."""

    text: str
    start: int
    end: int
    heading: tuple[str, ...]
    embedded_hash: bytes  # 16 bytes: hash of the text that was embedded, by which its vector can be used again
    vector: Vectors  # (D,) float32
    terms: Terms  # (t,) uint32, ascending, each once
    counts: NDArray[np.uint16]  # (t,): how often each term occurs
    stems: Sequence[str]  # (t,): the word of which each term is the CRC-32
    tokens: int  # length of the chunk in words, for BM25
    sparse: SparseWeights | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    id: str
    source: str
    metadata: Metadata
    content_hash: bytes
    file: str | None  # the StoredFile.path it came from, if any
    chunks: Sequence[ChunkRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one transaction does. Removals come first, then documents replace those of the same id."""

    files: Sequence[StoredFile] = ()
    documents: Sequence[DocumentRow] = ()
    removed_documents: Sequence[str] = ()
    removed_files: Sequence[str] = ()  # with every document that came from them


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk as it is shown to a person."""

    id: int
    document_id: str
    source: str
    text: str
    start: int
    end: int
    heading: tuple[str, ...]
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Ranking:
    """Chunks, best first; ties go to the lower id. Holds fewer than asked for when fewer match."""

    ids: Ids  # (K,) int64
    scores: Vectors  # (K,) float32, higher is better
    recall: float = 1.0  # of the true best k, the share that is expected to be here at least; 1 if every row was scored


@dataclass(frozen=True, slots=True)
class WordRow:
    """The counted words of a chunk."""

    terms: Terms  # (t,) ascending
    counts: NDArray[np.uint16]  # (t,)
    tokens: int  # in all, for BM25


class Store(Protocol):
    """A place where documents, chunks and vectors live.

    A commit is all or nothing, and on the disk when ``commit`` returns. A reader sees the last commit.
    Scores are always computed from the rows themselves, so no store is more or less right than another.
    """

    def __len__(self) -> int:
        """Number of chunks."""
        ...

    def document_count(self) -> int: ...

    def fields(self) -> list[str]:
        """Names of the metadata fields that some document has, sorted; nested ones with dots."""
        ...

    def read_setting(self, name: str) -> str | None: ...

    def write_setting(self, name: str, value: str) -> None: ...

    def files(self) -> dict[str, StoredFile]:
        """Every file that was read, by path."""
        ...

    def documents_of(self, file: str) -> list[str]:
        """Ids of the documents that came from a file, in the order they were added."""
        ...

    def document_hashes(self, ids: Sequence[str]) -> dict[str, bytes]:
        """``content_hash`` of those documents that are there."""
        ...

    def vectors_of(self, embedded_hashes: Sequence[bytes]) -> dict[bytes, Vectors]:
        """Vectors that were computed before, by the hash of the text they embed."""
        ...

    def commit(self, changes: Changes) -> int:
        """Apply all changes in one transaction; returns the sequence number of the commit."""
        ...

    def delete(self, document_ids: Sequence[str]) -> int:
        """Remove documents; returns how many there were."""
        ...

    def search_dense(
        self,
        query: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        among: Ids | None = None,
        recall: float = 0.99,
    ) -> Ranking:
        """The k chunks whose vectors have the greatest dot product with ``query`` (D,).

        ``recall`` is the share of them that must be found, on average over queries; with 1 every vector is looked at.
        ``among`` are the only chunks that may be found; here and below, None is for all.
        """
        ...

    def search_lexical(
        self,
        terms: Terms | Sequence[Term],
        weights: Vectors,
        *,
        k: int,
        where: Filter | None = None,
        among: Ids | None = None,
        bm25: tuple[float, float] | None = None,
    ) -> Ranking:
        """The k best chunks by BM25 among those with at least one of ``terms`` (t,), each counted ``weights`` (t,).

        Several terms in a tuple are one word: a chunk has it as often as it has them all together.

        ``bm25`` is k1 and b; by default the store's own.
        """
        ...

    def lexical_parts(
        self,
        terms: Terms | Sequence[Term],
        weights: Vectors,
        ids: Ids,
        *,
        bm25: tuple[float, float] | None = None,
    ) -> dict[int, dict[Term, float]]:
        """By chunk of ``ids``, what each term adds to its BM25 score; the terms that it lacks are left out."""
        ...

    def having(self, terms: Sequence[int], *, where: Filter | None = None) -> Ids:
        """The chunks that have all of some terms, ascending."""
        ...

    def word_rows(self, ids: Sequence[int] | Ids) -> dict[int, WordRow]:
        """The counted words of those chunks that are there."""
        ...

    def stems_of(self, terms: Sequence[int]) -> dict[int, str]:
        """What those terms stand for that some chunk has."""
        ...

    def vocabulary(self) -> Vocabulary:
        """All words that some chunk has, to be found by their letters."""
        ...

    def chunk_vectors(self, ids: Sequence[int] | Ids) -> dict[int, Vectors]:
        """The vectors (D,) of those chunks that are there."""
        ...

    def chunks_of(self, document_id: str) -> list[int]:
        """The chunks of a document in their order; none if it is not there."""
        ...

    def token_rows(self, ids: Sequence[int] | Ids) -> dict[int, bytes]:
        """What was kept of the tokens of those chunks that have such a row."""
        ...

    def write_token_rows(self, rows: Mapping[int, bytes]) -> None:
        """Keep a row for each chunk, in one commit; chunks that are gone by now are left out."""
        ...

    def clear_token_rows(self) -> None:
        """Forget all token rows."""
        ...

    def chunks_without_token_rows(self, *, most: int) -> list[int]:
        """The first chunks that have no token row yet."""
        ...

    def search_sparse(
        self, terms: Terms, weights: Vectors, *, k: int, where: Filter | None = None, among: Ids | None = None
    ) -> Ranking:
        """The k chunks whose sparse vectors have the greatest dot product with ``weights`` (t,) of ``terms`` (t,)."""
        ...

    def fetch(self, ids: Sequence[int] | Ids) -> list[StoredChunk]:
        """Chunks in the order asked for; ids that are gone are left out."""
        ...

    def optimize(self) -> bool:
        """Bring what speeds searching up to date if that pays; says whether anything was built."""
        ...

    def compact(self) -> None:
        """Give space back. What was deleted is in no file afterwards."""
        ...

    def verify(self) -> list[str]:
        """Read everything and name what is damaged; empty when sound."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
