"""Candidates by their words alone: BM25 over a collection that is held in memory."""

from collections.abc import Mapping

import numpy as np

from likewise.encoding.lexical import Analyzer
from likewise.storing.exact import Bm25Query, WordRows, rank_words

_K1, _B = 1.2, 0.75


def best_by_words(queries: Mapping[str, str], documents: Mapping[str, str], k: int) -> dict[str, list[str]]:
    """The k documents with the greatest BM25 score for each query, by id; fewer if fewer share a word with it."""
    analyzer, names = Analyzer(), list(documents)
    counted = analyzer.count(list(documents.values()))
    sizes = [len(one.terms) for one in counted]
    rows = WordRows(
        ids=np.arange(len(counted)),
        lengths=np.array([one.length for one in counted], np.int64),
        starts=np.cumsum([0, *sizes]),
        terms=np.concatenate([one.terms for one in counted]),
        counts=np.concatenate([one.counts for one in counted]),
    )
    terms, frequencies = np.unique(rows.terms, return_counts=True)
    idf = np.log1p((len(counted) - frequencies + 0.5) / (frequencies + 0.5))  # Lucene's
    average = float(rows.lengths.mean()) or 1.0
    found = {}
    for query, asked in zip(queries, analyzer.count(list(queries.values())), strict=True):
        known = np.isin(asked.terms, terms)
        weights = asked.counts[known].astype(np.float64) * idf[np.searchsorted(terms, asked.terms[known])]
        ranking = rank_words(rows, Bm25Query(asked.terms[known], weights, _K1, _B, average), k)
        found[query] = [names[i] for i in ranking.ids.tolist()]
    return found
