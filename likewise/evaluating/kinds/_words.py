"""Candidates by their words alone."""

from collections.abc import Mapping

from likewise.evaluating.words import WordSearch


def best_by_words(queries: Mapping[str, str], documents: Mapping[str, str], k: int) -> dict[str, list[str]]:
    """The k documents with the greatest BM25 score for each query, by id; fewer if fewer share a word with it."""
    names = list(documents)
    found = WordSearch().search(list(queries.values()), list(documents.values()), k)
    return {query: [names[i] for i in ids if i >= 0] for query, ids in zip(queries, found.ids.tolist(), strict=True)}
