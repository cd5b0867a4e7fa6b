"""Several processes, killed processes, and disks that refuse."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from plain_store import make_chunk, make_document, query_of

from likewise.errors import ArtifactError, LockedError, SettingError, StorageError
from likewise.storing import Changes, StoreSettings, open_store
from likewise.storing.database import DATABASE

BATCH = 20
WRITER = """
import sys
from plain_store import make_document
from likewise.storing import Changes, StoreSettings, open_store

def rows(batch):
    return range(max(batch, 0) * SIZE, (batch + 1) * SIZE if batch >= 0 else 0)

store = open_store(sys.argv[1], mode="write", settings=StoreSettings(engine_threshold=60))
SIZE = int(sys.argv[2])
print("open", flush=True)
batch = store.document_count() // SIZE
while True:
    # Each batch adds documents and rewrites those of the batch before, so that half a batch would show.
    both = (*rows(batch - 1), *rows(batch))
    store.commit(Changes(documents=[make_document(f"d{n}", f"batch{batch} row{n}") for n in both]))
    print(batch, flush=True)
    batch += 1
    if batch % 7 == 0:
        store.optimize()
"""


def start_writer(folder: Path) -> subprocess.Popen:
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here.parent), str(here.parents[2])])}
    command = [sys.executable, "-c", WRITER, str(folder), str(BATCH)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)


def kill_after(writer: subprocess.Popen, seconds: float) -> int:
    """Kill the writer and its children after a while; returns the last batch that it said was committed."""
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    time.sleep(seconds)
    os.killpg(writer.pid, signal.SIGKILL)
    lines = writer.stdout.read().split("\n")
    writer.stdout.close()
    writer.wait()
    return int(lines[-2]) if len(lines) > 1 else -1  # what follows the last newline was cut off


def check_after_kill(folder: Path, acknowledged: int) -> None:
    with open_store(folder, mode="write", settings=StoreSettings(engine_threshold=60)) as store:
        assert store.verify() == []
        count = store.document_count()
        assert count % BATCH == 0  # no half batch
        last = count // BATCH - 1
        assert last in (acknowledged, acknowledged + 1)  # nothing lost; one may have been committed unsaid
        texts = {chunk.document_id: chunk.text for chunk in store.fetch(range(1, 10**4))}
        for number in range(count):
            rewritten = min(number // BATCH + 1, last)
            assert texts[f"d{number}"] == f"batch{rewritten} row{number}"
        if count:
            query = make_chunk(texts["d3"])
            assert store.fetch(store.search_dense(query.vector, k=1).ids)[0].text == texts["d3"]
            assert store.fetch(store.search_lexical(*query_of("row3"), k=1).ids)[0].document_id == "d3"


@pytest.mark.parametrize("rounds", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_killed_writer_loses_nothing_it_acknowledged(tmp_path, rounds):
    chance = random.Random(rounds)
    acknowledged = -1
    for _ in range(rounds):
        said = kill_after(start_writer(tmp_path / "index"), chance.uniform(0.0, 0.4))
        acknowledged = max(said, acknowledged)
        check_after_kill(tmp_path / "index", acknowledged)
        with open_store(tmp_path / "index", mode="read") as store:
            acknowledged = store.document_count() // BATCH - 1


def test_a_reader_sees_whole_commits_while_another_process_writes(tmp_path):
    writer = start_writer(tmp_path / "index")
    try:
        assert writer.stdout is not None
        assert [writer.stdout.readline() for _ in range(2)] == ["open\n", "0\n"]
        seen = set()
        with open_store(tmp_path / "index", mode="read") as store:
            until = time.monotonic() + 1.0
            while time.monotonic() < until:
                found = store.search_dense(np.ones(8, np.float32), k=10**6)
                assert len(found.ids) % BATCH == 0
                seen.add(len(found.ids))
        assert len(seen) > 1
        with pytest.raises(LockedError, match="Wait until it is done"):
            open_store(tmp_path / "index", mode="write")
    finally:
        kill_after_start(writer)


def kill_after_start(writer: subprocess.Popen) -> None:
    os.killpg(writer.pid, signal.SIGKILL)
    if writer.stdout is not None:
        writer.stdout.close()
    writer.wait()


def test_a_second_writer_in_the_same_process_is_refused_too(tmp_path):
    with open_store(tmp_path / "index", mode="write"), pytest.raises(LockedError):
        open_store(tmp_path / "index", mode="write")
    open_store(tmp_path / "index", mode="write").close()  # the lock went with the first


def test_a_reader_can_not_write(tmp_path):
    open_store(tmp_path / "index", mode="write").close()
    with open_store(tmp_path / "index", mode="read") as store, pytest.raises(SettingError, match="open for reading"):
        store.delete(["a"])


def test_what_is_no_index_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for mode in ("read", "write"):
        with pytest.raises(ArtifactError, match="is no index"):
            open_store(tmp_path, mode=mode)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(ArtifactError, match="is no index"):
        open_store(tmp_path / "missing", mode="read")
    with pytest.raises(StorageError):
        open_store(tmp_path / "notes.txt", mode="write")


@pytest.mark.parametrize(
    ("pragma", "message"),
    [
        ("user_version = 99", "Upgrade"),
        ("user_version = 1", "index the documents anew"),
        ("application_id = 1", "not of a"),
    ],
)
def test_a_foreign_or_newer_or_older_database_is_refused(tmp_path, pragma, message):
    open_store(tmp_path / "index", mode="write").close()
    connection = sqlite3.connect(tmp_path / "index" / DATABASE)
    connection.execute(f"PRAGMA {pragma}")
    connection.close()
    for mode in ("read", "write"):
        with pytest.raises(ArtifactError, match=message):
            open_store(tmp_path / "index", mode=mode)


def test_a_full_database_keeps_what_it_had(tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("first", "kept")]))
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StorageError, match="full"):
            store.commit(Changes(documents=[make_document(f"d{n}", "text " * 5_000) for n in range(20)]))
        assert (store.document_count(), store.verify()) == (1, [])
        assert store.search_lexical(*query_of("kept"), k=3).ids.tolist() == [1]
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.commit(Changes(documents=[make_document("second", "kept too")]))
        assert store.document_count() == 2


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte that can be made read-only; needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_keeps_what_it_had(small_disk):
    with open_store(small_disk / "index", mode="write") as store:
        committed = 0
        with pytest.raises(StorageError, match="full"):
            for committed in range(100):
                store.commit(Changes(documents=[make_document(f"d{committed}", os.urandom(5_000).hex())]))
        assert committed > 2
        assert (store.document_count(), store.verify()) == (committed, [])
    with open_store(small_disk / "index", mode="read") as store:
        assert (store.document_count(), store.verify()) == (committed, [])


def test_a_read_only_disk_can_be_read(small_disk):
    with open_store(small_disk / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("a", "owl")]))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with open_store(small_disk / "index", mode="read") as store:
        assert store.search_lexical(*query_of("owl"), k=3).ids.tolist() == [1]
        assert store.verify() == []
    with pytest.raises(StorageError, match="can't be written to"):
        open_store(small_disk / "index", mode="write")


def test_a_read_only_disk_with_commits_in_the_log_says_so(small_disk, tmp_path):
    with open_store(tmp_path / "index", mode="write") as store:
        store.commit(Changes(documents=[make_document("a", "owl")]))
        for name in (DATABASE, f"{DATABASE}-wal"):
            (small_disk / name).write_bytes((tmp_path / "index" / name).read_bytes())
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StorageError, match="Open the index once where it can be written to"):
        open_store(small_disk, mode="read")
