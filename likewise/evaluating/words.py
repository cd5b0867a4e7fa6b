"""Search by words alone: BM25 over texts that are held in memory, ranked as an index ranks them."""

from collections.abc import Sequence

import numpy as np

from likewise.encoding.lexical import Analyzer
from likewise.encoding.packed_search import Rankings
from likewise.storing.exact import Bm25Query, WordRows, rank_words

_K1, _B = 1.2, 0.75


class WordSearch:
    """What needs no model, as tasks of searching see it: a contestant that a model has to beat."""

    name = "BM25"
    tokenizer = None

    def search(self, queries: Sequence[str], documents: Sequence[str], k: int) -> Rankings:
        """The k documents with the greatest BM25 score for each query, of those that share a word with it.

        Returns:
            Best first; equal scores in the order of documents.
        """
        analyzer = Analyzer()
        rows = _rows(analyzer, documents)
        terms, frequencies = np.unique(rows.terms, return_counts=True)
        idf = np.log1p((len(documents) - frequencies + 0.5) / (frequencies + 0.5))  # Lucene's
        average = float(rows.lengths.mean()) or 1.0
        found = Rankings(np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf, np.float32))
        for row, asked in enumerate(analyzer.count(queries)):
            known = np.isin(asked.terms, terms)
            weights = asked.counts[known].astype(np.float64) * idf[np.searchsorted(terms, asked.terms[known])]
            ranking = rank_words(rows, Bm25Query(asked.terms[known], weights, _K1, _B, average), k)
            found.ids[row, : len(ranking.ids)], found.scores[row, : len(ranking.ids)] = ranking.ids, ranking.scores
        return found


def _rows(analyzer: Analyzer, documents: Sequence[str]) -> WordRows:
    counted = analyzer.count(documents)
    return WordRows(
        ids=np.arange(len(counted)),
        lengths=np.array([one.length for one in counted], np.int64),
        starts=np.cumsum([0, *(len(one.terms) for one in counted)]),
        terms=np.concatenate([one.terms for one in counted]),
        counts=np.concatenate([one.counts for one in counted]),
    )
