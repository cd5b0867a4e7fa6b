"""Words alone rank texts in memory as an index ranks them."""

import numpy as np
import pytest

import likewise as lw
from likewise.evaluating.words import WordSearch

TEXTS = [
    "Barn owls hunt voles at night.",
    "Voles eat grass, and owls eat voles; the vole is quick.",
    "Tea is best in the morning.",
    "Barn owls hunt voles at night!",
    "Nothing of the kind.",
    "Trains run late when leaves fall on the line at night, and in the morning too.",
]
QUERIES = ["owls and voles", "what runs at night", "the morning tea", "owl owl night", "zebra", "the of"]


def test_ranks_and_scores_are_those_of_an_index(tmp_path, encoder):
    found = WordSearch().search(QUERIES, TEXTS, 4)
    with lw.Index(tmp_path / "index") as index:
        index.add([lw.Document(id=str(i), text=text) for i, text in enumerate(TEXTS)])
        for query, ids, scores in zip(QUERIES, found.ids, found.scores, strict=True):
            hits = index.search(query, k=4, mode="lexical")
            assert [int(hit.document_id) for hit in hits] == ids[ids >= 0].tolist()
            assert [hit.score for hit in hits] == pytest.approx(scores[ids >= 0].tolist())


def test_what_shares_no_word_is_not_found():
    found = WordSearch().search(["zebra", "tea"], TEXTS, 3)
    assert found.ids.tolist() == [[-1, -1, -1], [2, -1, -1]]
    assert np.isneginf(found.scores[0]).all()
