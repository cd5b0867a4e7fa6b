"""What flows between the stages. Plain values: no I/O, no behaviour beyond views.

document → chunk → token → vector → index → hit

Letters used for array axes everywhere: Q queries, N rows, B batch, T tokens, D width of a vector,
V vocabulary, K hits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]  # (N, D)
Ids: TypeAlias = NDArray[np.int64]  # (N,)
Role: TypeAlias = Literal["query", "document"]
Overflow: TypeAlias = Literal["error", "truncate", "chunk"]
Mode: TypeAlias = Literal["hybrid", "dense", "lexical", "sparse"]
Metadata: TypeAlias = Mapping[str, Any]  # JSON values: str, int, float, bool, None, lists and dicts of them


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a document: its text starts at ``start`` and runs to the next one of the same or a lower level."""

    start: int  # character offset into Document.text of the heading itself
    level: int  # 1 is the outermost
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text with an identity.

    Example:
        >>> Document(id="vpn.md#1", text="Restart the client.", source="vpn.md").id
        'vpn.md#1'
    """

    id: str
    text: str
    source: str = ""  # where a person can look it up: a path, with "#row" for rows of a table
    metadata: Metadata = field(default_factory=dict)
    format: str = "text"  # which chunker knows its structure: "text", "markdown", "code"
    language: str = ""  # programming language, for format "code"
    sections: Sequence[Section] = ()  # headings found while reading, for formats whose text no longer shows them


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stretch of a document that is embedded and found as one.

    Always ``chunk.text == document.text[chunk.start:chunk.end]``.
    """

    text: str
    start: int  # characters, inclusive
    end: int  # characters, exclusive
    heading: tuple[str, ...] = ()  # titles from the outermost heading to the innermost


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One answer to a query, with everything needed to show and to trace it."""

    document_id: str
    chunk_id: int
    source: str
    text: str
    start: int
    end: int
    heading: tuple[str, ...]
    metadata: Metadata
    score: float  # higher is better
    ranks: Mapping[str, tuple[int, float]]  # retriever -> (rank from 1, its own score)


@dataclass(frozen=True, slots=True, eq=False)
class Hits(Sequence[Hit]):
    """The answers to one query, best first: a sequence of ``Hit`` that says how far it can be trusted.

    Equal to any sequence of the same hits.

    Args:
        hits: Best first.
        expected_recall: The share of the best chunks by exact search that is expected among them; None if unknown.
        unfinished: What was cut short and why, a sentence each; empty if nothing was.
        taken_for: By words of the question that the index does not have, the stems of those that were looked for
            instead; empty unless asked for (``SearchSettings.fuzzy``).

    Example:
        >>> list(Hits()), len(Hits(unfinished=("reranked 3 of 20",)))
        ([], 0)
    """

    hits: tuple[Hit, ...] = ()
    expected_recall: float | None = field(default=None, kw_only=True)
    unfinished: tuple[str, ...] = field(default=(), kw_only=True)
    taken_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> "Hits": ...
    def __getitem__(self, place: int | slice) -> "Hit | Hits":
        return replace(self, hits=self.hits[place]) if isinstance(place, slice) else self.hits[place]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Hits):
            return self.hits == other.hits
        return list(self.hits) == list(other) if isinstance(other, list | tuple) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # metadata are dicts
