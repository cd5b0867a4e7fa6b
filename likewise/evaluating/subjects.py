"""What is evaluated: a model of any output, as tasks see it, with what it gave before kept.

A task asks for vectors, for the nearest documents, or for how alike pairs of texts are; which of these a model can
give depends on its output. Texts that a model has no room for are cut, and what was dropped is counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise.encoding.contract import CANARIES, Contract, require_canaries
from likewise.encoding.encoder import DenseEncoder, Encoder
from likewise.encoding.feeding import rows_of
from likewise.encoding.multi_vector import MultiVectorEncoder
from likewise.encoding.packed_search import Rankings
from likewise.encoding.scoring import CrossEncoder, Pair
from likewise.encoding.sparse import SparseEncoder, SparseVector, SpladeEncoder
from likewise.errors import ContractError, DataError, SettingError
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.matching import (
    Numbers,
    cosines,
    dense_relevances,
    max_sims,
    search_dense,
    search_multi,
    search_sparse,
    sparse_products,
    unit,
)
from likewise.modelling.chain import Kind as Output
from likewise.tokenizing import Tokenizer
from likewise.types import Role, Vectors

V = TypeVar("V")
Need: TypeAlias = Literal["vectors", "search", "pairs"]
TextRole: TypeAlias = Literal["query", "document", "plain"]  # plain: neither, as the sentences of a pair
Progress: TypeAlias = Callable[[str, int, int], None]  # what, how many are done, of how many

_WINDOW = 2048  # texts encoded and then kept: what a kill may cost
_COUNT_BYTES = 4  # before each kept vector: how many tokens were dropped
_SHOWN = 40  # characters of a text in a message
_UNCOUNTED = 0xFFFFFFFF  # of outputs whose encoders do not say


@dataclass(frozen=True, slots=True)
class Cut:
    """What a model was not given of a task's texts."""

    texts: int  # different ones
    cut: int  # of these, how many were too long
    tokens: int  # dropped from them
    counted: bool = True  # whether the model says; else both are 0


class PairSubject(Protocol):
    """A model under evaluation that says how two texts relate."""

    name: str
    contract: Contract
    output: Output
    gives: frozenset[Need]
    fingerprint: str  # of the contract and what the model gives under it: scores of one fingerprint are the same

    def relevances(self, queries: Sequence[str], documents: Sequence[str]) -> Numbers:
        """How well each document answers the query beside it (N,)."""
        ...

    def likenesses(self, left: Sequence[str], right: Sequence[str]) -> Numbers:
        """How alike the texts of each pair are (N,): for dense vectors their cosine."""
        ...

    def take_cut(self) -> Cut:
        """What was cut since this was asked last."""
        ...

    def close(self) -> None:
        """Let go of what keeps its output."""
        ...


class Subject(PairSubject, Protocol):
    """A model under evaluation that gives vectors of some kind; ``gives`` says what can be asked of it."""

    tokenizer: Tokenizer | None

    def search(self, queries: Sequence[str], documents: Sequence[str], k: int) -> Rankings:
        """The best k documents for each query, by the similarity that the model was made for; ties to the lower."""
        ...

    def vectors(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """(N, D) float32, of a dense encoder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form(Generic[V]):
    """How one kind of output is kept, and compared."""

    output: Output
    gives: frozenset[Need]
    numbers: Callable[[V], NDArray[Any]]  # that must be finite
    keep: Callable[[V], bytes]
    take: Callable[[bytes, Contract], V]
    search: Callable[[Sequence[V], Sequence[V], int, Contract], Rankings]
    relevances: Callable[[Sequence[V], Sequence[V], Contract], Numbers]
    likenesses: Callable[[Sequence[V], Sequence[V], Contract], Numbers]


class EncoderSubject(Generic[V]):
    """An encoder under evaluation; make one with ``dense_subject``, ``sparse_subject`` or ``multi_vector_subject``."""

    def __init__(
        self,
        name: str,
        encoder: Any,
        form: _Form[V],
        *,
        kept: Keeper,
        progress: Progress = lambda *_: None,
        canaries: bytes = b"",
    ) -> None:
        self.name, self.contract, self.output, self.gives = name, encoder.contract, form.output, form.gives
        self.fingerprint = sha256(contract_digest(encoder.contract).encode() + canaries).hexdigest()
        self.tokenizer: Tokenizer | None = getattr(encoder, "tokenizer", None)
        self._encoder, self._form, self._kept, self._progress = encoder, form, kept, progress
        self._dropped: dict[bytes, int] = {}

    def vectors(self, texts: Sequence[str], role: TextRole) -> Vectors:
        if "vectors" not in self.gives:
            raise SettingError(f"{self.name} does not give one vector a text, which is needed here")
        found: Any = self._of(texts, role)
        return np.stack(found) if found else np.empty((0, self.contract.dimension), np.float32)

    def search(self, queries: Sequence[str], documents: Sequence[str], k: int) -> Rankings:
        found = self._of(queries, "query"), self._of(documents, "document")
        return self._form.search(*found, min(k, len(documents)), self.contract)

    def relevances(self, queries: Sequence[str], documents: Sequence[str]) -> Numbers:
        return self._form.relevances(self._of(queries, "query"), self._of(documents, "document"), self.contract)

    def likenesses(self, left: Sequence[str], right: Sequence[str]) -> Numbers:
        return self._form.likenesses(self._of(left, "plain"), self._of(right, "plain"), self.contract)

    def take_cut(self) -> Cut:
        counts, self._dropped = np.array(list(self._dropped.values()), np.int64), {}
        if (counts == _UNCOUNTED).any():
            return Cut(len(counts), 0, 0, counted=False)
        return Cut(len(counts), int((counts > 0).sum()), int(counts.sum()))

    def close(self) -> None:
        self._kept.close()

    def _of(self, texts: Sequence[str], role: TextRole) -> list[V]:
        """What the encoder gives for texts, from what was kept where it is there already."""
        own = _plain_role(self.contract) if role == "plain" else role
        if "vectors" in self.gives and self.contract.prompt("query") == self.contract.prompt("document"):
            own = "document"  # the same vectors then, so that a text is not encoded twice
        keys = [_key(own, text) for text in texts]
        text_of = dict(zip(keys, texts, strict=True))
        known = self._kept.get(list(text_of))
        missing = [key for key in text_of if key not in known]
        for start in range(0, len(missing), _WINDOW):
            self._progress(f"{self.name}: encoding", start, len(missing))
            window = missing[start : start + _WINDOW]
            known |= self._encoded({key: text_of[key] for key in window}, own)
        if missing:
            self._progress(f"{self.name}: encoding", len(missing), len(missing))
        self._dropped |= {key: int.from_bytes(value[:_COUNT_BYTES], "little") for key, value in known.items()}
        taken = {key: self._form.take(value[_COUNT_BYTES:], self.contract) for key, value in known.items()}
        return [taken[key] for key in keys]

    def _encoded(self, text_of: dict[bytes, str], role: Role) -> dict[bytes, bytes]:
        """Encode texts by their keys, and keep what came out."""
        found, dropped = _encode(self._encoder, list(text_of.values()), role)
        for text, one in zip(text_of.values(), found, strict=True):
            if not np.isfinite(self._form.numbers(one)).all():
                raise DataError(f"{self.name} gives no finite numbers for the text {text[:_SHOWN]!r}")
        made = {
            key: int(count).to_bytes(_COUNT_BYTES, "little") + self._form.keep(one)
            for key, one, count in zip(text_of, found, dropped, strict=True)
        }
        self._kept.put(made)
        return made


class ScorerSubject:
    """A model that reads two texts together, under evaluation."""

    output: Output = "scores"
    gives: frozenset[Need] = frozenset({"pairs"})

    def __init__(self, name: str, scorer: CrossEncoder, *, kept: Keeper, progress: Progress = lambda *_: None) -> None:
        self.name, self.contract = name, scorer.contract
        self.fingerprint = contract_digest(scorer.contract)
        self._scorer, self._kept, self._progress = scorer, kept, progress
        self._seen: set[bytes] = set()

    def relevances(self, queries: Sequence[str], documents: Sequence[str]) -> Numbers:
        return self._scores(list(zip(queries, documents, strict=True)))

    def likenesses(self, left: Sequence[str], right: Sequence[str]) -> Numbers:
        return self._scores(list(zip(left, right, strict=True)))

    def take_cut(self) -> Cut:
        seen, self._seen = len(self._seen), set()
        return Cut(seen, 0, 0, counted=False)

    def close(self) -> None:
        self._kept.close()

    def _scores(self, pairs: Sequence[Pair]) -> Numbers:
        """The score for the one label that there is, or for the last of several."""
        keys = [_key(f"{len(left)}", left + right) for left, right in pairs]
        pair_of = dict(zip(keys, pairs, strict=True))
        self._seen |= set(pair_of)
        known = self._kept.get(list(pair_of))
        missing = [key for key in pair_of if key not in known]
        for start in range(0, len(missing), _WINDOW):
            self._progress(f"{self.name}: scoring pairs", start, len(missing))
            window = missing[start : start + _WINDOW]
            found = self._scorer.score([pair_of[key] for key in window], overflow="truncate")[:, -1]
            if not np.isfinite(found).all():
                raise DataError(f"{self.name} gives a score that is no finite number for a pair of texts")
            made = {key: one.tobytes() for key, one in zip(window, found.astype("<f4"), strict=True)}
            self._kept.put(made)
            known |= made
        return np.array([np.frombuffer(known[key], "<f4")[0] for key in keys], np.float64)


def dense_subject(
    name: str, encoder: DenseEncoder, *, kept: Keeper, progress: Progress = lambda *_: None
) -> EncoderSubject[Vectors]:
    """A dense encoder under evaluation.

    Args:
        name: What to call it in results.
        encoder: Gives a vector a text.
        kept: What it gave before. If the encoder now gives other vectors under the same contract, as another version
            of what runs it may, all of it is forgotten.
        progress: Told what is being encoded.

    Raises:
        SettingError: Its similarity is neither the cosine nor the dot product.
    """
    similarity = encoder.contract.similarity
    if similarity not in ("cosine", "dot"):
        raise SettingError(f"{name} declares the similarity {similarity!r}; evaluated are cosine and dot")
    canaries = _canaries(encoder, kept, progress)
    return EncoderSubject(name, encoder, _DENSE, kept=kept, progress=progress, canaries=canaries)


def sparse_subject(
    name: str, encoder: SparseEncoder, *, kept: Keeper, progress: Progress = lambda *_: None
) -> EncoderSubject[SparseVector]:
    """A sparse encoder under evaluation; arguments as of ``dense_subject``."""
    return EncoderSubject(name, encoder, _SPARSE, kept=kept, progress=progress)


def multi_vector_subject(
    name: str, encoder: MultiVectorEncoder, *, kept: Keeper, progress: Progress = lambda *_: None
) -> EncoderSubject[Vectors]:
    """A late-interaction encoder under evaluation; arguments as of ``dense_subject``."""
    return EncoderSubject(name, encoder, _MULTI_VECTOR, kept=kept, progress=progress)


def contract_digest(contract: Contract) -> str:
    """Hex sha256 of everything that makes vectors what they are."""
    return sha256(contract.to_json().encode()).hexdigest()


def _plain_role(contract: Contract) -> Role:
    """The role for texts that have none: the one without a prompt, or the query's where both have one, as E5 has it."""
    return "document" if not contract.prompt("document") else "query"


def _encode(encoder: Any, texts: Sequence[str], role: Role) -> tuple[Sequence[Any], Sequence[int]]:
    """What an encoder gives for texts, and how many tokens it dropped of each."""
    if isinstance(encoder, Encoder):
        encoded = encoder.encode_counted(texts, role=role, overflow="truncate")
        return list(encoded.vectors), encoded.dropped.tolist()
    found = list(encoder.encode(texts, role=role, overflow="truncate"))
    if isinstance(encoder, SpladeEncoder):
        rows = rows_of(encoder.tokenizer, encoder.contract, texts, role=role, overflow="truncate")
        return found, rows.dropped.tolist()
    return found, [_UNCOUNTED] * len(texts)


def _canaries(encoder: DenseEncoder, kept: Keeper, progress: Progress) -> bytes:
    """The vectors of fixed texts that what was kept goes with; if the encoder gives others now, all is forgotten."""
    now = unit(encoder.encode(CANARIES, role="document", overflow="truncate"))
    stored = kept.get([b"canaries"]).get(b"canaries")
    if stored is not None:
        try:
            before = np.frombuffer(stored, "<f4").reshape(len(CANARIES), -1)
            require_canaries(now, before, precision=encoder.contract.precision, where="what was kept")
            return stored
        except ContractError as error:
            progress(f"{error}: encoding anew", 0, 0)
            kept.clear()
    made = now.astype("<f4").tobytes()
    kept.put({b"canaries": made})
    return made


def _key(role: str, text: str) -> bytes:
    return blake2b(f"{role}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _take_sparse(value: bytes, _contract: Contract) -> SparseVector:
    count = len(value) // 12  # 8 bytes for a term, 4 for its weight
    return SparseVector(np.frombuffer(value[: 8 * count], "<i8"), np.frombuffer(value[8 * count :], "<f4"))


_DENSE: _Form[Vectors] = _Form(
    output="dense",
    gives=frozenset({"vectors", "search", "pairs"}),
    numbers=lambda vector: vector,
    keep=lambda vector: vector.astype("<f4").tobytes(),
    take=lambda value, _: np.frombuffer(value, "<f4"),
    search=search_dense,
    relevances=dense_relevances,
    likenesses=lambda left, right, _: cosines(np.stack(left), np.stack(right)),
)
_SPARSE: _Form[SparseVector] = _Form(
    output="sparse",
    gives=frozenset({"search", "pairs"}),
    numbers=lambda vector: vector.weights,
    keep=lambda vector: vector.terms.astype("<i8").tobytes() + vector.weights.astype("<f4").tobytes(),
    take=_take_sparse,
    search=search_sparse,
    relevances=sparse_products,
    likenesses=sparse_products,
)
_MULTI_VECTOR: _Form[Vectors] = _Form(
    output="multi_vector",
    gives=frozenset({"search", "pairs"}),
    numbers=lambda vectors: vectors,
    keep=lambda vectors: vectors.astype("<f4").tobytes(),
    take=lambda value, contract: np.frombuffer(value, "<f4").reshape(-1, contract.dimension),
    search=search_multi,
    relevances=max_sims,
    likenesses=max_sims,
)
