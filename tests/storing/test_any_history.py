"""Any sequence of commits, reopenings, compactions and builds leaves what a store of dicts would hold."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from plain_store import PlainStore, assert_same, make_document, query_of, sparse_query, term_of

import likewise.storing.sqlite_store as sqlite_store
from likewise.storing import Changes, StoredFile, StoreSettings, open_store, parse_filter
from likewise.storing.shard_building import build

ids = st.sampled_from([f"d{number}" for number in range(8)])
texts = st.lists(st.sampled_from(["owl", "owl fox", "fox fox cat", "", "cat hides never"]), max_size=3)
paths = st.sampled_from(["x", "y"])
metadatas = st.fixed_dictionaries({}, optional={"n": st.integers(0, 3), "s": st.sampled_from(["a", "b"])})
documents = st.builds(
    lambda id, texts, metadata, file: make_document(id, *texts, metadata=metadata, file=file),
    ids,
    texts,
    metadatas,
    st.none() | paths,
)
WHERE = parse_filter('n >= 1 and not s = "b"')
QUERY = np.random.default_rng(1).standard_normal(8).astype(np.float32)


class History(RuleBasedStateMachine):
    store_settings = StoreSettings()

    @initialize()
    def start(self):
        self.folder = Path(tempfile.mkdtemp())
        self.plain = PlainStore()
        self.store = open_store(self.folder / "index", mode="write", settings=self.store_settings)
        self.reader = open_store(self.folder / "index", mode="read")

    @rule(
        added=st.lists(documents, max_size=6, unique_by=lambda document: document.id),
        removed=st.lists(ids, max_size=3),
        removed_files=st.lists(paths, max_size=1),
    )
    def commit(self, added, removed, removed_files):
        file = StoredFile(path="x", size_bytes=1, modified_ns=1, changed_ns=1, inode=1, sha256=b"", checked_ns=1)
        changes = Changes(files=[file], documents=added, removed_documents=removed, removed_files=removed_files)
        self.store.commit(changes)
        self.plain.commit(changes)

    @rule()
    def optimize(self):
        self.store.optimize()

    @rule()
    def compact(self):
        self.store.compact()

    @rule()
    def reopen(self):
        self.store.close()
        self.store = open_store(self.folder / "index", mode="write", settings=self.store_settings)

    @invariant()
    def same_as_plain(self):
        fields = {name for document in self.plain.documents.values() for name in document.metadata}
        for store in (self.store, self.reader):
            assert len(store) == len(self.plain.chunks())
            assert store.document_count() == len(self.plain.documents)
            assert store.fields() == sorted(fields)
            found = {word.stem: word.chunks for word in store.vocabulary().beginning("")}
            assert found == self.plain.vocabulary()
            both = [term_of("owl"), term_of("fox")]
            assert store.having(both).tolist() == self.plain.having(both)
            for k in (2, 50):
                assert_same(store.search_dense(QUERY, k=k), self.plain.search_dense(QUERY, k))
                words = query_of("owl", "cat")
                assert_same(store.search_lexical(*words, k=k), self.plain.search_lexical(words, k))
                words = sparse_query("owl", "cat", "fox")
                assert_same(store.search_sparse(*words, k=k), self.plain.search_sparse(words, k))
                if fields == {"n", "s"}:
                    assert_same(
                        store.search_sparse(*words, k=k, where=WHERE), self.plain.search_sparse(words, k, WHERE)
                    )
                    assert_same(store.search_dense(QUERY, k=k, where=WHERE), self.plain.search_dense(QUERY, k, WHERE))

    def teardown(self):
        assert self.store.verify() == []
        self.reader.close()
        self.store.close()
        shutil.rmtree(self.folder)


class ShardHistory(History):
    store_settings = StoreSettings(engine_threshold=1)


FEW = settings(max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TestExactHistory = History.TestCase
TestExactHistory.settings = FEW


@pytest.fixture
def builds_here(monkeypatch):
    """Build in this process: the same build, without the second that starting another one takes."""

    def build_here(folder, name, build_settings):
        build(folder, name, build_settings)
        return True

    monkeypatch.setattr(sqlite_store, "build_in_child", build_here)


@pytest.mark.usefixtures("builds_here")
class TestShardHistory(ShardHistory.TestCase):
    settings = settings(FEW, max_examples=8)
