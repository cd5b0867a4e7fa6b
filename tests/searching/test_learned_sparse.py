"""Learned sparse vectors in an index: found by dot product, held to the contract, kept as the index changes."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_outputs import SPARSE, write_sparse

import likewise as lw
from likewise.encoding.sparse import load_sparse
from likewise.errors import ContractError, SettingError

TEXTS = ["Barn owls hunt at night.", "Water tomatoes in the morning.", "Reset a lost password.", "Owls nest in barns."]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return SPARSE["max"](tmp_path_factory.mktemp("splade") / "tiny")


def documents(texts=TEXTS):
    return [lw.Document(id=f"d{n}", text=text) for n, text in enumerate(texts)]


@pytest.fixture
def index(tmp_path, model, encoder):
    with lw.Index(tmp_path / "index", sparse=model) as made:
        made.add(documents())
        yield made


def plain_scores(model, texts, query) -> list[float]:
    encoder = load_sparse(model)
    (asked,) = encoder.encode([query], role="query")
    weights = dict(zip(asked.terms.tolist(), asked.weights.tolist(), strict=True))
    found = encoder.encode(texts, role="document")
    return [
        sum(weights.get(t, 0.0) * w for t, w in zip(v.terms.tolist(), v.weights.tolist(), strict=True)) for v in found
    ]


def test_hits_are_ranked_by_the_dot_product_whatever_the_history(index, model):
    index.delete(["d1"])
    index.add([lw.Document(id="d2", text="Owls sleep by day.")])
    texts = {"d0": TEXTS[0], "d3": TEXTS[3], "d2": "Owls sleep by day."}  # as they were added, which orders ties
    expected = dict(zip(texts, plain_scores(model, list(texts.values()), "owls at night"), strict=True))
    hits = index.search("owls at night", mode="sparse")
    assert [hit.document_id for hit in hits] == sorted(expected, key=lambda id: -np.float32(expected[id]))
    np.testing.assert_allclose([hit.score for hit in hits], sorted(expected.values(), reverse=True), rtol=1e-5)
    assert index.verify() == []


def test_an_index_opened_without_naming_the_model_uses_its_own(index, tmp_path):
    with lw.Index(tmp_path / "index") as again:
        assert set(again.search("owls at night")[0].ranks) == {"dense", "lexical", "sparse"}
        again.add([lw.Document(id="new", text="Foxes hunt at night too.")])
        assert len(again.search("night", mode="sparse", k=9)) == 5


def test_another_model_is_refused(index, tmp_path):
    other = SPARSE["routed"](tmp_path / "other")
    with pytest.raises(ContractError, match="another encoder"):
        lw.Index(tmp_path / "index", sparse=other).search("owls", mode="sparse")


def test_another_pooling_of_the_same_weights_is_refused_and_named(index, tmp_path):
    other = write_sparse(tmp_path / "other", strategy="sum")
    with pytest.raises(
        ContractError, match=r"\(pooling: [^;]*SpladePooling sum, relu here, [^;]*SpladePooling there\)"
    ):
        lw.Index(tmp_path / "index", sparse=other).search("owls", mode="sparse")


def test_an_index_without_them_says_so(tmp_path, model, encoder):
    with lw.Index(tmp_path / "index") as made:
        made.add(documents())
        with pytest.raises(SettingError, match="no sparse vectors: index into another folder with --sparse"):
            made.search("owls", mode="sparse")
    with pytest.raises(SettingError, match="made without sparse vectors"):
        lw.Index(tmp_path / "index", sparse=model).add(documents())


def test_what_only_others_found_is_scored_by_sparse_vectors_too(index, model):
    settings = lw.SearchSettings(depth=1, smoothing=0.0, weights={"dense": 0.0, "lexical": 0.0, "sparse": 1.0})
    query = "owls reset"  # each retriever hands on one chunk, and they are not all the same
    hits = index.search(query, k=1, settings=replace(settings, depth=4))
    found = index.search(query, k=4, settings=settings)
    assert {name for hit in found for name in hit.ranks} == {"dense", "lexical", "sparse"}
    expected = dict(zip(TEXTS, plain_scores(model, TEXTS, query), strict=True))
    scale = hits[0].score / expected[hits[0].text]  # a ranking that says too much is made quieter
    for hit in found:
        np.testing.assert_allclose(hit.score, scale * expected[hit.text], rtol=1e-4)
