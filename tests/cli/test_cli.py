"""The command as a person and a script use it: what goes to stdout, what to stderr, and the exit code."""

import json
import os
import subprocess
import sys
from dataclasses import fields

import pytest
from tiny_model import write_model
from tiny_outputs import MULTI_VECTOR

import likewise as lw
from likewise.cli._app import COMMANDS
from likewise.searching.adding import AddReport
from likewise.storing import open_store
from likewise.types import Hit


@pytest.fixture
def notes(tmp_path, encoder):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "owls.md").write_text("# Owls\n\nBarn owls hunt voles at night.\n")
    (folder / "tea.txt").write_text("Tea is best in the morning.")
    return folder


@pytest.fixture
def ready(notes, run):
    """``notes`` with an index inside, which no later command needs to change."""
    assert run("search", notes, "owl")[0] == 0
    return notes


def test_a_folder_is_indexed_when_it_is_searched_and_only_the_first_time(run, notes, monkeypatch):
    code, out, err = run("search", notes, "what do birds of prey eat", "-k", 1)
    assert code == 0
    assert out[0] == f"1. {notes / 'owls.md'}  Owls"
    assert "Barn owls hunt voles at night." in out[-2]
    assert err[-1].startswith(f"{notes}: 2 files, 0 unchanged, 2 documents added, 2 chunks")
    code, again, err = run("search", notes, "what do birds of prey eat", "-k", 1)
    assert (code, again, err) == (0, out, [])
    monkeypatch.chdir(notes)
    assert run("search", ".", "birds of prey", "-k", 1)[1][0] == "1. owls.md  Owls"
    assert (notes / ".likewise" / ".gitignore").read_text() == "*\n"


def test_json_lines_hold_the_hit_and_nothing_else_is_on_stdout(run, notes):
    for _ in range(2):  # the run that indexes, and the one that does not
        code, out, _ = run("search", notes, "owl", "--json", "-k", 3)
        hits = [json.loads(line) for line in out]
        assert code == 0
        assert [set(hit) for hit in hits] == [{field.name for field in fields(Hit)}] * 2
        assert (hits[0]["source"], hits[0]["heading"]) == (str(notes / "owls.md"), ["Owls"])
        assert set(hits[0]["ranks"]) == {"dense", "lexical"}
    assert run("search", notes, "owl", "--json", "--where", 'name = "none"')[:2] == (0, [])


def test_sparse_vectors_that_a_folder_would_not_have_are_refused_before_it_is_indexed(run, notes):
    code, out, err = run("search", notes, "owls", "--mode", "sparse")
    assert (code, out) == (2, [])
    assert err[-1].endswith(f"run likewise index {notes} --to INDEX --sparse MODEL, then search INDEX")
    assert not (notes / ".likewise").exists()


def test_an_index_is_searched_by_every_mode_and_filter(run, ready):
    index = ready / ".likewise"
    for mode in ("hybrid", "dense", "lexical"):
        code, out, _ = run("search", index, "owls", "--mode", mode, "--json")
        assert (code, json.loads(out[0])["source"]) == (0, str(ready / "owls.md"))
    code, out, _ = run("search", index, "owls", "--where", 'extension = "txt"', "--json")
    assert [json.loads(line)["source"] for line in out] == [str(ready / "tea.txt")]


def test_why_is_told_in_words_and_in_json(run, ready):
    code, out, err = run("search", ready, "what do owls hunt", "--why", "-k", 1)
    assert (code, err) == (0, [])
    told = {line.split()[0]: line for line in out if line.startswith("   ")}
    assert {"stages", "words", "meaning", "closest"} <= set(told)
    assert "dense 1 (" in told["stages"]
    assert "owls" in told["words"]
    assert "hunt" in told["words"]
    code, out, _ = run("search", ready, "what do owls hunt", "--why", "-k", 1, "--json")
    hit = json.loads(out[0])
    assert set(hit) == {field.name for field in fields(Hit)} | {"why"}
    assert sum(term["score"] for term in hit["why"]["terms"]) == pytest.approx(hit["ranks"]["lexical"][1], abs=1e-5)


def test_phrases_beginnings_and_spelling_are_told(run, ready):
    code, out, err = run("search", ready, '"hunt" owl*', "--why", "--no-marks", "--mode", "lexical")
    assert (code, err, any(line.startswith("   phrases") for line in out)) == (0, [], False)
    code, out, err = run("search", ready, '"hunt" owl*', "--why", "--mode", "lexical", "-k", 1)
    told = {line.split()[0]: line for line in out if line.startswith("   ")}
    assert (code, err) == (0, [])
    assert "owl* " in told["words"] and "“hunt”" in told["phrases"]
    code, out, err = run("search", ready, "hutn owls", "--fuzzy", "--expansion", 2, "--why", "-k", 1)
    told = {line.split()[0]: line for line in out if line.startswith("   ")}
    assert (code, err) == (0, ["hutn is in no text; looked for hunt"])
    assert "hutn~hunt " in told["words"] and "(of the first hits)" in told["words"]
    code, out, err = run("search", ready, "hutn", "--fuzzy", "--json")
    assert (code, err) == (0, ["hutn is in no text; looked for hunt"])
    assert [json.loads(line)["taken_for"] for line in out] == [{"hutn": ["hunt"]}] * len(out) != []
    code, out, err = run("search", ready, '"owls and tea"')
    hint = "every hit must have what is in quotes, unless you add --no-marks"
    assert (code, out, err) == (0, [], [f"no hits: {ready} holds 2 documents; {hint}"])


def test_more_like_a_document_and_options_of_ranking(run, ready):
    code, out, err = run("search", ready, ready / "owls.md", "--like", "--json")
    assert (code, [json.loads(line)["source"] for line in out], err) == (0, [str(ready / "tea.txt")], [])
    options = ("--per-document", 1, "--diversity", 0.3, "--alike", 0.99, "--feedback", 1, "--fusion", "convex")
    code, out, _ = run("search", ready, "owls", "--unlike", "tea", *options, "--json")
    assert (code, json.loads(out[0])["source"], len(out)) == (0, str(ready / "owls.md"), 2)


def test_token_vectors_are_kept_when_asked_for(run, notes, tmp_path):
    folder, index = MULTI_VECTOR["plain"](tmp_path / "late"), tmp_path / "index"
    assert run("index", notes, "--to", index, "--token-vectors", folder, "--json")[0] == 0
    with open_store(index, mode="read") as store:
        assert sorted(store.token_rows([1, 2, 3])) == [1, 2]
    code, out, _ = run("search", index, "owl", "--rerank", folder, "--json")
    assert (code, [json.loads(line)["ranks"]["reranked"][0] for line in out]) == (0, [1, 2])


def test_files_and_standard_input_are_indexed(notes, tmp_path):
    """In processes of its own, as standard input is theirs."""
    command = [sys.executable, "-c", "from likewise.cli import main; main()"]
    index = tmp_path / "index"
    made = subprocess.run(
        [*command, "index", str(notes), "-", "--to", str(index), "--json"],
        input="Badgers dig at dusk.",
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = made.stdout.splitlines()
    report = json.loads(line)
    assert (report["index"], report["report"]["added"]) == (str(index), 3)
    assert set(report["report"]) == {field.name for field in fields(AddReport)}
    found = subprocess.run([*command, "search", str(index), "badgers", "-k", "1"], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert "Badgers dig at dusk." in found.stdout


def test_index_says_what_it_skipped(run, notes, tmp_path):
    (notes / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    for _ in range(2):
        code, out, err = run("index", notes, "--to", tmp_path / "index")
        assert (code, out) == (0, [])
        assert next(line for line in err if "skipped" in line).startswith(f"  skipped {notes / 'broken.pdf'}: ")
    code, out, _ = run("index", notes, "--to", tmp_path / "index", "--json")
    (skipped,) = json.loads(out[0])["report"]["skipped"]
    assert (code, skipped["path"]) == (0, str(notes / "broken.pdf"))
    assert run("index", notes, "--to", tmp_path / "other", "--ignore", "*.pdf", "--max-tokens", 50)[0] == 0
    with lw.Index(tmp_path / "other") as index:
        assert len(index) == 2


def test_an_index_of_a_model_of_the_hub_is_searched_with_its_revision_and_licence(run, notes, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    place, commit = tmp_path / "hub" / "models--acme--tiny", "d" * 40
    snapshot = write_model(place / "snapshots" / commit)
    (snapshot / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    (place / "refs").mkdir()
    (place / "refs" / "v2").write_text(commit)
    command = ("index", notes, "--to", tmp_path / "index", "--model", "acme/tiny", "--max-tokens", 10)
    for options, message in (
        (("--offline",), "acme/tiny at 'main' is not on this machine"),
        (("--revision", "v2", "--offline"), "cc-by-nc-4.0"),
    ):
        code, out, err = run(*command, *options)
        assert (code, out) == (2, [])
        assert message in err[-1]
    code, _, err = run(*command, "--revision", "v2", "--precision", "int4", "--offline", "--accept-licence")
    assert (code, f"{tmp_path / 'index'}: 2 files, 0 unchanged, 2 documents added" in err[-1]) == (0, True), err
    code, out, _ = run("search", tmp_path / "index", "owl", "--mode", "dense", "--offline", "--json")
    assert (code, {json.loads(line)["source"] for line in out}) == (0, {str(path) for path in notes.iterdir()})
    code, out, err = run("search", tmp_path / "index", "owl", "--mode", "dense", "--revision", "v3", "--offline")
    assert (code, out, "acme/tiny at 'v3' is not on this machine" in err[-1]) == (2, [], True)


def test_models_are_listed(run):
    code, out, err = run("models", "--json")
    (model,) = (row for row in map(json.loads, out) if row["default"])
    assert (code, err, model["name"], model["default"], model["installed"]) == (0, [], "all-MiniLM-L6-v2", True, True)
    assert (model["dimension"], model["max_tokens"], model["pooling"]) == (384, 256, "mean")
    assert run("models")[1][0].startswith("all-MiniLM-L6-v2 (default): sentence-transformers/all-MiniLM-L6-v2")


def test_the_doctor_tells_a_sound_index_from_a_damaged_one(run, ready):
    code, out, _ = run("doctor", ready / ".likewise", "--json")
    checks = {check["check"]: check for check in map(json.loads, out)}
    assert code == 0
    assert {"likewise", "openvino", "processor", "model", "encoder", "index", "files", "contract"} <= set(checks)
    assert all(set(check) == {"check", "ok", "found"} and check["ok"] for check in checks.values())
    assert run("doctor")[0] == 0
    database = ready / ".likewise" / "store.sqlite3"
    whole = database.read_bytes()
    database.write_bytes(whole.replace(b"hunt voles", b"hunt moles"))
    code, out, _ = run("doctor", ready / ".likewise")
    assert code == 2
    assert any(line.startswith("BAD files: ") and "checksum" in line for line in out)
    database.write_bytes(b"?" * 100)
    code, out, _ = run("doctor", ready / ".likewise")
    assert (code, [line[:10] for line in out if line.startswith("BAD")]) == (2, ["BAD index:"])
    code, out, _ = run("doctor", ready / "missing")
    assert (code, "is no index" in out[-1]) == (2, True)


BAD = {
    "missing path": (("search", "{notes}/nothing", "owl"), "no file or folder at"),
    "missing path of index": (("index", "{notes}/nothing", "--to", "{notes}/i"), "no file or folder at"),
    "blank query": (("search", "{notes}", " "), "the query is blank"),
    "mode": (("search", "{notes}", "owl", "--mode", "words"), "'words'; it must be 'hybrid', 'dense', 'lexical' or"),
    "filter": (("search", "{notes}", "owl", "--where", "year >="), "year"),
    "filter field": (("search", "{notes}", "owl", "--where", 'nam = "a"'), "Did you mean 'name'"),
    "k": (("search", "{notes}", "owl", "-k", "0"), "k is 0; it must be a whole number, at least 1"),
    "budget": (("search", "{notes}", "owl", "--budget-ms", "0"), "budget_ms is 0.0; it must be more than 0"),
    "fusion": (("search", "{notes}", "owl", "--fusion", "score"), "Did you mean 'scores'?"),
    "like": (("search", "{notes}", "owl", "--like"), "has no document 'owl'"),
    "why": (("search", "{notes}", "owl", "--like", "--why"), "--why explains what a question found"),
    "reranker": (("search", "{notes}", "owl", "--rerank", "colbertt"), "no model or folder named 'colbertt'"),
    "a file": (("search", "{notes}/tea.txt", "owl"), "is a file; to search it, run: likewise index"),
    "model": (("index", "{notes}", "--to", "{notes}/i", "--model", "minilm"), "no model or folder named 'minilm'"),
    "precision": (("index", "{notes}", "--to", "{notes}/i", "--precision", "int3"), "precision is 'int3'"),
    "way": (("index", "{notes}", "--to", "{notes}/i", "--way", "txt"), "no way of chunking named 'txt'"),
    "tokens": (("index", "{notes}", "--to", "{notes}/i", "--max-tokens", "1000"), "choose max_tokens="),
    "no index": (("index", "{notes}", "--to", "{notes}"), "is no index and not empty"),
    "option": (("search", "{notes}", "owl", "--colour"), "--colour"),
    "no number": (("search", "{notes}", "owl", "-k", "few"), "Invalid value for '-k'"),
    "no query": (("search", "{notes}"), "query"),
    "command": (("serch", "{notes}", "owl"), "serch"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_that_says_what_to_do_and_exit_code_2(run, ready, name):
    arguments, message = BAD[name]
    code, out, err = run(*(argument.replace("{notes}", str(ready)) for argument in arguments))
    assert (code, out, len(err)) == (2, [], 1), err
    assert message.lower() in err[0].lower()
    assert err[0].startswith("likewise: ")


def test_every_command_has_help_and_the_version_is_printed(run):
    assert run("--version") == (0, [lw.__version__], [])
    assert run()[:2] == run("--help")[:2]
    code, out, _ = run("--help")
    assert code == 0
    for name in COMMANDS.names():
        assert any(line.split()[:3] == [name, *COMMANDS.summary(name).split()[:2]] for line in out)
        assert COMMANDS.summary(name) in " ".join(" ".join(run(name, "--help")[1]).split())


def test_a_reader_that_stops_early_is_no_error(ready):
    code = "from likewise.cli import main; main()"
    command = f"'{sys.executable}' -c '{code}' search '{ready}/.likewise' owl --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=os.environ)
    assert (done.stdout.strip(), done.stderr) == ("0", "")
