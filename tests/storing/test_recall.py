"""Promised recall: kept out of sample, under filters and after deletes, and honest about what is expected."""

import shutil

import numpy as np
import pytest
from plain_store import make_chunk

from likewise.errors import SettingError, ShapeError
from likewise.storing import Changes, DocumentRow, Shortlist, StoreSettings, open_store, parse_filter
from likewise.storing.promising import DEPTHS, Curve, Promises, depth_for
from likewise.storing.shard import open_shard

ROWS, WIDTH = 6_000, 24


def clustered(count: int, *, seed: int) -> np.ndarray:
    """Unit vectors around 50 centres, as texts of a few topics give."""
    centres = np.random.default_rng(0).standard_normal((50, WIDTH))
    chance = np.random.default_rng(seed)
    vectors = centres[chance.integers(0, 50, count)] + 0.7 * chance.standard_normal((count, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


VECTORS, QUERIES = clustered(ROWS, seed=1), clustered(300, seed=2)
HEIGHTS = np.argsort(np.argsort(VECTORS @ VECTORS[0]))
PASSING = {  # filter -> (N,) what it lets through
    "part < 50": np.arange(ROWS) % 100 < 50,
    "part < 10": np.arange(ROWS) % 100 < 10,
    "part < 1": np.arange(ROWS) % 100 < 1,
    "height < 600": HEIGHTS < 600,
}


def document(row: int) -> DocumentRow:
    chunk = make_chunk(f"text {row}", VECTORS[row])
    metadata = {"part": row % 100, "height": int(HEIGHTS[row])}
    return DocumentRow(id=str(row), source="", metadata=metadata, content_hash=b"", file=None, chunks=[chunk])


@pytest.fixture(scope="module", params=["int8", "binary", "product"])
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recall") / "index"
    settings = StoreSettings(engine_threshold=1_000, shortlist=Shortlist(precision=request.param))
    with open_store(folder, mode="write", settings=settings) as store:
        store.commit(Changes(documents=[document(row) for row in range(ROWS)]))
        assert store.optimize() is True
    return folder


@pytest.fixture
def always_listed(monkeypatch):
    """Lists even where looking at all of so few rows would be sooner."""
    choose = Promises.choose

    def never_sooner(promises, depth, recall, *, within_us):
        return choose(promises, depth, recall, within_us=1e9 * bool(within_us))

    monkeypatch.setattr(Promises, "choose", never_sooner)


def measured(store, passing: np.ndarray, *, promised: float, where=None) -> tuple[float, float]:
    """Mean recall@10 over all queries, and the least that was expected of one."""
    rows = np.flatnonzero(passing)
    best = rows[np.argsort(-(QUERIES @ VECTORS[rows].T), axis=1, kind="stable")[:, :10]]
    shares, expected = [], []
    for query, true in zip(QUERIES, best, strict=True):
        found = store.search_dense(query, k=10, where=where, recall=promised)
        assert len(found.ids) == len(true)  # filled whenever there is enough
        assert passing[found.ids - 1].all()
        np.testing.assert_allclose(found.scores, VECTORS[found.ids - 1] @ query, atol=1e-6)
        shares.append(np.isin(true, found.ids - 1).mean())
        expected.append(found.recall)
    return float(np.mean(shares)), min(expected)


@pytest.mark.usefixtures("always_listed")
@pytest.mark.parametrize("promised", [0.8, 0.95, 0.99])
def test_a_promise_is_kept_for_vectors_that_are_not_in_the_store(folder, promised):
    with open_store(folder, mode="read") as store:
        found, expected = measured(store, np.ones(ROWS, np.bool_), promised=promised)
        assert found >= promised - 0.01
        assert promised <= expected <= 1
        if promised < 0.9:  # bits of so few dimensions hold no more
            assert expected < 1  # it was a list that answered


@pytest.mark.usefixtures("always_listed")
@pytest.mark.parametrize("text", PASSING)
def test_a_promise_is_kept_under_filters(folder, text):
    with open_store(folder, mode="read") as store:
        found, expected = measured(store, PASSING[text], promised=0.9, where=parse_filter(text))
        assert found >= 0.89
        assert expected >= 0.9


@pytest.mark.usefixtures("always_listed")
def test_a_promise_is_kept_after_half_was_deleted(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "index")
    gone = np.random.default_rng(3).random(ROWS) < 0.5
    with open_store(copy, mode="write") as store:
        store.delete([str(row) for row in np.flatnonzero(gone)])
        assert measured(store, ~gone, promised=0.9)[0] >= 0.89


def test_a_recall_of_one_is_every_row(folder):
    with open_store(folder, mode="read") as store:
        assert measured(store, np.ones(ROWS, np.bool_), promised=1.0) == (1.0, 1.0)


def test_a_narrow_filter_is_searched_exactly(folder):
    with open_store(folder, mode="read") as store:
        where = parse_filter("part < 1")
        assert measured(store, PASSING["part < 1"], promised=0.5, where=where) == (1.0, 1.0)


@pytest.mark.parametrize("recall", [0, -0.1, 1.01, float("nan")])
def test_a_recall_that_is_no_share_is_refused(folder, recall):
    with open_store(folder, mode="read") as store, pytest.raises(SettingError, match="above 0, at most 1"):
        store.search_dense(QUERIES[0], k=10, recall=recall)


def test_bad_queries_are_refused(folder):
    with open_store(folder, mode="read") as store:
        for k in (0, -3):
            with pytest.raises(SettingError, match="at least 1"):
                store.search_dense(QUERIES[0], k=k)
        with pytest.raises(SettingError, match="NaN or infinity"):
            store.search_dense(np.full(WIDTH, np.nan, np.float32), k=1)
        with pytest.raises(ShapeError, match="must have shape"):
            store.search_dense(QUERIES[0][:3], k=1)
        with pytest.raises(SettingError, match="Known: part, height"):
            store.search_dense(QUERIES[0], k=1, where=parse_filter("pard < 3"))
        assert len(store.search_dense(QUERIES[0], k=ROWS + 5).ids) == ROWS


def test_a_vectors_own_reach_does_not_matter(folder):
    with open_store(folder, mode="read") as store:
        one = store.search_dense(QUERIES[0], k=5, recall=0.9)
        other = store.search_dense(QUERIES[0] * np.float32(1e-20), k=5, recall=0.9)
        assert one.ids.tolist() == other.ids.tolist()


def test_past_queries_are_measured_with_once_there_are_enough(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "index", ignore=shutil.ignore_patterns("queries.ring"))
    (shard,) = (copy / "shard").iterdir()
    settings = StoreSettings(engine_threshold=1_000)
    assert list(open_shard(shard).promises.curves) == ["held out"]
    with open_store(copy, mode="read") as reader:
        for query in QUERIES[:40]:
            reader.search_dense(query, k=1)
    with open_store(copy, mode="write", settings=settings) as store:
        assert store.optimize() is False
        assert "past queries" not in open_shard(shard).promises.curves  # too few yet
        for query in QUERIES[40:90]:
            store.search_dense(query, k=1)
        assert store.optimize() is False
        assert open_shard(shard).promises.curves["past queries"].probes == 90
        assert store.verify() == []


def test_no_query_is_kept_where_none_shall_be(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "index", ignore=shutil.ignore_patterns("queries.ring"))
    with open_store(copy, mode="read", settings=StoreSettings(past_queries=0)) as reader:
        for query in QUERIES:
            reader.search_dense(query, k=1)
    assert not (copy / "queries.ring").exists()


def test_the_harder_kind_of_probes_decides():
    efforts, easy, hard = [10, 100], [[0.9, 0.99]] * len(DEPTHS), [[0.5, 0.8]] * len(DEPTHS)
    curves = {
        name: Curve(probes=9, efforts=efforts, mean=least, least=least) for name, least in (("a", easy), ("b", hard))
    }
    both = Promises(curves=curves, list_us=[1.0, 2.0], row_us=1.0, picked_row_us=1.0)
    assert both.choose(10, 0.5, within_us=99).effort == 10
    assert both.choose(10, 0.7, within_us=99).effort == 100
    assert both.choose(10, 0.7, within_us=99).recall == 0.8
    assert both.choose(10, 0.9, within_us=99) is None
    assert both.choose(20, 0.5, within_us=99).effort == 100  # a list of 10 can't hold the best 20
    assert both.choose(10, 0.7, within_us=2) is None
    assert both.choose(10**6, 0.1, within_us=99) is None


def test_the_depth_allows_for_chance():
    assert depth_for(10, 1.0) == 10
    chance = np.random.default_rng(4)
    passing = chance.random((2_000, depth_for(10, 0.1))) < 0.1
    assert (passing.sum(axis=1) >= 10).mean() > 0.99


def test_a_shortlist_of_unknown_precision_is_refused():
    with pytest.raises(SettingError, match="Did you mean 'int8'"):
        Shortlist(precision="int88")
    with pytest.raises(SettingError, match="at least 1"):
        Shortlist(dimension=0)
