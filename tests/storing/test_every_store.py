"""What every store must do, checked against one made of dicts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from plain_store import (
    PlainStore,
    as_pairs,
    assert_same,
    make_chunk,
    make_document,
    query_of,
    sparse_query,
    term_of,
)

from likewise.errors import SettingError, ShapeError
from likewise.storing import Changes, DocumentRow, StoredFile, open_store, parse_filter

WORDS = ["red", "green", "blue", "owl", "fox", "cat", "runs", "sleeps", "hides", "quickly", "slowly", "never"]
FILTERS = [
    'lang = "en"',
    'lang = "de" and year >= 2010',
    "year = 2003",
    "not (year > 2001)",
    'lang > "de"',
    'tags contains "b"',
    "rare exists",
]


def some_documents(count: int, *, seed: int = 0) -> list[DocumentRow]:
    random = np.random.default_rng(seed)

    def text() -> str:
        return " ".join(random.choice(WORDS, size=random.integers(1, 9)))

    def metadata(number: int) -> dict:
        known = {"lang": ("en", "de", "fr")[number % 3], "year": 2000 + number % 20, "tags": ["a", "b"][: number % 3]}
        return {**known, "rare": True} if number % 37 == 0 else known

    return [
        make_document(f"d{number}", *(text() for _ in range(number % 3 + 1)), metadata=metadata(number))
        for number in range(count)
    ]


LATER = Changes(documents=some_documents(8, seed=1), removed_documents=["d20", "d21", "d59"])


@pytest.fixture(scope="module")
def filled(tmp_path_factory, settings):
    """A store of 60 documents, some replaced and removed after it was optimised, and the plain one beside it."""
    folder, plain = tmp_path_factory.mktemp("filled") / "index", PlainStore()
    with open_store(folder, mode="write", settings=settings) as store:
        for changes in (Changes(documents=some_documents(60)), LATER):
            store.commit(changes)
            plain.commit(changes)
            if changes is not LATER:
                assert store.optimize() is (settings.engine_threshold == 40)
    with open_store(folder, mode="read") as store:
        yield store, plain


def test_dense_search_equals_the_plain_one(filled):
    store, plain = filled
    for seed in range(5):
        query = np.random.default_rng(seed).standard_normal(8).astype(np.float32)
        for k in (1, 7, 500):
            assert_same(store.search_dense(query, k=k), plain.search_dense(query, k))


def test_lexical_search_equals_the_plain_one(filled):
    store, plain = filled
    for words in (["red"], ["owl", "fox", "owl"], ["never", "unheard"], ["unheard"]):
        for k in (1, 7, 500):
            assert_same(store.search_lexical(*query_of(*words), k=k), plain.search_lexical(query_of(*words), k))


def test_sparse_search_equals_the_plain_one(filled):
    store, plain = filled
    for words in (["red"], ["owl", "fox", "runs", "slowly"], ["unheard"], WORDS):
        query = sparse_query(*words)
        for k in (1, 7, 500):
            assert_same(store.search_sparse(*query, k=k), plain.search_sparse(query, k))


def test_the_parts_of_a_score_sum_to_it(filled):
    store, _ = filled
    query = query_of("owl", "fox", "owl", "unheard")
    ranking = store.search_lexical(*query, k=50, bm25=(0.9, 0.4))
    parts = store.lexical_parts(*query, np.array([*ranking.ids, 10**9]), bm25=(0.9, 0.4))
    assert sorted(parts) == sorted(ranking.ids.tolist())
    np.testing.assert_allclose([sum(parts[id].values()) for id in ranking.ids.tolist()], ranking.scores, rtol=1e-6)


def test_several_words_count_as_one(filled):
    store, plain = filled
    words = ("owl", "fox", "cat")
    chunks = {number: chunk for number, (_, chunk) in plain.chunks().items()}
    often = {number: sum(word in words for word in chunk.text.split()) for number, chunk in chunks.items()}
    df, average = sum(map(bool, often.values())), sum(c.tokens for c in chunks.values()) / len(chunks)
    expected = {
        number: math.log(1 + (len(chunks) - df + 0.5) / (df + 0.5)) * tf / (tf + 1.2 * (0.25 + 0.75 * tokens / average))
        for number, tf in often.items()
        if tf
        for tokens in [chunks[number].tokens]
    }
    group = tuple(sorted(map(term_of, words)))
    ranking = store.search_lexical([group], np.ones(1, np.float32), k=500)
    assert_same(ranking, sorted(expected.items(), key=lambda item: (-np.float32(item[1]), item[0])))
    parts = store.lexical_parts([group, term_of("red")], np.array([2, 1], np.float32), ranking.ids)
    for number, score in as_pairs(ranking):
        assert parts[number][group] == pytest.approx(2 * score, rel=1e-6)
        assert (term_of("red") in parts[number]) == ("red" in chunks[number].text.split())


@pytest.mark.parametrize("text", [None, 'lang = "en"'])
def test_only_chunks_of_those_given_are_found_in_every_way(filled, text):
    store, plain = filled
    where = parse_filter(text) if text else None
    both = [term_of("owl"), term_of("runs")]
    among = store.having(both, where=where)
    assert among.tolist() == plain.having(both, where) != []
    expected = {number: one for number, one in plain.chunks(where).items() if number in among.tolist()}
    few = PlainStore()
    few.chunks = lambda given=None: plain.chunks() if given is None else expected  # scores know of all, hits do not
    query = np.random.default_rng(5).standard_normal(8).astype(np.float32)
    for k in (2, 500):
        for kept in (where, None):
            bounds = {"k": k, "where": kept, "among": among}
            words, sparse = query_of("red", "owl"), sparse_query("owl", "fox")
            assert_same(store.search_dense(query, **bounds), few.search_dense(query, k, "few"))
            assert_same(store.search_lexical(*words, **bounds), few.search_lexical(words, k, "few"))
            assert_same(store.search_sparse(*sparse, **bounds), few.search_sparse(sparse, k, "few"))
    nothing = np.empty(0, np.int64)
    assert len(store.search_dense(query, k=3, among=nothing).ids) == 0
    assert len(store.search_lexical(*query_of("red"), k=3, among=nothing).ids) == 0


def test_the_words_of_chunks_and_of_terms_are_told(filled):
    store, plain = filled
    chunks = plain.chunks()
    rows = store.word_rows([*list(chunks)[:7], 10**9])
    assert list(rows) == list(chunks)[:7]
    for number, row in rows.items():
        chunk = chunks[number][1]
        assert (row.terms.tolist(), row.counts.tolist(), row.tokens) == (
            chunk.terms.tolist(),
            chunk.counts.tolist(),
            chunk.tokens,
        )
    assert store.stems_of([term_of("owl"), term_of("unheard")]) == {term_of("owl"): "owl"}
    assert {word.stem: word.chunks for word in store.vocabulary().beginning("")} == plain.vocabulary()
    assert [word.term for word in store.vocabulary().beginning("ow")] == [term_of("owl")]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"stems": ["owl"]}, ShapeError, "a stem for each term, got 1 for 2"),
        ({"stems": ["owl", "owl"]}, SettingError, "is not the CRC-32 of its stem 'owl'"),
        ({"stems": ["\ud800", "owl"]}, SettingError, "lone surrogate"),
    ],
)
def test_stems_that_are_not_those_of_the_terms_are_refused(tmp_path, wrong, error, message):
    with open_store(tmp_path / "index", mode="write") as store:
        document = make_document("d", "owl fox")
        chunk = replace(document.chunks[0], **wrong)
        with pytest.raises(error, match=message):
            store.commit(Changes(documents=[replace(document, chunks=[chunk])]))
        assert (len(store), store.verify()) == (0, [])


@pytest.mark.parametrize("weights", [[np.nan], [-1.0], [np.inf]])
def test_weights_that_mean_nothing_are_refused(filled, weights):
    store, _ = filled
    with pytest.raises(SettingError, match="finite and not below 0"):
        store.search_lexical(query_of("red")[0], np.array(weights, np.float32), k=3)


def test_a_store_without_sparse_vectors_of_an_earlier_version_is_read_and_written(tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=some_documents(5)))
        store._connection.execute("DROP TABLE sparse")
    with open_store(tmp_path / "index", mode="read") as store:
        assert len(store.search_sparse(*sparse_query("red"), k=3).ids) == 0
        assert store.verify() == []
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=some_documents(2, seed=4)))
        assert sorted(store.search_sparse(*sparse_query(*WORDS), k=30).ids.tolist()) == [10, 11, 12]


@pytest.mark.parametrize("text", FILTERS)
def test_filtered_search_equals_the_plain_one(filled, text):
    store, plain = filled
    where = parse_filter(text)
    query = np.random.default_rng(3).standard_normal(8).astype(np.float32)
    for k in (3, 500):
        assert_same(store.search_dense(query, k=k, where=where), plain.search_dense(query, k, where))
        words = query_of("red", "cat")
        assert_same(store.search_lexical(*words, k=k, where=where), plain.search_lexical(words, k, where))


def test_equal_scores_go_to_the_lower_id(tmp_path, settings):
    with open_store(tmp_path / "index", mode="write", settings=settings) as store:
        store.commit(Changes(documents=[make_document(f"d{n}", "same words here") for n in range(97)]))
        store.optimize()
        query = make_chunk("same words here").vector
        assert store.search_dense(query, k=10).ids.tolist() == list(range(1, 11))
        assert store.search_lexical(*query_of("same"), k=10).ids.tolist() == list(range(1, 11))


def test_chunks_come_back_as_they_were(filled):
    store, plain = filled
    expected = plain.chunks()
    numbers = [*list(expected)[:5], 10**9, next(iter(expected))]
    found = store.fetch(numbers)
    assert [chunk.id for chunk in found] == [number for number in numbers if number in expected]
    for chunk in found:
        document, row = expected[chunk.id]
        assert (chunk.document_id, chunk.source, chunk.metadata) == (document.id, document.source, document.metadata)
        assert (chunk.text, chunk.start, chunk.end, chunk.heading) == (row.text, row.start, row.end, row.heading)


def test_counts_fields_and_hashes(filled):
    store, plain = filled
    assert len(store) == len(plain.chunks())
    assert store.document_count() == len(plain.documents)
    assert store.fields() == ["lang", "rare", "tags", "year"]
    assert store.document_hashes(["d0", "gone"]) == {"d0": plain.documents["d0"].content_hash}
    assert store.verify() == []


def test_a_vector_is_found_by_the_hash_of_its_text(filled):
    store, plain = filled
    (_, chunk), *_ = plain.chunks().values()
    found = store.vectors_of([chunk.embedded_hash, bytes(16)])
    assert list(found) == [chunk.embedded_hash]
    np.testing.assert_array_equal(found[chunk.embedded_hash], chunk.vector)


def test_files_and_their_documents(tmp_path):
    file = StoredFile(path="a", size_bytes=1, modified_ns=2, changed_ns=3, inode=4, sha256=b"5" * 32, checked_ns=6)
    with open_store(tmp_path / "index", mode="write") as store:
        documents = [make_document(id, id, file="a") for id in ("z", "b")] + [make_document("other", "text")]
        store.commit(Changes(files=[file], documents=documents))
        assert store.files() == {"a": file}
        assert store.documents_of("a") == ["z", "b"]
        store.commit(Changes(removed_files=["a"]))
        assert store.files() == {}
        assert store.document_count() == 1


def test_delete_says_how_many(tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=some_documents(5)))
        assert store.delete(["d1", "d2", "unheard"]) == 2
        assert store.document_count() == 3


def test_settings_are_kept(tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        assert store.read_setting("contract") is None
        store.write_setting("contract", "{}")
        store.write_setting("contract", '{"a": 1}')
    with open_store(tmp_path / "index", mode="read") as store:
        assert store.read_setting("contract") == '{"a": 1}'


def test_bm25_follows_its_settings(tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("a", "owl"), make_document("b", "owl " * 9)]))
        store.write_setting("bm25_b", "0")
        assert store.search_lexical(*query_of("owl"), k=2).ids.tolist() == [2, 1]
        store.write_setting("bm25_k1", "0")
        assert store.search_lexical(*query_of("owl"), k=2).ids.tolist() == [1, 2]


def test_an_empty_store_answers(tmp_path, settings):
    with open_store(tmp_path / "index", mode="write", settings=settings) as store:
        assert store.optimize() is False
        assert len(store.search_dense(np.ones(8, np.float32), k=3).ids) == 0
        assert len(store.search_lexical(*query_of("owl"), k=3, where=parse_filter("a = 1")).ids) == 0
        assert store.verify() == []


def test_a_document_without_words_or_chunks(tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("empty"), make_document("blank", ""), make_document("a", "owl")]))
        assert (len(store), store.document_count()) == (2, 3)
        assert store.search_lexical(*query_of("owl"), k=3).ids.tolist() == [2]


def test_nul_and_any_unicode_survive(tmp_path):
    text = "nul \0 and \U0001f9d1‍\U0001f4bb and ﷽"
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("a\0b", text, metadata={"k\0": "v\0w", "x": [None, {"y": 1}]})]))
        (chunk,) = store.fetch([1])
        assert (chunk.text, chunk.document_id) == (text, "a\0b")
        assert chunk.metadata == {"k\0": "v\0w", "x": [None, {"y": 1}]}
        assert store.delete(["a\0b"]) == 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (make_document("a", metadata={"x": float("nan")}), "not JSON"),
        (make_document("a", metadata={"x": 2**63}), "beyond 64 bits"),
        (make_document("a", metadata={"x": {1, 2}}), "not JSON"),
        (make_document("a", metadata={"x": "\ud800"}), "lone surrogate"),
        (make_document("\udcff", "text"), "lone surrogate"),
    ],
)
def test_what_can_not_be_kept_is_refused_whole(tmp_path, document, message):
    with open_store(tmp_path / "index", mode="write") as store:
        with pytest.raises(SettingError, match=message):
            store.commit(Changes(documents=[make_document("good", "text"), document]))
        assert store.document_count() == 0
        assert store.verify() == []


def test_wrong_shapes_are_refused(tmp_path):
    def with_vector(vector):
        row = make_document("a")
        return DocumentRow(
            id="v", source="", metadata={}, content_hash=b"", file=None, chunks=[*row.chunks, make_chunk("t", vector)]
        )

    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("a", "text")]))
        with pytest.raises(ShapeError, match=r"\(8,\)"):
            store.commit(Changes(documents=[with_vector(np.ones(9, np.float32))]))
        with pytest.raises(SettingError, match="NaN"):
            store.commit(Changes(documents=[with_vector(np.full(8, np.nan, np.float32))]))
        with pytest.raises(ShapeError, match=r"\(8,\)"):
            store.search_dense(np.ones(9, np.float32), k=1)
        with pytest.raises(SettingError, match="at least 1"):
            store.search_dense(np.ones(8, np.float32), k=0)
        with pytest.raises(SettingError, match="twice"):
            store.commit(Changes(documents=[make_document("b"), make_document("b")]))
        assert store.document_count() == 1


def test_one_and_true_are_not_mixed_up(tmp_path, settings):
    with open_store(tmp_path / "index", mode="write", settings=settings) as store:
        documents = [make_document(f"d{n}", "text", metadata={"x": (1, True)[n % 2]}) for n in range(60)]
        store.commit(Changes(documents=documents))
        store.optimize()
        for text, first in (("x = 1", 1), ("x = true", 2), ("x = 1.0", 1)):
            found = store.search_dense(np.ones(8, np.float32), k=50, where=parse_filter(text))
            assert found.ids.tolist() == list(range(first, 61, 2))


def test_an_unknown_field_is_refused_with_the_nearest(filled):
    store, _ = filled
    with pytest.raises(SettingError, match=r"Did you mean 'lang'\? Known: lang, rare, tags, year"):
        store.search_dense(np.ones(8, np.float32), k=1, where=parse_filter('lnag = "en"'))


def test_a_store_written_twice_is_the_same(tmp_path):
    dumps = []
    for name in ("one", "two"):
        with open_store(tmp_path / name, mode="write") as store:
            for seed in range(3):
                store.commit(Changes(documents=some_documents(12, seed=seed), removed_documents=[f"d{seed}"]))
            dumps.append(list(store._connection.iterdump()))
    assert dumps[0] == dumps[1]
