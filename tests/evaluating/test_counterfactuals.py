"""Swapped words and what they do to ranks, against slow versions."""

import numpy as np
import pytest

from likewise.errors import DataError, SettingError
from likewise.evaluating.counterfactuals import document_shifts, query_shifts, swap_words

SWAPS = {"he": "she", "his": "her", "him": "her", "Peter": "Petra"}
DOCUMENTS = [
    "He repaired the engine of the lorry with his own tools.",
    "Peter looked after the patients on the ward all night.",
    "The board thanked him for a record year of sales.",
    "She wrote the software that lands the probe.",
    "Recipes for a quick lunch.",
    "His lecture on algebra was full again.",
    "The committee meets on Tuesdays.",
    "Petra repaired the lorry.",
    "Nurses on the ward work at night.",
]
QUERIES = ["Who can repair a lorry?", "a nurse on the night ward", "What did he write?", "Did Peter speak of algebra?"]


def ranks(encoder, query, documents):
    """From 1, by cosine, one document after the other."""
    vectors = encoder.encode(documents, role="document")
    scores = [float(vector @ encoder.encode([query], role="query")[0]) for vector in vectors]
    return [1 + sum(other > score + 1e-6 for other in scores) for score in scores]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He said HE would tell him.", "She said SHE would tell her."),
        ("the theme of this chapter", "the theme of this chapter"),
        ("Peter, PETER and peter", "Petra, PETER and peter"),  # a name is found as it is spelled
        ("he's on his way; Peter's too", "she's on her way; Petra's too"),
        ("", ""),
    ],
)
def test_whole_words_are_swapped_in_their_case(text, expected):
    assert swap_words(text, SWAPS) == expected


def test_words_are_swapped_at_once_and_the_longest_first():
    assert swap_words("a b", {"a": "b", "b": "a"}) == "b a"
    assert swap_words("Peter Pan and Peter", {"Peter": "Petra", "Peter Pan": "Wendy"}) == "Wendy and Petra"
    assert swap_words("a+b", {"a+b": "c"}) == "c"


def test_query_shifts_are_the_mean_distance_of_ranks(encoder):
    found = query_shifts(QUERIES, DOCUMENTS, encoder, swaps=SWAPS, k=3)
    assert found.queries == (2, 3)
    for place, value in zip(found.queries, found.values, strict=True):
        old = ranks(encoder, QUERIES[place], DOCUMENTS)
        new = ranks(encoder, swap_words(QUERIES[place], SWAPS), DOCUMENTS)
        assert value == np.mean([abs(a - b) for a, b in zip(old, new, strict=True) if min(a, b) <= 3])
    assert found.interval.estimate == np.mean(found.values) > 0


def test_document_shifts_are_the_mean_fall_of_documents(encoder):
    found = document_shifts(QUERIES, DOCUMENTS, encoder, swaps=SWAPS, k=3)
    expected = {}
    for place, query in enumerate(QUERIES):
        old = ranks(encoder, query, DOCUMENTS)
        falls = []
        for i, document in enumerate(DOCUMENTS):
            if (form := swap_words(document, SWAPS)) != document:
                new = ranks(encoder, query, [*DOCUMENTS[:i], form, *DOCUMENTS[i + 1 :]])[i]
                falls += [new - old[i]] * (min(new, old[i]) <= 3)
        if falls:
            expected[place] = np.mean(falls)
    assert dict(zip(found.queries, found.values, strict=True)) == pytest.approx(expected)
    assert any(found.values)


def test_a_search_that_minds_who_is_spoken_of_is_caught(encoder):
    """Queries that name Peter find him lower once he is called Petra."""
    queries = [f"Peter {what}" for what in ("repaired it", "lectures", "sells", "is on the ward", "wrote software")]
    documents = [f"Peter {what}." for what in ("mends lorries", "teaches algebra", "sold a lot", "nurses patients")]
    documents += [f"Petra {what}." for what in ("mends lorries", "teaches algebra", "sold a lot", "nurses patients")]
    found = document_shifts(queries, documents, encoder, swaps={"Peter": "Petra"}, k=4)
    assert found.interval.low > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: swap_words("a", {}), SettingError, "swaps are {}"),
        (lambda: swap_words("a", {"": "b"}), SettingError, "expected words"),
        (lambda: query_shifts(QUERIES[:3], DOCUMENTS, None, swaps=SWAPS), DataError, "1 of 3 queries hold a word"),
        (lambda: query_shifts(QUERIES, [], None, swaps=SWAPS), DataError, "nothing to search"),
        (lambda: document_shifts(QUERIES, DOCUMENTS[6:7], None, swaps=SWAPS), DataError, "0 of 1 documents"),
        (lambda: query_shifts(QUERIES, DOCUMENTS, None, swaps=SWAPS, k=0), SettingError, "k is 0"),
    ],
)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_too_few_queries_that_find_a_swapped_document_are_refused(encoder):
    documents = [*DOCUMENTS[3:5], "He sleeps.", *DOCUMENTS[6:9]]
    queries = ["Who writes software?", "What meets on Tuesdays?", "a recipe"]
    with pytest.raises(DataError, match="only 0 of 3 queries find a document"):
        document_shifts(queries, documents, encoder, swaps=SWAPS, k=1)
