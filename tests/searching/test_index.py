"""Searching: hits that can be traced, refusals that say why, and several processes at once."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tiny_model import write_model

import likewise as lw
from likewise.chunking import ChunkSettings
from likewise.encoding.contract import CANARIES
from likewise.errors import ArtifactError, ContractError, LockedError, SettingError
from likewise.searching import own_models
from likewise.searching.fusion import FUSIONS
from likewise.searching.settings import SearchSettings
from likewise.storing import open_store


@pytest.fixture(scope="module")
def ready(kept):
    """The index of the small folder, for tests that only read it."""
    with lw.Index(kept / "index") as index:
        yield index


QUESTION = "I forgot my password"


def test_a_question_in_other_words_finds_its_answer(ready, kept):
    first = ready.search("how do I get back into my account", k=3)[0]
    assert first.source == str(kept / "documents" / "account.md")
    assert first.heading == ("Account", "Lost password")
    assert first.metadata["name"] == "account.md"


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_hits_can_be_traced(ready, kept, mode):
    texts = {document.id: document.text for document in lw.read(kept / "documents")}
    hits = ready.search(QUESTION, k=50, mode=mode)
    assert hits
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len({hit.chunk_id for hit in hits}) == len(hits)
    for hit in hits:
        assert hit.text == texts[hit.document_id][hit.start : hit.end]
    expected = {"dense", "lexical"} if mode == "hybrid" else {mode}
    assert {name for hit in hits for name in hit.ranks} == expected
    for name in expected:  # a retriever's ranks are those of its own scores, from 1 on
        ranks = sorted(hit.ranks[name] for hit in hits if name in hit.ranks)
        assert [rank for rank, _ in ranks] == list(range(1, len(ranks) + 1))
        assert [score for _, score in ranks] == sorted((score for _, score in ranks), reverse=True)
    assert ready.search(QUESTION, k=50, mode=mode) == hits
    assert ready.search(QUESTION, k=2, mode=mode) == hits[:2]


def test_a_hybrid_score_is_what_its_ranks_give(ready):
    by_rank = SearchSettings(fusion="reciprocal_rank", smoothing=0)
    for hit in ready.search(QUESTION, k=50, settings=by_rank):
        expected = sum({"dense": 1.0, "lexical": 0.6}[name] / (5 + rank) for name, (rank, _) in hit.ranks.items())
        assert hit.score == pytest.approx(expected, rel=1e-5)


def test_a_hybrid_score_is_the_sum_of_its_scores_as_evidence(ready, encoder):
    canaries = encoder.encode(CANARIES, role="query")
    unrelated = (canaries @ canaries.T)[np.triu_indices(3, 1)].mean()
    hits = ready.search(QUESTION, k=50, settings=SearchSettings(smoothing=0))
    assert any("lexical" in hit.ranks for hit in hits)
    for hit in hits:
        cosine, words = hit.ranks["dense"][1], hit.ranks.get("lexical", (0, 0.0))[1]
        expected = (cosine - unrelated) / (1 - unrelated) + FUSIONS["scores"].other * words
        assert hit.score == pytest.approx(expected, rel=1e-4)


def test_dense_scores_are_cosines_to_the_query(ready, encoder):
    hits = ready.search(QUESTION, k=50, mode="dense")
    query = encoder.encode([QUESTION], role="query")[0]
    shown = [f"{' > '.join(hit.heading)}\n{hit.text}" if hit.heading else hit.text for hit in hits]
    vectors = encoder.encode(shown, role="document")
    assert np.allclose([hit.score for hit in hits], vectors @ query, atol=0.02)


def test_filters_keep_only_what_matches(ready):
    names = {hit.metadata["name"] for hit in ready.search(QUESTION, k=50, where='extension = "txt"')}
    assert names == {"owls.txt", "watering.txt"}
    recent = ready.search("engineer", k=50, where="year >= 2020 and not year = 2021")
    assert [hit.document_id.rsplit("#")[-1] for hit in recent] == ["3"]
    assert ready.search(QUESTION, where='extension = "nothing"') == []


def test_equal_chunks_come_in_the_order_they_were_added(tmp_path, encoder):
    index = lw.Index(tmp_path / "index")
    index.add(lw.Document(id=name, text="The same text.") for name in "dbca")
    for mode in ("hybrid", "dense", "lexical"):
        hits = index.search("same text", mode=mode)
        assert [hit.document_id for hit in hits] == list("dbca")
        assert len({hit.score for hit in hits}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": " \n\t"}, "the query is blank"),
        ({"query": ""}, "the query is blank"),
        ({"query": "owl", "k": 0}, "k is 0; it must be a whole number, at least 1"),
        ({"query": "owl", "k": -1}, "k is -1"),
        ({"query": "owl", "k": 2.5}, "k is 2.5"),
        ({"query": "owl", "mode": "words"}, "mode is 'words'; it must be 'hybrid', 'dense', 'lexical' or 'sparse'"),
        ({"query": "owl", "where": "year >="}, "year"),
        ({"query": "owl", "where": "yeer = 2020"}, "Did you mean 'year'"),
    ],
)
def test_a_wrong_search_is_refused(ready, arguments, message):
    with pytest.raises(SettingError, match=message):
        ready.search(**arguments)


@pytest.mark.parametrize("query", ["\x00", "\ud800 owl", "?!", "the of and", "owl " * 2000, "🦉" * 300])
def test_any_query_that_is_not_blank_gets_an_answer(ready, query):
    assert len(ready.search(query, k=3)) == 3


def test_an_empty_index_has_no_hits_and_a_missing_one_is_an_error(tmp_path, encoder):
    index = lw.Index(tmp_path / "index")
    assert len(index) == 0
    for use in (index.verify, index.contract, index.compact, lambda: index.search("owl"), lambda: index.delete(["a"])):
        with pytest.raises(ArtifactError, match="is no index"):
            use()
    assert not index.path.exists()
    index.add([])
    assert (index.search("owl"), len(index), index.verify()) == ([], 0, [])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(ArtifactError, match=r"is no index and not empty"):
        lw.Index(tmp_path / "mine").add([])


def test_what_is_deleted_and_compacted_is_in_no_file(index, folder):
    secret = "Zanzibar cinnamon"
    (folder / "secret.txt").write_text(f"{secret} is what nobody may know.")
    index.add(lw.read(folder))
    assert any(secret.encode() in path.read_bytes() for path in index.path.rglob("*") if path.is_file())
    with pytest.raises(SettingError, match=r"use delete\(\['a'\]\)"):
        index.delete("a")
    assert index.delete([str(folder / "secret.txt"), "unknown"]) == 1
    assert index.search(secret, mode="lexical") == []
    index.compact()
    for path in index.path.rglob("*"):
        if path.is_file():
            assert b"Zanzibar" not in path.read_bytes()
            assert b"cinnamon" not in path.read_bytes()
    assert (len(index), index.verify()) == (7, [])
    assert index.search(QUESTION, k=1)[0].metadata["name"] == "account.md"


def set_setting(folder, name, change):
    with open_store(folder, mode="write") as store:
        store.write_setting(name, change(store.read_setting(name)))


def altered(name, value):
    return lambda text: json.dumps({**json.loads(text), name: value})


@pytest.mark.parametrize(("name", "value"), [("weights", "0" * 64), ("pooling", "cls"), ("max_tokens", 128)])
def test_vectors_of_another_encoder_are_refused_by_name(copied, name, value):
    set_setting(copied, "contract", altered(name, value))
    index = lw.Index(copied)
    message = rf"holds vectors of another encoder \({name}: "
    for mode in ("hybrid", "dense"):
        with pytest.raises(ContractError, match=message):
            index.search("owl", mode=mode)
    with pytest.raises(ContractError, match=message):
        index.add([lw.Document(id="new", text="new")])
    assert (len(index), index.verify()) == (7, [])


def test_another_model_or_precision_than_the_indexs_own_is_refused(copied, model):
    with pytest.raises(ContractError, match="precision: float32 here, int8 there"):
        lw.Index(copied, precision="float32").search("owl")
    with pytest.raises(ContractError, match=r"weights: .*tokenizer: .*dimension: 24 here, 384 there"):
        lw.Index(copied, model=model).add([lw.Document(id="new", text="new")])


def test_an_index_remembers_its_own_model_and_precision(tmp_path, model, exact_encoder):
    lw.Index(tmp_path / "one", model=model).add([lw.Document(id="a", text="abc")])
    assert lw.Index(tmp_path / "one").search("abc")[0].document_id == "a"
    lw.Index(tmp_path / "two", precision="float32").add([lw.Document(id="a", text="abc")])
    again = lw.Index(tmp_path / "two")
    assert again.search("abc")[0].document_id == "a"
    assert again.contract() == exact_encoder.contract


def test_canaries_that_changed_are_refused(copied):
    def turned(text):
        return json.dumps([vector[::-1] for vector in json.loads(text)])

    set_setting(copied, "canaries", turned)
    for _ in range(2):
        with pytest.raises(ContractError, match=r"no longer gives the same vectors \(canary cosine"):
            lw.Index(copied).search("owl")
    assert lw.Index(copied).search("owls", mode="lexical")  # words need no vectors


def test_words_of_another_analyzer_are_refused(copied):
    set_setting(copied, "analyzer", lambda _: "klingon-9")
    with pytest.raises(ArtifactError, match="holds words of analyzer klingon-9"):
        lw.Index(copied).search("owl")


def test_another_way_of_cutting_is_refused(copied):
    lw.Index(copied, chunks=ChunkSettings()).add([])
    with pytest.raises(SettingError, match=r"was made with .*max_tokens=200.*, not .*max_tokens=100.*another folder"):
        lw.Index(copied, chunks=ChunkSettings(max_tokens=100)).add([])


def test_a_damaged_index_is_a_typed_error_and_verify_says_where(copied):
    connection = sqlite3.connect(copied / "store.sqlite3")
    connection.execute("UPDATE vectors SET vector = zeroblob(length(vector)) WHERE chunk = 2")
    connection.commit()
    connection.close()
    assert "vector of chunk 2" in lw.Index(copied).verify()[0]
    (copied / "store.sqlite3").write_bytes(b"SQLite format 3\x00" + b"?" * 5000)
    with pytest.raises(ArtifactError, match=r"store.sqlite3"):
        lw.Index(copied).search("owl")


def test_a_second_writer_is_refused_and_a_reader_sees_each_commit(index):
    with lw.Index(index.path) as reader:
        assert len(reader.search("owl", k=50, mode="lexical")) == 1
        with open_store(index.path, mode="write"):
            with pytest.raises(LockedError, match="another process is writing"):
                index.add([lw.Document(id="new", text="An owl.")])
            with pytest.raises(LockedError):
                index.delete(["a"])
            assert len(reader.search("owl", k=50, mode="lexical")) == 1
        index.add([lw.Document(id="new", text="An owl.")])
        assert len(reader.search("owl", k=50, mode="lexical")) == 2
        assert reader.search("owl", k=1, mode="dense")[0].document_id == "new"


def test_the_model_is_loaded_once_and_not_for_words(kept, monkeypatch, encoder):
    loads = []
    monkeypatch.setattr(own_models, "load", lambda *_, **__: loads.append(1) or encoder)
    index = lw.Index(kept / "index")
    index.search("owls", mode="lexical")
    assert loads == []
    for _ in range(3):
        index.search("owls")
    assert loads == [1]


def test_searching_a_ready_index_imports_no_parser_and_records_no_network(kept, encoder):
    code = (
        "import sys, json, likewise; likewise.Index(sys.argv[1]).search('owl');"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    run = subprocess.run([sys.executable, "-c", code, kept / "index"], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert {"openvino", "tokenizers", "sqlite3"} <= loaded
    assert not loaded & {"onnx", "torch", "transformers", "pypdf", "docx", "selectolax", "rich", "typer", "tree_sitter"}


def test_an_index_is_opened_again_with_the_revision_it_was_made_with(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    place = tmp_path / "hub" / "models--intfloat--e5-small-v2"
    (place / "refs").mkdir(parents=True)
    commits = {"main": "a" * 40, "v2": "b" * 40}
    for name, commit in commits.items():
        write_model(place / "snapshots" / commit, pooling="mean" if name == "main" else "cls")
        (place / "refs" / name).write_text(commit)
    documents = [lw.Document(id=name, text=f"{name} {name}") for name in "abc"]
    source = lw.Source(revision="v2", offline=True)
    with lw.Index(tmp_path / "index", model="e5-small-v2", precision="int4", source=source) as index:
        index.add(documents)
        assert (index.contract().pooling, index.contract().precision) == ("cls", "int4")
    (place / "refs" / "v2").unlink()  # what is kept is the commit
    with lw.Index(tmp_path / "index") as index:
        assert {hit.document_id for hit in index.search("a", mode="dense")} == set("abc")
    with lw.Index(tmp_path / "index", model="e5-small-v2") as index:
        assert index.add(documents).unchanged == 3
    index = lw.Index(tmp_path / "index", source=lw.Source(revision="main"))
    with index, pytest.raises(ContractError, match="pooling: mean here, cls there"):
        index.search("a", mode="dense")


def test_an_index_finds_its_models_folder_from_anywhere(model, tmp_path, monkeypatch):
    monkeypatch.chdir(model.parent)
    with lw.Index("index", model=model.name, precision="float32") as index:
        index.add([lw.Document(id="a", text="abc")])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with lw.Index(model.parent / "index") as index:
        assert index.search("abc", mode="dense")[0].document_id == "a"


def test_contracts_are_equal_only_as_a_whole(ready, encoder):
    assert ready.contract() == encoder.contract != replace(encoder.contract, pooling="cls")
