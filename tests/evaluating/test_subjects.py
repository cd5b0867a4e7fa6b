"""What is encoded once is kept; and models of every output search and compare as the slow way does."""

import sqlite3

import numpy as np
import pytest
from made_tasks import WordsEncoder, column, words_subject
from tiny_outputs import TEXTS, write_cross_encoder, write_multi_vector, write_sparse

import likewise
from likewise.encoding.multi_vector import load_multi_vector, max_sim
from likewise.encoding.scoring import load_scorer
from likewise.encoding.sparse import load_sparse
from likewise.errors import ArtifactError, SettingError, StorageError
from likewise.evaluating import subjects
from likewise.evaluating.forms import cosines
from likewise.evaluating.keeping import Keeper
from likewise.evaluating.subjects import (
    Cut,
    ScorerSubject,
    contract_digest,
    dense_subject,
    multi_vector_subject,
    sparse_subject,
)

DOCUMENTS = column("documents", "text")
QUERIES = column("queries", "text")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept" / "vectors.sqlite3"


def opened(path, **options):
    encoder = WordsEncoder(**options)
    subject = dense_subject("words", encoder, kept=Keeper(path))
    encoder.asked.clear()  # the canaries
    return subject, encoder


def test_no_text_is_encoded_twice_not_by_another_process_either(path):
    subject, encoder = opened(path)
    first = subject.vectors([*DOCUMENTS, *DOCUMENTS[:5]], "document")
    assert [text for text, _ in encoder.asked] == DOCUMENTS
    np.testing.assert_array_equal(first[-5:], first[:5])
    subject.close()
    subject, encoder = opened(path)
    again = subject.vectors([*DOCUMENTS[:3], "new", *DOCUMENTS[3:]], "document")
    assert encoder.asked == [("new", "document")]
    np.testing.assert_array_equal(np.delete(again, 3, axis=0), first[:-5])
    subject.close()


def test_without_prompts_a_text_is_the_same_in_every_role():
    encoder = WordsEncoder()
    subject = dense_subject("words", encoder, kept=Keeper(None))
    found = [subject.vectors(QUERIES, role) for role in ("query", "document", "plain")]
    assert len(encoder.asked) - 3 == len(QUERIES)
    np.testing.assert_array_equal(found[0], found[1])
    with_prompt, encoder = opened(None, prompts={"query": "ask "})
    assert not np.array_equal(with_prompt.vectors(QUERIES, "query"), with_prompt.vectors(QUERIES, "document"))
    np.testing.assert_array_equal(with_prompt.vectors(QUERIES, "plain"), found[0])


class Breaking(WordsEncoder):
    """Gives out after some calls."""

    calls = 2

    def encode(self, texts, *, role, overflow="error"):
        self.calls -= 1
        if self.calls < 0:
            raise KeyboardInterrupt
        return super().encode(texts, role=role, overflow=overflow)


def test_a_run_that_stops_loses_at_most_a_window(path, monkeypatch):
    monkeypatch.setattr(subjects, "_WINDOW", 20)
    with Keeper(path) as kept, pytest.raises(KeyboardInterrupt):
        dense_subject("words", Breaking(), kept=kept).vectors(DOCUMENTS, "document")
    subject, encoder = opened(path)
    subject.vectors(DOCUMENTS, "document")
    assert [text for text, _ in encoder.asked] == DOCUMENTS[20:]
    subject.close()


def test_vectors_of_an_encoder_that_gives_others_now_are_forgotten(path):
    subject, _ = opened(path)
    subject.vectors(DOCUMENTS, "document")
    subject.close()
    told = []
    changed = WordsEncoder(seed="another")  # as if the library under it had changed
    found = dense_subject("words", changed, kept=Keeper(path), progress=lambda what, *_: told.append(what))
    assert "no longer gives the same vectors" in told[0]
    expected = WordsEncoder(seed="another").encode(DOCUMENTS, role="document")
    np.testing.assert_array_equal(found.vectors(DOCUMENTS, "document"), expected)
    found.close()


def test_other_contracts_have_other_digests():
    digests = {contract_digest(WordsEncoder(seed=seed, normalise=n).contract) for seed in "ab" for n in (True, False)}
    assert len(digests) == 4


@pytest.mark.parametrize(("similarity", "normalise"), [("cosine", True), ("cosine", False), ("dot", False)])
def test_search_is_by_the_similarity_that_the_model_was_made_for(similarity, normalise):
    subject = words_subject(similarity=similarity, normalise=normalise)
    encoder = WordsEncoder(similarity=similarity, normalise=normalise)
    left, right = (encoder.encode(texts, role="query").astype(np.float64) for texts in (QUERIES, DOCUMENTS))
    if similarity == "cosine":
        left, right = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (left, right))
    expected = left @ right.T  # (Q, N)
    found = subject.search(QUERIES, DOCUMENTS, 7)
    order = np.argsort(-expected, axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(found.ids, order)
    np.testing.assert_allclose(found.scores, np.take_along_axis(expected, order, axis=1), atol=1e-6)
    beside = subject.relevances(QUERIES, DOCUMENTS[: len(QUERIES)])
    np.testing.assert_allclose(beside, expected[np.arange(len(QUERIES)), np.arange(len(QUERIES))], atol=1e-6)
    assert subject.search(QUERIES[:1], DOCUMENTS[:3], 100).ids.shape == (1, 3)


def test_equal_documents_rank_by_their_place():
    found = words_subject().search(["t1w1"], ["t1w2", "t1w1", "t1w1", "t1w1"], 3)
    assert found.ids.tolist() == [[1, 2, 3]]


def test_equal_vectors_are_at_a_cosine_of_exactly_1():
    vectors = np.random.default_rng(0).normal(size=(200, 7)).astype(np.float32)
    assert (cosines(vectors, vectors) == 1).all()
    other = np.roll(vectors, 1, axis=0)
    lengths = np.linalg.norm(vectors, axis=1)
    expected = (vectors * other).sum(axis=1) / (lengths * np.roll(lengths, 1))
    np.testing.assert_allclose(cosines(vectors, other), expected, atol=1e-6)
    assert cosines(np.zeros((1, 3), np.float32), vectors[:1, :3]).tolist() == [
        0.5
    ]  # no direction: neither near nor far


def test_another_similarity_is_refused():
    with pytest.raises(SettingError, match="words declares the similarity 'euclidean'; evaluated are cosine and dot"):
        words_subject(similarity="euclidean")


def test_what_is_cut_is_counted_and_from_the_cache_too(model, networks, path):
    encoder = likewise.load(model, precision="float32", cache=networks)
    texts = ["abc de", "a b c d e f g h " * 4, "a b c d e f g h " * 4, "gh"]
    for _ in range(2):
        subject = dense_subject("tiny", encoder, kept=Keeper(path))
        subject.vectors(texts, "document")
        assert subject.take_cut() == Cut(texts=3, cut=1, tokens=34 - 16)
        assert subject.take_cut() == Cut(texts=0, cut=0, tokens=0)
        subject.close()


def test_sparse_models_search_and_compare(tmp_path, networks, path):
    encoder = load_sparse(write_sparse(tmp_path / "sparse"), cache=networks, precision="float32")
    with Keeper(path) as kept:
        subject = sparse_subject("sparse", encoder, kept=kept)
        vectors = {role: _dense(encoder, role) for role in ("query", "document")}
        expected = vectors["query"] @ vectors["document"].T
        for _ in range(2):  # the second time from what was kept
            found = subject.search(TEXTS, TEXTS, 3)
            np.testing.assert_array_equal(found.ids, np.argsort(-expected, axis=1, kind="stable")[:, :3])
            np.testing.assert_allclose(subject.relevances(TEXTS, TEXTS), np.diag(expected), rtol=1e-5)
        assert subject.take_cut().counted
        with pytest.raises(SettingError, match="sparse does not give one vector a text"):
            subject.vectors(TEXTS, "plain")


def _dense(encoder, role):
    made = np.zeros((len(TEXTS), encoder.contract.dimension))
    for row, vector in zip(made, encoder.encode(TEXTS, role=role), strict=True):
        row[vector.terms] = vector.weights
    return made


def test_multi_vector_models_search_and_compare(tmp_path, networks, path):
    encoder = load_multi_vector(write_multi_vector(tmp_path / "m", expansion=None), cache=networks, precision="float32")
    with Keeper(path) as kept:
        subject = multi_vector_subject("multi", encoder, kept=kept)
        queries, documents = (encoder.encode(TEXTS, role=role) for role in ("query", "document"))
        expected = np.array([[max_sim(query, document) for document in documents] for query in queries])
        for _ in range(2):
            found = subject.search(TEXTS, TEXTS, 2)
            np.testing.assert_array_equal(found.ids, np.argsort(-expected, axis=1, kind="stable")[:, :2])
            np.testing.assert_allclose(subject.relevances(TEXTS, TEXTS), np.diag(expected), rtol=1e-5)
        assert not subject.take_cut().counted


def test_scorers_score_each_pair_once(tmp_path, networks, path):
    scorer = load_scorer(write_cross_encoder(tmp_path / "cross"), cache=networks, precision="float32")
    expected = scorer.score(list(zip(TEXTS, TEXTS[::-1], strict=True)), overflow="truncate")[:, 0]
    for _ in range(2):
        subject = ScorerSubject("cross", scorer, kept=Keeper(path))
        np.testing.assert_allclose(subject.relevances(TEXTS, TEXTS[::-1]), expected, rtol=1e-6)
        assert subject.take_cut() == Cut(texts=4, cut=0, tokens=0, counted=False)
        subject.close()


def test_pairs_that_join_to_the_same_text_are_not_taken_for_each_other(tmp_path, networks):
    scorer = load_scorer(write_cross_encoder(tmp_path / "cross"), cache=networks, precision="float32")
    left, right = ["ab", "a"], ["c", "bc"]
    found = ScorerSubject("cross", scorer, kept=Keeper(None)).likenesses(left, right)
    np.testing.assert_allclose(found, scorer.score(list(zip(left, right, strict=True)))[:, 0], rtol=1e-6)


def test_a_keeper_keeps_all_or_nothing_and_names_its_file_when_damaged(path):
    with Keeper(path) as kept:
        kept.put({b"a": b"1", b"b": b"2"})
        kept.put({b"a": b"3"})
        with pytest.raises(sqlite3.IntegrityError):
            kept.put({b"c": b"4", b"d": None})
        assert kept.get([b"a", b"b", b"c", b"d"]) == {b"a": b"3", b"b": b"2"}
        many = {str(i).encode(): b"x" * i for i in range(1, 1200)}
        kept.put(many)
        assert kept.get(list(many)) == many
        kept.clear()
        assert kept.get(list(many)) == {}
    path.write_bytes(b"this is no database, and long enough to be looked at as one" * 20)
    with pytest.raises(ArtifactError, match=r"vectors.sqlite3 is damaged: .*Delete it; it is made anew"):
        Keeper(path)


def test_a_place_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't write to"):
        Keeper(tmp_path / "file" / "kept.sqlite3")
