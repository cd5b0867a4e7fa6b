"""A run that is killed at any moment, and what the next one makes of it."""

import random
import signal
import sqlite3
import subprocess
import sys

import pytest

import likewise as lw

# Commits of a few chunks, so that there are many moments between them; the runs that are not killed make large ones.
CHILD = """
import sys
import likewise as lw
from likewise.searching import adding

adding._COMMIT_CHUNKS = 8
lw.Index(sys.argv[1]).add(lw.read(sys.argv[2]), progress=lambda what, done, total: print(done, flush=True))
"""
FILES = 90
DOCUMENTS = "SELECT id, source, metadata, hex(content_hash), file FROM documents ORDER BY id"
CHUNKS = """
SELECT d.id, c.start, c.end, c.text, c.heading, hex(v.embedded_hash), hex(v.vector), hex(w.terms), hex(w.counts)
FROM chunks c JOIN documents d ON d.number = c.document
JOIN vectors v ON v.chunk = c.number JOIN words w ON w.chunk = c.number
ORDER BY d.id, c.start
"""
SETTINGS = "SELECT name, value FROM settings ORDER BY name"
SEEN = "SELECT path, size_bytes, hex(sha256) FROM files ORDER BY path"


@pytest.fixture
def many(tmp_path, sentences):
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(FILES):
        lines = sentences[number : number + 4]
        (folder / f"{number:03}.md").write_text(f"# Note {number}\n\n" + "\n\n".join(lines) + "\n")
    (folder / "017.pdf").write_bytes(b"%PDF-1.4 nothing")
    return folder


def rows(path):
    connection = sqlite3.connect(path / "store.sqlite3")
    found = [connection.execute(sql).fetchall() for sql in (DOCUMENTS, CHUNKS, SETTINGS, SEEN)]
    connection.close()
    return found


def start(path, documents):
    command = [sys.executable, "-c", CHILD, str(path), str(documents)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kills", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_a_run_that_was_killed_goes_on_and_ends_as_if_it_had_not_been(many, tmp_path, encoder, kills):
    chance = random.Random(11)
    reached = []
    for kill in range(kills):
        child = start(tmp_path / "killed", many)
        assert child.stdout is not None
        # Files that a run before has committed pass by at once: aim a little further each time, and between two lines.
        for _ in range(chance.randint(1, FILES * (kill + 1) // kills)):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        with lw.Index(tmp_path / "killed") as index:
            reached.append(len(index))
            assert not reached[-1] or index.verify() == []
    assert reached == sorted(reached)  # nothing that was committed is lost
    assert reached[0] < FILES
    assert reached[-1] > 0
    last = lw.Index(tmp_path / "killed").add(lw.read(many))
    assert last.added == FILES - reached[-1]  # nothing is done twice
    whole = lw.Index(tmp_path / "whole").add(lw.read(many))
    assert (whole.added, last.skipped) == (FILES, whole.skipped)
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")
