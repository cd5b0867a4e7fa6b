"""Search by words alone: BM25 over texts that are held in memory, ranked as an index ranks them."""

from collections.abc import Sequence

import numpy as np

from likewise.encoding.lexical import AUTO, WordCounts, chosen_analyzer
from likewise.encoding.packed_search import Rankings
from likewise.storing.postings import Inverted, SparseRows, turned
from likewise.storing.term_scores import Scorer, bm25
from likewise.storing.words import K1, B, ranked


class WordSearch:
    """What needs no model, as tasks of searching see it: a contestant that a model has to beat."""

    name = "BM25"
    tokenizer = None

    def __init__(self, *, analyzer: str = AUTO) -> None:
        self._analyzer = analyzer

    def search(self, queries: Sequence[str], documents: Sequence[str], k: int) -> Rankings:
        """The k documents with the greatest BM25 score for each query, of those that share a word with it.

        Returns:
            Best first; equal scores in the order of documents.
        """
        analyzer = chosen_analyzer(self._analyzer, documents)
        counted = analyzer.count(documents)
        inverted = Inverted([turned(_rows(counted))])
        tokens = int(inverted.lengths.sum())
        scorer = Scorer(inverted, bm25(inverted, chunks=len(documents), tokens=tokens, k1=K1, b=B))
        found = Rankings(np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf, np.float32))
        for row, asked in enumerate(analyzer.count(queries)):
            ranking = ranked(scorer, asked.terms, asked.counts.astype(np.float32), k)
            found.ids[row, : len(ranking.ids)], found.scores[row, : len(ranking.ids)] = ranking.ids, ranking.scores
        return found


def _rows(counted: Sequence[WordCounts]) -> SparseRows:
    return SparseRows(
        ids=np.arange(len(counted)),
        lengths=np.array([one.length for one in counted], np.int64),
        starts=np.cumsum([0, *(len(one.terms) for one in counted)]),
        terms=np.concatenate([one.terms for one in counted]),
        values=np.concatenate([one.counts for one in counted]),
    )
