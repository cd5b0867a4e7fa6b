"""The shard, a copy of the vectors to search: used when it pays, never needed, never wrong."""

import logging
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from plain_store import PlainStore, assert_same, make_document

from likewise.storing import Changes, StoreSettings, open_store, parse_filter
from likewise.storing.promising import Promises
from likewise.storing.shard import MANIFEST, PROMISES, VECTORS, list_files, open_shard, read_manifest

SMALL = StoreSettings(engine_threshold=200)


def documents(first: int, last: int) -> list:
    return [
        make_document(f"d{n}", f"w{n % 7} w{n % 11} only{n}", metadata={"n": n, "odd": bool(n % 2)})
        for n in range(first, last)
    ]


def loaded_exactly(store) -> bool:
    """Whether exact search has read all rows, which it need not while the shard serves."""
    return store._searcher._by_vectors.everything.rows is not None


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built") / "index"
    with open_store(folder, mode="write", settings=SMALL) as store:
        store.commit(Changes(documents=documents(0, 400)))
        assert store.optimize() is True
        assert store.optimize() is False  # nothing has changed
    return folder


@pytest.fixture
def copied(built, tmp_path):
    return shutil.copytree(built, tmp_path / "index")


QUERY = np.random.default_rng(5).standard_normal(8).astype(np.float32)


def check(store, plain: PlainStore) -> None:
    where = parse_filter("n >= 20 and not odd = true")
    assert_same(store.search_dense(QUERY, k=10), plain.search_dense(QUERY, 10))
    assert_same(store.search_dense(QUERY, k=10, where=where), plain.search_dense(QUERY, 10, where))


@pytest.fixture
def plain():
    plain = PlainStore()
    plain.commit(Changes(documents=documents(0, 400)))
    return plain


def test_the_shard_serves_readers_and_what_is_newer_is_found_too(copied, plain):
    with open_store(copied, mode="write", settings=SMALL) as writer, open_store(copied, mode="read") as reader:
        check(reader, plain)
        for changes in (
            Changes(documents=documents(395, 420), removed_documents=["d0", "d399"]),
            Changes(documents=documents(0, 3)),
        ):
            writer.commit(changes)
            plain.commit(changes)
            check(reader, plain)
        assert not loaded_exactly(reader)


def test_any_number_of_readers_have_it_open(copied, plain):
    with open_store(copied, mode="read") as first, open_store(copied, mode="read") as second:
        for reader in (first, second):
            check(reader, plain)
            assert not loaded_exactly(reader)


def test_vectors_of_chunks_come_from_the_map_and_are_those_of_the_rows(copied):
    with open_store(copied, mode="write", settings=SMALL) as writer, open_store(copied, mode="read") as reader:
        writer.commit(Changes(documents=documents(395, 420), removed_documents=["d7"]))
        asked = [5, 8, 399, 401, 403, 10_000, 5]  # 8 is of d7, the last three are newer, not there, and there already
        rows = writer._connection.execute("SELECT chunk, vector FROM vectors").fetchall()
        expected = {chunk: np.frombuffer(vector, "<f4") for chunk, vector in rows if chunk in asked}
        writer._connection.execute("UPDATE vectors SET vector = zeroblob(32) WHERE chunk = 5")  # the map has it still
        found = reader.chunk_vectors(asked)
        assert {*found} == {*expected}
        assert 8 not in found
        for chunk, vector in found.items():
            np.testing.assert_array_equal(vector, expected[chunk])


def test_what_a_killed_build_left_is_removed(copied):
    (folder,) = (copied / "shard").iterdir()
    (copied / "shard" / "7-abc.new").mkdir()
    open_store(copied, mode="read").close()
    assert len(list((copied / "shard").iterdir())) == 2
    open_store(copied, mode="write").close()
    assert list((copied / "shard").iterdir()) == [folder]


def test_it_is_built_again_when_a_quarter_changed(copied, plain):
    with open_store(copied, mode="write", settings=SMALL) as store:
        (before,) = (copied / "shard").iterdir()
        store.commit(Changes(removed_documents=[f"d{n}" for n in range(90)]))
        assert store.optimize() is False
        store.commit(Changes(removed_documents=[f"d{n}" for n in range(90, 120)]))
        assert store.optimize() is True
        (after,) = (copied / "shard").iterdir()
        assert after != before
        plain.commit(Changes(removed_documents=[f"d{n}" for n in range(120)]))
        check(store, plain)
        assert not loaded_exactly(store)


def test_it_goes_when_the_store_is_small_again(copied):
    with open_store(copied, mode="write", settings=SMALL) as store:
        store.delete([f"d{n}" for n in range(300)])
        assert store.optimize() is False
        assert list((copied / "shard").iterdir()) == []
        assert len(store.search_dense(QUERY, k=500).ids) == 100


def test_reading_changes_no_file_of_it(copied):
    (folder,) = (copied / "shard").iterdir()
    before = list_files(folder)
    shard = open_shard(folder)
    assert len(shard.propose(QUERY, 10))
    assert list_files(folder) == before == {name: list(of) for name, of in read_manifest(folder).files.items()}


@pytest.mark.parametrize("name", ["ids.npy", "checksums.npy", "graph.faiss", PROMISES, MANIFEST])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_shard_is_noticed_and_built_again(copied, plain, caplog, name, damage):
    (folder,) = (copied / "shard").iterdir()
    spoil(folder / name, damage)
    with open_store(copied, mode="write", settings=SMALL) as store, caplog.at_level(logging.WARNING):
        check(store, plain)
        assert store.verify() != []
        assert store.optimize() is True
        assert "will be built again" in caplog.text
        assert store.verify() == []
        check(store, plain)
        assert not loaded_exactly(store)


def test_a_damaged_vector_is_noticed_when_it_is_scored(copied, plain, caplog):
    (folder,) = (copied / "shard").iterdir()
    spoil(folder / VECTORS, "flip")
    with open_store(copied, mode="write", settings=SMALL) as store, caplog.at_level(logging.WARNING):
        assert "checksum does not match" in store.verify()[0]
        check(store, plain)
        assert "does not match its checksum" in caplog.text
        assert store.optimize() is True
        assert store.verify() == []


def prefer_lists(folder) -> None:
    """As if a look at all rows took long, which it does not with so few."""
    replace(Promises.read(folder / PROMISES), row_us=1e6, picked_row_us=1e6).write(folder / PROMISES)


def test_a_search_by_words_needs_no_codes_and_one_by_vectors_notices(copied, plain, caplog):
    (folder,) = (copied / "shard").iterdir()
    prefer_lists(folder)
    spoil(folder / "graph.faiss", "flip")
    chunk = documents(3, 4)[0].chunks[0]
    weights = chunk.counts.astype(np.float32)
    with open_store(copied, mode="read") as store, caplog.at_level(logging.WARNING):
        assert_same(store.search_lexical(chunk.terms, weights, k=9), plain.search_lexical((chunk.terms, weights), 9))
        assert caplog.text == ""
        assert_same(store.search_dense(QUERY, k=10, recall=0.5), plain.search_dense(QUERY, 10))
        assert "graph.faiss: its checksum does not match" in caplog.text
    with open_store(copied, mode="write", settings=SMALL) as store:
        assert store.optimize() is True  # though nobody has searched


def test_without_what_reads_a_graph_all_vectors_are_looked_at(copied, plain, caplog, monkeypatch):
    (folder,) = (copied / "shard").iterdir()
    prefer_lists(folder)
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.delitem(sys.modules, "likewise.storing.graphs", raising=False)
    with open_store(copied, mode="read") as store, caplog.at_level(logging.WARNING):
        assert_same(store.search_dense(QUERY, k=10, recall=0.5), plain.search_dense(QUERY, 10))
        assert "searching exactly, which is slower" in caplog.text
        assert loaded_exactly(store)


def test_a_vanished_shard_is_built_again(copied, plain):
    (folder,) = (copied / "shard").iterdir()
    folder.rename(copied / "elsewhere")
    with open_store(copied, mode="write", settings=SMALL) as store:
        check(store, plain)
        assert store.optimize() is True
        check(store, plain)


def spoil(file, damage):
    if damage == "flip":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-1])
    else:
        file.unlink()


def test_a_failed_build_leaves_exact_search(tmp_path, caplog, monkeypatch):
    plain = PlainStore()
    plain.commit(Changes(documents=documents(0, 250)))
    monkeypatch.setattr("sys.executable", "/no/such/python")
    with open_store(tmp_path / "index", mode="write", settings=SMALL) as store:
        store.commit(Changes(documents=documents(0, 250)))
        assert store.optimize() is False
        assert "can't start a process" in caplog.text
        check(store, plain)


def test_what_passed_in_one_shard_is_not_taken_for_what_passes_in_the_next(copied, plain):
    with open_store(copied, mode="write", settings=SMALL) as store:
        store.delete([f"d{n}" for n in range(50)])
        plain.commit(Changes(removed_documents=[f"d{n}" for n in range(50)]))
        check(store, plain)
        store.compact()  # another shard, of the same commit
        check(store, plain)


@pytest.mark.parametrize("threshold", [200, 100_000])
def test_what_is_deleted_is_in_no_file_after_compacting(copied, threshold):
    secret = make_document("secret-id", "a most confidential sentence", metadata={"secretfield": "hidden value"})
    traces = [b"secret-id", b"confidential", b"hidden value", b"secretfield", secret.chunks[0].vector.tobytes()]
    with open_store(copied, mode="write", settings=StoreSettings(engine_threshold=threshold)) as store:
        store.commit(Changes(documents=[secret, *documents(400, 600)]))
        store.optimize()
        assert set(found_in(copied, traces)) >= set(traces[:4])
        size = sum(path.stat().st_size for path in copied.rglob("*") if path.is_file())
        store.delete(["secret-id", *(f"d{n}" for n in range(300))])
        store.compact()
        assert found_in(copied, traces) == []
        assert sum(path.stat().st_size for path in copied.rglob("*") if path.is_file()) < size
        assert store.verify() == []
        assert len(store.search_dense(QUERY, k=1000).ids) == 300


def found_in(folder, traces: list[bytes]) -> list[bytes]:
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [trace for trace in traces if any(trace in content for content in contents)]
