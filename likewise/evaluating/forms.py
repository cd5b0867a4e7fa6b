"""How each kind of output is kept, searched and compared: one vector a text, a sparse one, or one for each token."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.contract import Contract
from likewise.encoding.multi_vector import max_sim, max_sim_scores
from likewise.encoding.packed_search import Rankings, search
from likewise.encoding.packing import pack
from likewise.encoding.sparse import SparseVector
from likewise.modelling.chain import Kind as Output
from likewise.types import Vectors

V = TypeVar("V")
Numbers: TypeAlias = NDArray[np.float64]  # (N,)
Need: TypeAlias = Literal["vectors", "search", "pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(Generic[V]):
    """How one kind of output is kept, and compared."""

    output: Output
    gives: frozenset[Need]
    numbers: Callable[[V], NDArray[Any]]  # that must be finite
    keep: Callable[[V], bytes]
    take: Callable[[bytes, Contract], V]
    search: Callable[[Sequence[V], Sequence[V], int, Contract], Rankings]
    relevances: Callable[[Sequence[V], Sequence[V], Contract], Numbers]
    likenesses: Callable[[Sequence[V], Sequence[V], Contract], Numbers]


def cosines(left: Vectors, right: Vectors) -> Numbers:
    """The cosine of each row of both (N, D), as 1 - |a - b|² / 2 of unit vectors: equal ones are at exactly 1."""
    first, second = (unit(one.astype(np.float64)) for one in (left, right))
    return 1 - np.square(first - second).sum(axis=1) / 2


def unit(vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors (N, D) at unit length; one of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths == 0, 1, lengths)


def _compared(vectors: Sequence[Vectors], contract: Contract) -> Vectors:
    """Vectors (N, D) of which dot products are the contract's similarity."""
    stacked = np.stack(vectors)
    return unit(stacked) if contract.similarity == "cosine" and not contract.normalise else stacked


def _search_dense(queries: Sequence[Vectors], documents: Sequence[Vectors], k: int, contract: Contract) -> Rankings:
    packed = pack(np.ascontiguousarray(_compared(documents, contract)), contract.packing())  # as an index keeps them
    return search(np.ascontiguousarray(_compared(queries, contract)), packed, k=k)


def _dense_relevances(queries: Sequence[Vectors], documents: Sequence[Vectors], contract: Contract) -> Numbers:
    left, right = (_compared(one, contract).astype(np.float64) for one in (queries, documents))
    return np.einsum("nd,nd->n", left, right)


def _take_sparse(value: bytes, _contract: Contract) -> SparseVector:
    count = len(value) // 12  # 8 bytes for a term, 4 for its weight
    return SparseVector(np.frombuffer(value[: 8 * count], "<i8"), np.frombuffer(value[8 * count :], "<f4"))


def _search_sparse(
    queries: Sequence[SparseVector], documents: Sequence[SparseVector], k: int, _contract: Contract
) -> Rankings:
    terms = np.concatenate([document.terms for document in documents])
    weights = np.concatenate([document.weights for document in documents]).astype(np.float64)
    rows = np.repeat(np.arange(len(documents)), [len(document.terms) for document in documents])
    order = np.argsort(terms, kind="stable")
    terms, weights, rows = terms[order], weights[order], rows[order]  # postings, end to end

    def scored() -> Iterator[Numbers]:
        for query in queries:
            scores = np.zeros(len(documents))
            first, last = (np.searchsorted(terms, query.terms, side) for side in ("left", "right"))
            for weight, start, end in zip(query.weights.tolist(), first.tolist(), last.tolist(), strict=True):
                scores[rows[start:end]] += weight * weights[start:end]
            yield scores

    return _ranked(scored(), len(queries), k)


def _sparse_products(left: Sequence[SparseVector], right: Sequence[SparseVector], _contract: Contract) -> Numbers:
    def product(one: SparseVector, other: SparseVector) -> float:
        _, mine, theirs = np.intersect1d(one.terms, other.terms, assume_unique=True, return_indices=True)
        return float(one.weights[mine].astype(np.float64) @ other.weights[theirs])

    return np.array([product(one, other) for one, other in zip(left, right, strict=True)])


def _search_multi(queries: Sequence[Vectors], documents: Sequence[Vectors], k: int, _contract: Contract) -> Rankings:
    scored = (max_sim_scores([query], documents)[0].astype(np.float64) for query in queries)
    return _ranked(scored, len(queries), k)


def _max_sims(left: Sequence[Vectors], right: Sequence[Vectors], _contract: Contract) -> Numbers:
    return np.array([max_sim(one, other) for one, other in zip(left, right, strict=True)])


def _ranked(scores: Iterator[Numbers], count: int, k: int) -> Rankings:
    """The best k of scores (N,) for each query; ties to the lower row."""
    found = Rankings(np.full((count, k), -1), np.full((count, k), -np.inf, np.float32))
    for row, one in enumerate(scores):
        found.ids[row] = np.argsort(-one, kind="stable")[:k]
        found.scores[row] = one[found.ids[row]]
    return found


DENSE: Form[Vectors] = Form(
    output="dense",
    gives=frozenset({"vectors", "search", "pairs"}),
    numbers=lambda vector: vector,
    keep=lambda vector: vector.astype("<f4").tobytes(),
    take=lambda value, _: np.frombuffer(value, "<f4"),
    search=_search_dense,
    relevances=_dense_relevances,
    likenesses=lambda left, right, _: cosines(np.stack(left), np.stack(right)),
)
SPARSE: Form[SparseVector] = Form(
    output="sparse",
    gives=frozenset({"search", "pairs"}),
    numbers=lambda vector: vector.weights,
    keep=lambda vector: vector.terms.astype("<i8").tobytes() + vector.weights.astype("<f4").tobytes(),
    take=_take_sparse,
    search=_search_sparse,
    relevances=_sparse_products,
    likenesses=_sparse_products,
)
MULTI_VECTOR: Form[Vectors] = Form(
    output="multi_vector",
    gives=frozenset({"search", "pairs"}),
    numbers=lambda vectors: vectors,
    keep=lambda vectors: vectors.astype("<f4").tobytes(),
    take=lambda value, contract: np.frombuffer(value, "<f4").reshape(-1, contract.dimension),
    search=_search_multi,
    relevances=_max_sims,
    likenesses=_max_sims,
)
