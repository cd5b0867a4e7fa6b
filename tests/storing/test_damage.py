"""A damaged database gives a typed error that names it, or the right answer; never a wrong one."""

import random
import shutil
import sqlite3

import numpy as np
import pytest
from plain_store import make_document, query_of

from likewise.errors import ArtifactError, LikewiseError
from likewise.storing import Changes, SqliteStore, open_store
from likewise.storing.database import DATABASE

QUERY = np.random.default_rng(1).standard_normal(8).astype(np.float32)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template") / "index"
    with open_store(folder, mode="write") as store:
        texts = [f"word{n % 5} and more number {n}" for n in range(120)]
        store.commit(Changes(documents=[make_document(f"d{n}", text) for n, text in enumerate(texts)]))
    return folder


@pytest.fixture
def folder(tmp_path, template):
    return shutil.copytree(template, tmp_path / "index")


def answers(store: SqliteStore) -> tuple:
    dense, lexical = store.search_dense(QUERY, k=9), store.search_lexical(*query_of("word3", "number"), k=9)
    return dense.ids.tolist(), dense.scores.tolist(), lexical.ids.tolist(), store.fetch([*dense.ids, *lexical.ids])


@pytest.mark.parametrize("size", [0, 1, 50, 100, 16_384, 60_000])
@pytest.mark.parametrize("mode", ["read", "write"])
def test_a_cut_database_is_refused(folder, size, mode):
    path = folder / DATABASE
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ArtifactError, match=DATABASE), open_store(folder, mode=mode) as store:
        answers(store)


def test_a_garbled_database_is_refused(folder):
    (folder / DATABASE).write_bytes(random.Random(1).randbytes(100_000))
    with pytest.raises(ArtifactError, match=f"{DATABASE}: the database is damaged"):
        open_store(folder, mode="read")


def flip_stored(folder, content: bytes) -> None:
    """Flip one bit of ``content`` where it stands in the database."""
    path = folder / DATABASE
    data = bytearray(path.read_bytes())
    place = data.index(content)
    data[place + len(content) // 2] ^= 4
    path.write_bytes(data)


def test_a_damaged_vector_is_an_error(folder):
    flip_stored(folder, make_document("", "word2 and more number 7").chunks[0].vector.tobytes())
    with open_store(folder, mode="read") as store:
        with pytest.raises(ArtifactError, match="the vector of chunk 8 is damaged"):
            store.search_dense(QUERY, k=1)
        with pytest.raises(ArtifactError, match="vector of chunk 8"):
            store.vectors_of([make_document("", "word2 and more number 7").chunks[0].embedded_hash])
        assert ["vector of chunk 8" in problem for problem in store.verify()] == [True]


def test_a_damaged_word_list_is_an_error(folder):
    flip_stored(folder, make_document("", "word2 and more number 7").chunks[0].terms.tobytes())
    with open_store(folder, mode="read") as store:
        with pytest.raises(ArtifactError, match="the word list of chunk 8 is damaged"):
            store.search_lexical(*query_of("number"), k=1)
        assert store.verify() != []


def test_a_damaged_stem_is_an_error(folder):
    path = folder / DATABASE
    connection = sqlite3.connect(path)
    connection.execute("UPDATE terms SET stem = 'nunber' WHERE stem = 'number'")
    connection.commit()
    connection.close()
    with open_store(folder, mode="read") as store:
        (term,) = query_of("number")[0].tolist()
        with pytest.raises(ArtifactError, match=f"the stem of term {term} is damaged"):
            store.vocabulary()
        with pytest.raises(ArtifactError, match=f"the stem of term {term} is damaged"):
            store.stems_of([term])
        assert store.verify() == [f"{path}: the checksum of the stem of term {term} does not match"]


def test_a_damaged_text_is_an_error(folder):
    flip_stored(folder, b"word4 and more number 119")
    with open_store(folder, mode="read") as store:
        with pytest.raises(ArtifactError, match="chunk 120 or its document is damaged"):
            store.fetch([120])
        assert len(store.fetch([7, 9])) == 2
        assert store.verify() != []


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_give_an_error_or_the_right_answer(folder, seed):
    with open_store(folder, mode="read") as store:
        expected = answers(store)
    path = folder / DATABASE
    data, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(20):
        data[chance.randrange(100, len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    try:
        with open_store(folder, mode="read") as store:
            found = answers(store)
            sound = store.verify() == []
    except LikewiseError:
        return
    assert found == expected or not sound
