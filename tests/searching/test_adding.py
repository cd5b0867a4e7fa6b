"""Adding: only what changed is worked on, and the index is what the files are."""

import os
import shutil
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.encoding.encoder import Encoder
from likewise.errors import SettingError
from likewise.searching import adding
from likewise.storing import open_store


@pytest.fixture
def embedded(monkeypatch):
    """Every text that an encoder is given as a document."""
    texts = []
    real = Encoder.encode_counted

    def encode_counted(self, given, *, role, overflow="error"):
        texts.extend(given if role == "document" else [])
        return real(self, given, role=role, overflow=overflow)

    monkeypatch.setattr(Encoder, "encode_counted", encode_counted)
    return texts


def ids(index):
    """The documents of an index, by the end of their name."""
    hits = index.search("owl engineer gardener password tank tomatoes support badger", k=1000, mode="dense")
    return sorted({Path(hit.document_id).name for hit in hits})


ALL = ["account.md", "owls.txt", "staff.csv#1", "staff.csv#2", "staff.csv#3", "tool.py", "watering.txt"]


def test_a_folder_is_indexed_and_again_at_no_cost(index, folder, no_model, monkeypatch):
    assert (len(index), index.verify()) == (7, [])
    again = index.add(lw.read(folder))
    assert (again.files, again.unchanged, again.added, again.removed, again.chunks, again.tokens) == (5, 0, 0, 0, 0, 0)
    # Files just written may change within the clock's tick, so they were opened once more; when settled they are not.
    monkeypatch.setattr(adding, "_SETTLED_NS", -1)
    index.add(lw.read(folder))
    monkeypatch.setattr("likewise.reading.Reading.digest", lambda *_: pytest.fail("a file was opened"))
    assert index.add(lw.read(folder)).unchanged == 5
    assert len(index) == 7


def test_what_a_run_reports_is_what_it_did(folder, tmp_path, embedded):
    calls = []
    report = lw.Index(tmp_path / "index").add(lw.read(folder), progress=lambda *call: calls.append(call))
    assert (report.files, report.added, report.removed, report.reused, report.dropped_tokens) == (5, 7, 0, 0, 0)
    assert report.chunks == len(embedded)
    assert report.tokens > 100
    assert report.skipped == []
    assert [call[1:] for call in calls if call[0] == "indexing"] == [(n, 5) for n in range(6)]


def test_only_what_changed_is_embedded(index, folder, embedded):
    (folder / "garden" / "owls.txt").write_text("Badgers dig at dusk.")
    report = index.add(lw.read(folder))
    assert (report.added, embedded) == (1, ["Badgers dig at dusk."])
    assert ids(index) == ALL
    assert index.search("badger dusk", k=1)[0].text == "Badgers dig at dusk."
    assert index.search("barn owls voles", mode="lexical") == []


def test_only_the_changed_row_of_a_table_is_embedded(index, folder, embedded):
    table = folder / "staff.csv"
    table.write_text(table.read_text().replace("gardener", "beekeeper"))
    report = index.add(lw.read(folder))
    assert (report.added, report.removed, len(embedded)) == (1, 0, 1)
    assert "beekeeper" in embedded[0]
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:2]))
    report = index.add(lw.read(folder))
    assert (report.added, report.removed, len(embedded)) == (0, 2, 1)
    assert ids(index) == [name for name in ALL if name not in ("staff.csv#2", "staff.csv#3")]


def test_a_touched_file_with_the_same_content_costs_no_model(index, folder, no_model):
    os.utime(folder / "account.md", (1, 1))
    report = index.add(lw.read(folder))
    assert (report.added, report.removed, len(index)) == (0, 0, 7)


def test_a_removed_file_is_removed(index, folder, no_model):
    (folder / "garden" / "owls.txt").unlink()
    shutil.rmtree(folder / "garden")
    report = index.add(lw.read(folder))
    assert (report.removed, len(index)) == (2, 5)
    assert index.search("barn owls voles", mode="lexical") == []


def test_a_moved_file_keeps_its_vectors(index, folder, embedded):
    before = index.search("owls", k=1, mode="dense")[0]
    (folder / "garden" / "owls.txt").rename(folder / "birds.txt")
    report = index.add(lw.read(folder))
    assert (report.added, report.removed, report.reused, embedded) == (1, 1, 1, [])
    after = index.search("owls", k=1, mode="dense")[0]
    assert after.source == str(folder / "birds.txt")
    assert (after.text, after.score) == (before.text, before.score)


def test_other_folders_stay_when_one_is_added(index, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "badgers.txt").write_text("Badgers dig at dusk.")
    (other / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    assert [skipped.path for skipped in index.add(lw.read(other)).skipped] == [str(other / "broken.pdf")]
    index.add(lw.read(folder / "garden"))
    assert ids(index) == sorted([*ALL, "badgers.txt"])
    assert [skipped.path for skipped in index.add(lw.read(other)).skipped] == [str(other / "broken.pdf")]


@pytest.mark.parametrize("settled", [True, False])
def test_a_file_that_can_not_be_read_is_in_every_report_and_read_once(index, folder, monkeypatch, settled):
    if settled:
        monkeypatch.setattr(adding, "_SETTLED_NS", -1)
    broken = folder / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4 nothing")
    (folder / "empty.txt").write_text("")
    first = index.add(lw.read(folder)).skipped
    assert sorted(Path(skipped.path).name for skipped in first) == ["broken.pdf", "empty.txt"]
    for touch in (False, True, False):
        if touch:
            os.utime(broken, (1, 1))
        again = index.add(lw.read(folder)).skipped
        assert sorted(again, key=lambda s: s.path) == sorted(first, key=lambda s: s.path)
    (folder / "empty.txt").write_text("Badgers dig at dusk.")
    broken.unlink()
    assert index.add(lw.read(folder)).skipped == []
    assert index.add(lw.read(folder)).skipped == []
    assert ids(index) == sorted([*ALL, "empty.txt"])
    broken.write_bytes(b"%PDF-1.4 nothing")
    assert len(index.add(lw.read(folder)).skipped) == 1
    (folder / "tool.py").write_text("")  # one that was good and is no more: what it said is gone
    assert len(index.add(lw.read(folder)).skipped) == 2
    assert "tool.py" not in ids(index)


def test_a_file_that_is_too_large_now_keeps_what_is_known_of_it(index, folder):
    report = index.add(lw.read(folder, max_bytes=70))
    assert {Path(skipped.path).name for skipped in report.skipped} > {"account.md"}
    assert (report.removed, ids(index)) == (0, ALL)


def test_documents_of_ones_own_are_added_and_replaced(tmp_path, encoder, embedded):
    index = lw.Index(tmp_path / "index")
    first = [lw.Document(id="a", text="An owl.", metadata={"year": 2020}), lw.Document(id="b", text="A vole.")]
    assert index.add(first).added == 2
    report = index.add(iter(first))
    assert (report.unchanged, report.added, embedded) == (2, 0, ["An owl.", "A vole."])
    report = index.add([lw.Document(id="a", text="An owl.", metadata={"year": 2021})])
    assert (report.added, report.reused, len(embedded), len(index)) == (1, 1, 2, 2)
    (hit,) = index.search("owl", where="year = 2021")
    assert (hit.document_id, hit.source, hit.metadata) == ("a", "a", {"year": 2021})
    assert index.add([lw.Document(id="blank", text=" \n")]).chunks == 0
    assert (len(index), index.add([]).added) == (3, 0)


def test_of_documents_with_one_id_the_last_one_stays(tmp_path, encoder):
    """However often they are added: no run may put the first one back because the last one is known."""
    twice = [lw.Document(id="a", text="An owl."), lw.Document(id="b", text="Tea."), lw.Document(id="a", text="A vole.")]
    index = lw.Index(tmp_path / "index")
    for _ in range(3):
        index.add(twice)
        assert sorted(hit.text for hit in index.search("animal", mode="dense")) == ["A vole.", "Tea."]


def test_what_is_no_document_is_refused_with_the_right_spelling(tmp_path, encoder):
    index = lw.Index(tmp_path / "index")
    for wrong, message in (
        ("notes", r"add\(\[Document"),
        (lw.Document(id="a", text="b"), r"add\(\[Document"),
        (["a text"], "takes Documents, got str"),
    ):
        with pytest.raises(SettingError, match=message):
            index.add(wrong)


@pytest.mark.parametrize("text", ["\x00", "owl " * 3000, "o" * 100_000, "🦉"])
def test_any_text_can_be_added_and_cut_nowhere(tmp_path, encoder, text):
    index = lw.Index(tmp_path / "index")
    document = lw.Document(id="a", text=text)
    report = index.add([document])
    assert (report.added, report.dropped_tokens) == (1, 0)
    hits = index.search("owl", k=1000, mode="dense")
    assert len(hits) == report.chunks >= 1
    assert all(hit.text == text[hit.start : hit.end] for hit in hits)
    assert index.add([document]).unchanged == 1


def test_what_can_not_be_kept_is_refused_and_nothing_of_it_stays(tmp_path, encoder):
    index = lw.Index(tmp_path / "index")
    good = lw.Document(id="a", text="An owl.")
    for bad in (
        lw.Document(id="b", text="a \ud800 b"),
        lw.Document(id="\ud800", text="b"),
        lw.Document(id="b", text="b", metadata={"when": object()}),
    ):
        with pytest.raises(SettingError):
            index.add([good, bad])
    assert (len(index), index.add([good]).added, index.verify()) == (0, 1, [])


def test_documents_indexed_whole_count_what_the_model_did_not_see(tmp_path, encoder):
    index = lw.Index(tmp_path / "index", chunks=ChunkSettings(way="whole"))
    report = index.add([lw.Document(id="a", text="owl " * 1000)])
    assert (report.chunks, report.tokens, report.dropped_tokens) == (1, 256, 746)


def test_a_vector_is_that_of_the_text_under_its_heading(index, encoder):
    hit = next(hit for hit in index.search("password", mode="dense") if "sign-in" in hit.text)
    assert hit.heading == ("Account", "Lost password")
    with open_store(index.path, mode="read") as store:
        for text, known in ((f"Account > Lost password\n{hit.text}", True), (hit.text, False)):
            assert bool(store.vectors_of([blake2b(text.encode(), digest_size=16).digest()])) == known
    query, under = encoder.encode(["password", f"Account > Lost password\n{hit.text}"], role="document")
    assert hit.score == pytest.approx(np.dot(query, under), abs=0.02)
