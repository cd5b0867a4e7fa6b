"""Why a hit is one: parts that sum to its scores, and words that matter when they are left out."""

import numpy as np
import pytest
from tiny_outputs import MULTI_VECTOR

import likewise as lw
from likewise.encoding.multi_vector import max_sim
from likewise.errors import SettingError

QUESTION = "How do I reset my forgotten password?"


@pytest.fixture(scope="module")
def ready(kept):
    with lw.Index(kept / "index") as index:
        yield index


@pytest.mark.parametrize("settings", [lw.SearchSettings(), lw.SearchSettings(k1=0.4, b=0.1)])
def test_terms_sum_to_the_lexical_score(ready, settings):
    hits = ready.search("owls nest in hollow trees, owls hunt engineer", k=50, settings=settings)
    reasons = ready.explain("owls nest in hollow trees, owls hunt engineer", hits, settings=settings)
    assert [one.hit for one in reasons] == list(hits)
    for one in reasons:
        score = one.hit.ranks.get("lexical", (0, 0.0))[1]
        assert one.lexical == pytest.approx(score, abs=1e-5)
        assert sum(term.score for term in one.terms) == pytest.approx(score, abs=1e-5)
        assert [term.score for term in one.terms] == sorted((term.score for term in one.terms), reverse=True)
        for term in one.terms:
            assert term.word.lower().rstrip("s") in one.hit.text.lower()
    assert {term.word for one in reasons for term in one.terms} >= {"owls", "hunt", "engineer"}


def test_what_a_word_is_worth_is_what_the_cosine_loses_without_it(ready, encoder):
    hits = ready.search(QUESTION, k=3)
    without = encoder.encode(["How do I reset my forgotten ?", QUESTION], role="query")
    for one in ready.explain(QUESTION, hits):
        shown = f"{' > '.join(one.hit.heading)}\n{one.hit.text}" if one.hit.heading else one.hit.text
        (vector,) = encoder.encode([shown], role="document")
        assert one.cosine == pytest.approx(one.hit.ranks["dense"][1], abs=1e-5)
        losses = {word.word: word.loss for word in one.words}
        assert losses["password"] == pytest.approx(float((without[1] - without[0]) @ vector), abs=0.02)
        assert list(losses.values()) == sorted(losses.values(), reverse=True)
    assert ready.explain(QUESTION, hits[:1])[0].words[0].word in {"password", "reset", "forgotten"}


def test_the_closest_passage_is_in_the_chunk_and_no_other_is_closer(ready, encoder):
    for one in ready.explain(QUESTION, ready.search(QUESTION, k=5)):
        passage, hit = one.passage, one.hit
        if passage.start == passage.end:
            assert passage.text == " › ".join(hit.heading)
        else:
            assert passage.text == hit.text[passage.start - hit.start : passage.end - hit.start]
        asked = encoder.encode([QUESTION], role="query")[0]
        lines = [line for line in hit.text.splitlines() if sum(map(str.isalnum, line)) > 2]
        vectors = encoder.encode([passage.text, *lines], role="document") @ asked
        assert passage.cosine == pytest.approx(vectors[0], abs=0.01)
        single = [cosine for line, cosine in zip(lines, vectors[1:], strict=True) if ". " not in line]
        assert passage.cosine >= max(single, default=-1.0) - 0.01


def test_words_alone_are_explained_without_a_model(ready, no_model):
    with lw.Index(ready.path) as index:
        hits = index.search("owls", mode="lexical")
        (one,) = index.explain("owls", hits)
    assert (one.cosine, one.words, one.passage, one.max_sim, one.pairs) == (None, (), None, None, ())
    assert [term.word for term in one.terms] == ["owls"]


def test_a_question_of_one_word_and_a_chunk_that_is_gone(index, folder):
    hits = index.search("owls", k=50)
    first = index.explain("owls", hits[:1])[0]
    assert (first.words, first.cosine) == ((), pytest.approx(hits[0].ranks["dense"][1], abs=1e-5))
    index.delete([hits[0].document_id])
    assert [one.hit for one in index.explain("owls", hits)] == [
        hit for hit in hits if hit.document_id != hits[0].document_id
    ]
    assert index.explain("owls", []) == []
    with pytest.raises(SettingError, match="the query is blank"):
        index.explain(" ", hits)


@pytest.mark.parametrize("name", MULTI_VECTOR)
def test_pairs_of_tokens_sum_to_max_sim(tmp_path, encoder, name):
    folder = MULTI_VECTOR[name](tmp_path / "late")
    settings = lw.SearchSettings(reranker=str(folder))
    index = lw.Index(tmp_path / "index")
    index.add([lw.Document(id="a", text="abc de, a."), lw.Document(id="b", text="f g h")])
    late = lw.load_multi_vector(folder)
    query = late.encode(["abc"], role="query")[0]
    for one in index.explain("abc", index.search("abc", settings=settings), settings=settings):
        document = late.encode([one.hit.text], role="document")[0]
        assert one.max_sim == pytest.approx(max_sim(query, document), rel=1e-4)
        assert one.max_sim == pytest.approx(one.hit.ranks["reranked"][1], rel=1e-4)
        assert len(one.pairs) == len(query)
        assert {"[CLS]", "[SEP]"} <= {pair.query for pair in one.pairs}
        if name != "stanford":
            assert not {pair.chunk for pair in one.pairs} & {".", ","}
        products = query @ document.T
        pieces = late.pieces(one.hit.text, role="document")
        assert [pair.chunk for pair in one.pairs] == [pieces[n] for n in np.argmax(products, axis=1)]
