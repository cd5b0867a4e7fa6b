"""Reading hits again: in a budget of time, by cross-encoders and by late interaction over stored token vectors."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_outputs import MULTI_VECTOR, SCORERS, TEXTS, write_cross_encoder

import likewise as lw
from likewise.encoding.multi_vector import max_sim
from likewise.errors import ArtifactError, ContractError, ModelError, SettingError
from likewise.searching import late_interaction
from likewise.searching.reranking import LateReranker, rerank
from likewise.storing import Ranking, StoredChunk, open_store

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "outputs.npz")
QUESTION = "abc de"


def chunk(number, text="text"):
    return StoredChunk(
        id=number, document_id=str(number), source="", text=text, start=0, end=len(text), heading=(), metadata={}
    )


@dataclass
class ByNumber:
    """Scores a chunk by its number, taking a second for each by its own clock."""

    seconds: float = 0.0
    batches: list[int] = field(default_factory=list)

    def score(self, query, chunks):
        self.seconds += len(chunks)
        self.batches.append(len(chunks))
        return np.array([one.id for one in chunks], np.float32)

    def clock(self):
        return self.seconds


@given(st.integers(0, 30), st.integers(0, 5), st.one_of(st.none(), st.integers(1, 50_000)))
def test_what_a_budget_allows_is_read_and_the_rest_stays_in_its_order(count, more, budget_ms):
    ids = np.arange(1, count + more + 1)
    ranking = Ranking(ids, np.linspace(1, 0, len(ids), dtype=np.float32))
    reader = ByNumber()
    found = rerank(reader, "?", ranking, [chunk(int(n)) for n in ids[:count]], budget_ms=budget_ms, clock=reader.clock)
    done = sum(reader.batches)
    assert found.ranking.ids.tolist() == [*reversed(ids[:done].tolist()), *ids[done:].tolist()]
    assert found.ranking.scores[done:].tolist() == ranking.scores[done:].tolist()
    assert len(found.scored.ids) == done
    if budget_ms is None or not count:
        assert (done, found.unfinished) == (count, "")
    else:
        assert done >= min(2, count)  # the first batch is always read
        assert done <= max(2, budget_ms / 1000)
        assert (found.unfinished == "") == (done == count)
        if done < count:
            assert found.unfinished == f"reranked {done} of {count} hits: the budget of {budget_ms} ms was spent"
            assert done + 1 > budget_ms / 1000 / 1.25 - 1  # and no more was left than a safe guess needs


def test_ties_go_to_the_lower_id():
    class Same:
        def score(self, query, chunks):
            return np.ones(len(chunks), np.float32)

    found = rerank(Same(), "?", Ranking(np.array([9, 2]), np.ones(2, np.float32)), [chunk(9), chunk(2)])
    assert found.ranking.ids.tolist() == [2, 9]


@pytest.fixture
def index(tmp_path, encoder):
    with lw.Index(tmp_path / "index") as made:
        made.add(lw.Document(id=str(n), text=text) for n, text in enumerate(TEXTS))
        yield made


def test_hits_are_in_the_order_of_the_cross_encoder(index, tmp_path):
    folder = SCORERS["identity"](tmp_path / "scorer")
    settings = lw.SearchSettings(reranker=str(folder))
    hits = index.search(QUESTION, settings=settings)
    pairs = [(QUESTION, hit.text) for hit in hits]
    expected = lw.load_scorer(folder).score(pairs, overflow="truncate")[:, 0]
    assert len(hits) == len(TEXTS)
    assert [hit.score for hit in hits] == pytest.approx(expected.tolist(), abs=1e-5)
    assert [hit.score for hit in hits] == sorted(expected.tolist(), reverse=True)
    assert [hit.ranks["reranked"][0] for hit in hits] == [1, 2, 3, 4]
    assert sorted(hit.ranks["fused"][0] for hit in hits) == [1, 2, 3, 4]
    two = index.search(QUESTION, settings=lw.SearchSettings(reranker=str(folder), rerank_depth=2))
    assert [("reranked" in hit.ranks) for hit in two] == [True, True, False, False]
    assert hits.unfinished == two.unfinished == ()


def test_models_that_are_no_rerankers_are_refused(index, tmp_path, model):
    for folder, message in (
        (write_cross_encoder(tmp_path / "three", labels=3), "scores 3 labels .*: a reranker has one"),
        (model, "gives dense output: rerank with a cross-encoder or a ColBERT"),
    ):
        with pytest.raises(ModelError, match=message):
            index.search(QUESTION, settings=lw.SearchSettings(reranker=str(folder)))


@pytest.mark.parametrize("name", MULTI_VECTOR)
@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_stored_token_vectors_give_the_max_sim_of_sentence_transformers(index, tmp_path, networks, name, precision):
    late = lw.load_multi_vector(MULTI_VECTOR[name](tmp_path / name), precision="float32", cache=networks)
    reference = {
        str(n): max_sim(GOLDEN[f"multi.{name}.query.0"], GOLDEN[f"multi.{name}.document.{n}"]) for n in range(4)
    }
    calls = []
    with open_store(index.path, mode="write") as store:
        late_interaction.begin(store, late, name=name, precision=precision)
        made = late_interaction.bring_up_to_date(store, late, progress=lambda *call: calls.append(call))
        assert (made, late_interaction.bring_up_to_date(store, late)) == (4, 0)
        late.encode = _only_queries(late.encode)
        chunks = store.fetch([1, 2, 3, 4])
        reranker = LateReranker(late, lambda encoder, ids: late_interaction.kept_vectors(store, encoder, ids))
        found = reranker.score(TEXTS[0], chunks)
    assert calls == [("token vectors", 4, 4)]
    greatest = max(float(np.linalg.norm(vector)) for vector in GOLDEN[f"multi.{name}.query.0"])
    limit = {"float16": 1e-3, "int8": 1e-2}[precision] * greatest * len(GOLDEN[f"multi.{name}.query.0"])
    for one, score in zip(chunks, found, strict=True):
        assert score == pytest.approx(reference[one.document_id], abs=limit)


def _only_queries(encode):
    def refused(texts, *, role, overflow):
        assert role == "query", "a document was encoded although its vectors are stored"
        return encode(texts, role=role, overflow=overflow)

    return refused


def test_search_reranks_by_late_interaction_with_and_without_stored_vectors(index, tmp_path):
    folder = MULTI_VECTOR["plain"](tmp_path / "late")
    settings = lw.SearchSettings(reranker=str(folder))
    fresh = {hit.document_id: hit.score for hit in index.search(QUESTION, settings=settings)}
    encoder = lw.load_multi_vector(folder)
    query = encoder.encode([QUESTION], role="query")[0]
    for name, score in fresh.items():
        document = encoder.encode([TEXTS[int(name)]], role="document")[0]
        assert score == pytest.approx(max_sim(query, document), rel=1e-4)
    index.keep_token_vectors(folder, precision="float16")
    kept = {hit.document_id: hit.score for hit in index.search(QUESTION, settings=settings)}
    assert kept == pytest.approx(fresh, abs=0.02)
    assert kept != fresh


def test_new_chunks_get_token_vectors_and_removed_ones_lose_theirs(index, tmp_path, networks):
    folder = MULTI_VECTOR["plain"](tmp_path / "late")
    index.keep_token_vectors(folder)
    index.add([lw.Document(id="new", text="g h a b"), lw.Document(id="1", text="h g f")])
    assert index.delete(["0"]) == 1
    with open_store(index.path, mode="read") as store:
        alive = [number for number in range(1, 9) if store.fetch([number])]
        assert sorted(store.token_rows(range(1, 9))) == alive
        assert len(alive) == 4
        assert store.chunks_without_token_rows(most=9) == []
    other = MULTI_VECTOR["stanford"](tmp_path / "other")
    assert index.keep_token_vectors(other) == 4  # of another model: all anew
    with open_store(index.path, mode="write") as store, pytest.raises(ContractError, match="token vectors"):
        late_interaction.bring_up_to_date(store, lw.load_multi_vector(folder))
    with pytest.raises(SettingError, match="token vectors are kept in float16 or int8"):
        index.keep_token_vectors(folder, precision="int4")


def test_damaged_token_vectors_are_a_typed_error_and_verify_names_them(index, tmp_path):
    folder = MULTI_VECTOR["plain"](tmp_path / "late")
    index.keep_token_vectors(folder)
    assert index.verify() == []
    index.close()
    connection = sqlite3.connect(index.path / "store.sqlite3")
    connection.execute("UPDATE token_vectors SET vectors = zeroblob(length(vectors)) WHERE chunk = 2")
    connection.commit()
    connection.close()
    with pytest.raises(ArtifactError, match="the token vectors of chunk 2"):
        index.search(QUESTION, settings=lw.SearchSettings(reranker=str(folder)))
    assert "row of token vectors of chunk 2" in index.verify()[0]


@given(st.integers(0, 6), st.integers(1, 9), st.integers(0, 99))
def test_rows_give_back_what_went_in(tokens, width, seed):
    vectors = np.random.default_rng(seed).normal(size=(tokens, width)).astype(np.float32)
    for precision, limit in (("float16", 2e-3), ("int8", 0.5 / 127 + 1e-6)):
        found = late_interaction.from_row(late_interaction.to_row(vectors, precision))
        assert (found.shape, found.dtype) == (vectors.shape, np.float32)
        greatest = np.abs(vectors).max(axis=1, keepdims=True) if tokens else 1
        assert (np.abs(found - vectors) <= limit * greatest).all()
    with pytest.raises(ArtifactError, match="upgrade likewise"):
        late_interaction.from_row(b"x\x01\x00")
