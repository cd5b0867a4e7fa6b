"""The first of a ranking, read again by a slower model, within a budget of time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

from likewise.encoding.models import Progress, Source, find_checkpoint
from likewise.encoding.multi_vector import MultiVectorEncoder, load_multi_vector, max_sim_scores
from likewise.encoding.scoring import PairScorer, load_scorer
from likewise.errors import ModelError
from likewise.storing import Ranking, StoredChunk
from likewise.types import Vectors

_FIRST_BATCH = 2  # texts that show how long one takes
_SLACK = 1.25  # a batch may take so much longer than those before it let expect


# Of an encoder and chunks, the token vectors (T, D) by chunk, as far as they are stored.
KeptVectors: TypeAlias = Callable[[MultiVectorEncoder, Sequence[int]], dict[int, Vectors]]


class Reranker(Protocol):
    """Whatever says how well chunks answer a query."""

    def score(self, query: str, chunks: Sequence[StoredChunk]) -> Vectors:
        """(N,) float32, higher is better."""
        ...


@dataclass(frozen=True, slots=True)
class CrossEncoderReranker:
    """Query and chunk read together (Nogueira and Cho 2019, arXiv:1901.04085)."""

    scorer: PairScorer

    def score(self, query: str, chunks: Sequence[StoredChunk]) -> Vectors:
        return self.scorer.score([(query, shown_text(chunk)) for chunk in chunks], overflow="truncate")[:, 0]


@dataclass(frozen=True, slots=True)
class LateReranker:
    """MaxSim of token vectors (Khattab and Zaharia 2020, arXiv:2004.12832): those at hand, or else made now."""

    encoder: MultiVectorEncoder
    kept: KeptVectors

    def score(self, query: str, chunks: Sequence[StoredChunk]) -> Vectors:
        (asked,) = self.encoder.encode([query], role="query", overflow="truncate")
        vectors = self.kept(self.encoder, [chunk.id for chunk in chunks])
        missing = [chunk for chunk in chunks if chunk.id not in vectors]
        if missing:
            texts = [shown_text(chunk) for chunk in missing]
            made = self.encoder.encode(texts, role="document", overflow="truncate")
            vectors |= {chunk.id: one for chunk, one in zip(missing, made, strict=True)}
        scores: Vectors = max_sim_scores([asked], [vectors[chunk.id] for chunk in chunks])[0]
        return scores


@dataclass(frozen=True, slots=True)
class Reranked:
    """A ranking whose first ones were read again."""

    ranking: Ranking  # those that were read again by their new score, then the others as they were
    scored: Ranking  # those that were read again
    unfinished: str  # what the budget did not suffice for; empty if all was read


def rerank(
    reranker: Reranker,
    query: str,
    ranking: Ranking,
    chunks: Sequence[StoredChunk],
    *,
    budget_ms: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Reranked:
    """Order the first of a ranking anew.

    Args:
        reranker: Scores chunks.
        query: The question.
        ranking: Best first; its first ``len(chunks)`` are read, in this order.
        chunks: Their texts.
        budget_ms: After so many milliseconds no other batch is begun, and batches are cut to what is left; None reads
            all of them. The first batch is always read, so that a budget is never spent for nothing.
        clock: Tells seconds.

    Returns:
        Everything of ``ranking``; what was read comes first. Ties go to the lower id.
    """
    started, done, total = clock(), 0, len(chunks)
    scores = np.empty(total, np.float32)
    size = total if budget_ms is None else min(_FIRST_BATCH, total)
    while size:
        batch = slice(done, done + size)
        scores[batch] = reranker.score(query, chunks[batch])
        done += size
        spent_ms = 1000 * (clock() - started)
        size = 0 if budget_ms is None else _next_size(done, total, spent_ms, budget_ms)
    read = np.array([chunk.id for chunk in chunks[:done]], np.int64)
    order = np.lexsort((read, -scores[:done]))
    scored = Ranking(read[order], scores[:done][order])
    rest = ~np.isin(ranking.ids, read)
    whole = Ranking(
        np.concatenate([scored.ids, ranking.ids[rest]]), np.concatenate([scored.scores, ranking.scores[rest]])
    )
    left = f"reranked {done} of {total} hits: the budget of {budget_ms:g} ms was spent" if done < total else ""
    return Reranked(whole, scored, left)


def load_reranker(
    name_or_folder: str | Path,
    *,
    kept: KeptVectors = lambda *_: {},
    source: Source = Source(),
    progress: Progress = lambda _: None,
) -> Reranker:
    """A cross-encoder or a ColBERT model as a reranker.

    Raises:
        ModelError: The model is of another kind, or scores several labels.
        LikewiseError: What ``likewise.load`` raises.
    """
    found, checkpoint = find_checkpoint(name_or_folder, source=source, progress=progress)
    if checkpoint.chain.kind == "multi_vector":
        return LateReranker(load_multi_vector(name_or_folder, source=source, progress=progress), kept)
    if checkpoint.chain.kind != "scores":
        raise ModelError(f"{found.name} gives {checkpoint.chain.kind} output: rerank with a cross-encoder or a ColBERT")
    scorer = load_scorer(name_or_folder, source=source, progress=progress)
    if len(scorer.labels) != 1:
        raise ModelError(
            f"{found.name} scores {len(scorer.labels)} labels ({', '.join(scorer.labels)}): a reranker has one"
        )
    return CrossEncoderReranker(scorer)


def shown_text(chunk: StoredChunk) -> str:
    """The text of a chunk under its headings, as it was embedded."""
    return f"{' > '.join(chunk.heading)}\n{chunk.text}" if chunk.heading else chunk.text


def _next_size(done: int, total: int, spent_ms: float, budget_ms: float) -> int:
    """How many more texts fit into what is left of the budget, judged by those so far."""
    fits = (budget_ms - spent_ms) / max(_SLACK * spent_ms / done, 1e-6)
    return min(max(int(fits), 0), total - done, 2 * done)
